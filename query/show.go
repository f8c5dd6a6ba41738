package query

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/query/parser"
)

// prepareShow prepares SHOW SOURCES and its like, SHOW CREATE and DESCRIBE.
func (s *Session) prepareShow(st *Statement, tree parser.Statement) error {
	switch t := tree.(type) {
	case *parser.ShowObjects:
		return s.showObjects(st, t.Kind)
	case *parser.ShowJobs:
		return s.showJobs(st)
	case *parser.ShowCreate:
		return s.textStatement(st, []string{"name", "create_sql"}, func(context.Context) ([][]string, error) { return s.db.showCreate(t) })
	case *parser.ShowColumns:
		return s.textStatement(st, []string{"name", "type", "extra"}, func(context.Context) ([][]string, error) { return s.db.describe(t.Name) })
	}
	return Errorf(CodeInternal, "SHOW of %T", tree)
}

func (s *Session) showObjects(st *Statement, kind parser.ObjectKind) error {
	switch kind {
	case parser.Source:
		return s.textStatement(st, []string{"name", "connector", "topic"}, func(context.Context) ([][]string, error) {
			var rows [][]string
			for _, d := range byName(s.db.engine.Sources()) {
				rows = append(rows, []string{d.Name, d.Connector, d.Options["topic"]})
			}
			return rows, nil
		})
	case parser.MaterializedView:
		return s.textStatement(st, []string{"name", "source"}, func(context.Context) ([][]string, error) {
			var rows [][]string
			for _, d := range byName(s.db.engine.Views()) {
				rows = append(rows, []string{d.Plan.Name, d.Plan.Source})
			}
			return rows, nil
		})
	default:
		return s.textStatement(st, []string{"name", "kind"}, func(context.Context) ([][]string, error) { return s.db.tables(), nil })
	}
}

func byName[T any](m map[string]*T) []*T {
	out := make([]*T, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[name])
	}
	return out
}

// tables lists everything that can be read, but system tables.
func (db *DB) tables() [][]string {
	var rows [][]string
	for _, d := range byName(db.engine.Sources()) {
		rows = append(rows, []string{d.Name, "source"}, []string{d.Name + catalog.LateSuffix, "late records"},
			[]string{d.Name + catalog.RejectedSuffix, "rejected records"})
	}
	for _, d := range byName(db.engine.Views()) {
		rows = append(rows, []string{d.Plan.Name, "materialized view"})
	}
	for _, d := range byName(db.engine.Tables()) {
		rows = append(rows, []string{d.Name, "table"})
	}
	slices.SortFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return rows
}

func missing(kind parser.ObjectKind, name parser.Name) error {
	noun := strings.ToLower(kind.String())
	if kind == parser.Table {
		noun = "relation"
	}
	return &parser.Error{Code: CodeUndefinedTable, Message: fmt.Sprintf("%s %q does not exist", noun, name.Name), Offset: name.Offset}
}

func (db *DB) showCreate(t *parser.ShowCreate) ([][]string, error) {
	source, view, table := db.engine.Sources()[t.Name.Name], db.engine.Views()[t.Name.Name], db.engine.Tables()[t.Name.Name]
	var sql string
	switch {
	case source != nil && t.Kind != parser.MaterializedView:
		sql = source.SQL
	case view != nil && t.Kind != parser.Source:
		sql = view.SQL
	case table != nil && t.Kind == parser.Table:
		sql = table.SQL
	default:
		return nil, missing(t.Kind, t.Name)
	}
	tree, err := parser.Parse(sql)
	if err != nil {
		return nil, err
	}
	switch c := tree.(type) {
	case *parser.CreateSource:
		sql = parser.FormatCreateSource(c, true)
	case *parser.CreateTable:
		sql = parser.FormatCreateTable(c)
	case *parser.CreateView:
		sql = parser.FormatCreateView(c, true)
	}
	return [][]string{{t.Name.Name, sql}}, nil
}

// describe lists a relation's columns.
func (db *DB) describe(name parser.Name) ([][]string, error) {
	if name.Schema == "" || name.Schema == publicSchema {
		if d := db.engine.Sources()[name.Name]; d != nil {
			return describeSource(d), nil
		}
		if d := db.engine.Tables()[name.Name]; d != nil {
			return describeTable(d), nil
		}
		if d := db.engine.Views()[name.Name]; d != nil {
			rows := make([][]string, len(d.Plan.Columns))
			for i, c := range d.Plan.Columns {
				rows[i] = []string{c.Name, c.Type.String(), ""}
			}
			return rows, nil
		}
	}
	columns := db.engine.TableColumns(name.Schema, name.Name)
	if columns == nil {
		return nil, missing(parser.Table, name)
	}
	rows := make([][]string, len(columns))
	for i, c := range columns {
		rows[i] = []string{c.Name, c.Type.String(), ""}
	}
	return rows, nil
}

func describeSource(d *catalog.SourceDefinition) [][]string {
	var rows [][]string
	for _, c := range d.Columns {
		var extra []string
		if c.Generated != "" {
			extra = append(extra, "generated")
		}
		if c.Name == d.EventTime {
			extra = append(extra, "event time")
		}
		rows = append(rows, []string{c.Name, c.Type.String(), strings.Join(extra, ", ")})
	}
	all := d.Schema().Columns
	for _, c := range all[len(d.Columns):] {
		rows = append(rows, []string{c.Name, c.Type.String(), "metadata"})
	}
	return rows
}
