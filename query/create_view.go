package query

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/query/binder"
	"github.com/millstream-db/millstream/query/definition"
	"github.com/millstream-db/millstream/query/dialect"
	"github.com/millstream-db/millstream/query/gate"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/pgcatalog"
	"github.com/millstream-db/millstream/query/plan"
	"github.com/millstream-db/millstream/query/plan/token"
	"github.com/millstream-db/millstream/query/setting"
	"github.com/millstream-db/millstream/query/sqlstate"
)

func (s *Session) createView(ctx context.Context, t *parser.CreateView, sql string) (notices []string, err error) {
	db, background := s.db, s.background()
	skip := []string{fmt.Sprintf("relation %q already exists, skipping", t.Name.Name)}
	if t.IfNotExists && db.exists(t.Name.Name) {
		return skip, nil
	}
	if kind := db.kind(t.Name.Name); t.OrReplace && kind != "" && kind != catalog.KindView {
		return nil, &parser.Error{Code: CodeWrongObjectType, Message: fmt.Sprintf("%q is a %s, not a materialized view", t.Name.Name, kind), Offset: t.Name.Offset}
	}
	def, err := s.viewDefinition(ctx, t, sql)
	if err != nil {
		return nil, err
	}
	for _, o := range t.Options {
		if o.Name == definition.BackgroundOption {
			background, _ = setting.Switch(o.Value)
		}
	}
	job, err := db.engine.StartView(ctx, &catalog.ViewDefinition{SQL: definition.StoredView(t, sql), Plan: *def, Access: s.rights.Owner()}, t.OrReplace)
	if t.IfNotExists && errors.Is(err, engine.ErrExists) {
		return skip, nil
	}
	if err != nil {
		return nil, err
	}
	if background {
		return []string{fmt.Sprintf("job %d builds materialized view %q in the background: SHOW JOBS shows its progress, millstream.jobs how it ended", job.ID, t.Name.Name)}, nil
	}
	return nil, job.Wait(ctx)
}

// viewDefinition plans a view with its clauses and options.
func (s *Session) viewDefinition(ctx context.Context, t *parser.CreateView, sql string) (*view.Definition, error) {
	ttl, err := definition.TTL(t.Options)
	if err != nil {
		return nil, err
	}
	def, err := s.planView(ctx, t.Name.Name, t.SQL, ttl)
	if err != nil {
		return nil, sqlstate.Explain(err, sql, t.Offset)
	}
	if err := definition.Windows(def, t); err != nil {
		return nil, err
	}
	for _, o := range t.Options {
		switch o.Name {
		case definition.BackgroundOption:
			if _, ok := setting.Switch(o.Value); !ok {
				return nil, &parser.Error{Code: CodeInvalidParameter, Message: fmt.Sprintf("option background must be true or false, not %q", o.Value), Offset: o.ValueOffset}
			}
		case "retention":
			if def.Retention, err = parser.ParseDuration(o.Value); err != nil {
				return nil, &parser.Error{Code: CodeInvalidParameter, Message: fmt.Sprintf("option retention: %v", err), Offset: o.ValueOffset}
			}
		case definition.TTLOption:
			if err := s.db.relations().checkTTL(def, o); err != nil {
				return nil, err
			}
		default:
			return nil, &parser.Error{Code: CodeInvalidParameter, Message: fmt.Sprintf("unknown option %q of a materialized view", o.Name),
				Hint: "The options are retention, ttl and background.", Offset: o.Offset}
		}
	}
	return def, nil
}

// kind returns the kind of the object of a name, "" if there is none.
func (db *DB) kind(name string) string {
	switch {
	case db.engine.Sources()[name] != nil:
		return catalog.KindSource
	case db.engine.Views()[name] != nil:
		return catalog.KindView
	case db.engine.Tables()[name] != nil:
		return catalog.KindTable
	}
	return ""
}

