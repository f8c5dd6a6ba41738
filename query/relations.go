package query

import (
	"maps"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/query/dialect"
	"github.com/millstream-db/millstream/query/gate"
	"github.com/millstream-db/millstream/query/narrow"
	"github.com/millstream-db/millstream/query/pgcatalog"
)

// relations is the catalog as the gate asks for it, at one moment.
type relations struct {
	sources map[string]*catalog.SourceDefinition
	views   map[string]*catalog.ViewDefinition
	tables  map[string]*catalog.TableDefinition
	missing *[]string // the names that were looked for in vain
	shapes  *narrow.Shapes
}

func (db *DB) relations() relations {
	return relations{db.engine.Sources(), db.engine.Views(), db.engine.Tables(), new([]string), db.shapes}
}

// explain says of a relation that was not found that a job is building it.
func (r relations) explain(db *DB, err error) error {
	for _, name := range *r.missing {
		if b := db.engine.Jobs().Building(name); b != nil {
			return b
		}
	}
	return err
}

// The schemas of users' objects and of system tables.
const (
	publicSchema = "public"
	systemSchema = "millstream"
)

// Lookup resolves a relation's name in any letter case.
func (r relations) Lookup(schema, name string) (gate.Relation, bool) {
	schema = strings.ToLower(schema)
	if schema == systemSchema {
		found := slices.Contains(engine.SystemTables(), strings.ToLower(name))
		return gate.Relation{Schema: systemSchema, Name: strings.ToLower(name)}, found
	}
	if schema != "" && schema != publicSchema {
		return gate.Relation{}, false
	}
	if s, canonical := find(r.sources, name); s != nil {
		rel := gate.Relation{Schema: publicSchema, Name: canonical, EventTime: s.EventTime}
		for _, c := range s.Schema().Columns {
			rel.Columns = append(rel.Columns, c.Name)
		}
		return rel, true
	}
	if v, canonical := find(r.views, name); v != nil {
		rel := gate.Relation{Schema: publicSchema, Name: canonical}
		if v.Plan.AppendOnly() {
			rel.EventTime = v.Plan.EventTime
			for _, c := range v.StreamSchema().Columns {
				rel.Columns = append(rel.Columns, c.Name)
			}
			return rel, true
		}
		for _, c := range v.Plan.Columns {
			rel.Columns = append(rel.Columns, c.Name)
		}
		return r.shapes.Of(v).Of(rel), true
	}
	if t, canonical := find(r.tables, name); t != nil {
		rel := gate.Relation{Schema: publicSchema, Name: canonical}
		for _, c := range t.Columns {
			rel.Columns = append(rel.Columns, c.Name)
		}
		return rel, true
	}
	for _, suffix := range []string{catalog.LateSuffix, catalog.RejectedSuffix} {
		if base, ok := cutSuffixFold(name, suffix); ok {
			if v, canonical := find(r.views, base); v != nil && v.Plan.AppendOnly() && suffix == catalog.LateSuffix {
				return gate.Relation{Schema: publicSchema, Name: canonical + suffix}, true
			}
			if s, canonical := find(r.sources, base); s != nil {
				return gate.Relation{Schema: publicSchema, Name: canonical + suffix}, true
			}
		}
	}
	*r.missing = append(*r.missing, name)
	return gate.Relation{}, false
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if len(s) > len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix) {
		return s[:len(s)-len(suffix)], true
	}
	return s, false
}

// find looks a name up as written, then without regard to letter case.
func find[T any](m map[string]*T, name string) (*T, string) {
	if v := m[name]; v != nil {
		return v, name
	}
	for key, v := range m {
		if strings.EqualFold(key, name) {
			return v, key
		}
	}
	return nil, ""
}

// Names returns every name that a mistyped one may have meant.
func (r relations) Names() []string {
	names := append(slices.Sorted(maps.Keys(r.views)), slices.Sorted(maps.Keys(r.tables))...)
	for _, s := range slices.Sorted(maps.Keys(r.sources)) {
		names = append(names, s, s+catalog.LateSuffix, s+catalog.RejectedSuffix)
	}
	return names
}

// Macro reports whether a function is one that DuckDB has not and the language
// has.
func (r relations) Macro(name string) bool { return dialect.Known(name) }

// catalogRelations is users' tables and the shadow of Postgres's catalog.
type catalogRelations struct{ relations }

// Lookup resolves the shadow's relations too.
func (c catalogRelations) Lookup(schema, name string) (gate.Relation, bool) {
	if rel, ok := c.relations.Lookup(schema, name); ok {
		return rel, true
	}
	_, ok := pgcatalog.Relation(strings.ToLower(schema), strings.ToLower(name))
	return gate.Relation{Schema: schema, Name: name}, ok
}

// Macro reports whether a function belongs to the shadow.
func (catalogRelations) Macro(name string) bool { return pgcatalog.Macro(name) || dialect.Known(name) }

// path returns where the names of a statement over users' tables are looked
// for: where the metadata columns are, if its text names one.
func path(sql string) engine.Path {
	for _, c := range batch.MetadataColumns() {
		if strings.Contains(strings.ToLower(sql), c.Name) {
			return engine.MetadataPath
		}
	}
	return engine.PlainPath
}