// planView lets a view's SELECT through the gate and cuts it into stages. What it
// reads, the session must be allowed to read.
func (s *Session) planView(ctx context.Context, name, sql string, ttl time.Duration) (def *view.Definition, err error) {
	rels := s.db.relations()
	text := pgcatalog.Ordinary(sql)
	sql = text.SQL
	err = s.db.binders.With(func(b *binder.Binder) error {
		ast, err := b.Serialize(ctx, token.PlainSyntax(sql))
		if err != nil {
			return err
		}
		reads, err := gate.CheckView(ast, viewRelations{rels})
		if err == nil {
			err = s.rights.Read(reads)
		}
		if err != nil {
			return err
		}
		def, err = plan.View(ctx, b, name, sql, ttl, rels.source)
		return err
	})
	return def, sqlstate.Moved(err, text)
}

// viewRelations lets DESCRIPTOR through, Flink's word around a column, and the
// functions of the bounds of windows.
type viewRelations struct{ relations }

func (viewRelations) Macro(name string) bool {
	return name == "descriptor" || plan.WindowBound(name) || dialect.Known(name)
}

// source resolves the relation that a view reads.
func (r relations) source(schema, name string) (*plan.Source, error) {
	if schema != "" && schema != publicSchema {
		return nil, nil
	}
	if s, canonical := find(r.sources, name); s != nil {
		if s.Keyed() {
			return &plan.Source{Name: canonical, Columns: s.Schema().Columns[:len(s.Columns)], Visible: len(s.Columns), Table: true, Keyed: true}, nil
		}
		return &plan.Source{Name: canonical, Columns: s.Schema().Columns, Visible: len(s.Columns), EventTime: s.EventTime}, nil
	}
	if t, canonical := find(r.tables, name); t != nil {
		columns := t.Schema().Columns
		return &plan.Source{Name: canonical, Columns: columns, Visible: len(columns), Table: true}, nil
	}
	if v, canonical := find(r.views, name); v != nil {
		schema := v.StreamSchema()
		if schema == nil {
			return nil, plan.ErrView
		}
		inOrder, _ := r.closedWindows(canonical)
		return &plan.Source{Name: canonical, Columns: schema.Columns, Visible: len(v.Plan.Columns), EventTime: v.Plan.EventTime, Closed: r.overClosed(canonical), InOrder: inOrder}, nil
	}
	return nil, nil
}

func (db *DB) drop(ctx context.Context, t *parser.Drop) (notices []string, err error) {
	kind, name := catalog.KindSource, t.Name.Name
	if db.engine.Tables()[name] != nil && t.Kind == parser.Table {
		return nil, db.engine.DropTable(ctx, name, t.Cascade)
	}
	isView := db.engine.Views()[name] != nil
	isSource := db.engine.Sources()[name] != nil
	switch t.Kind {
	case parser.MaterializedView:
		kind = catalog.KindView
	case parser.Table:
		if isView {
			kind = catalog.KindView
		}
	}
	if b := db.engine.Jobs().Building(name); b != nil && !isView && !isSource && t.Kind != parser.Source {
		return nil, b
	}
	if kind == catalog.KindView && !isView || kind == catalog.KindSource && !isSource {
		if isView || isSource {
			return nil, &parser.Error{Code: CodeWrongObjectType, Message: fmt.Sprintf("%q is not a %s", name, kindName(kind)), Offset: t.Name.Offset,
				Hint: "Use DROP " + map[bool]string{true: "MATERIALIZED VIEW", false: "SOURCE"}[isView] + " to remove it."}
		}
		if db.engine.Tables()[name] != nil {
			return nil, &parser.Error{Code: "42809", Message: fmt.Sprintf("%q is not a %s", name, kindName(kind)), Offset: t.Name.Offset,
				Hint: "Use DROP TABLE to remove it."}
		}
		if t.IfExists {
			return []string{fmt.Sprintf("%s %q does not exist, skipping", strings.ToLower(t.Kind.String()), name)}, nil
		}
		return nil, missing(t.Kind, t.Name)
	}
	return nil, db.engine.Drop(ctx, kind, name, t.Cascade)
}

func kindName(kind string) string {
	switch kind {
	case catalog.KindView:
		return "materialized view"
	case catalog.KindTable:
		return "table"
	}
	return "source"
}
