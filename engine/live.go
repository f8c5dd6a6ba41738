package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/hot"
	"github.com/millstream-db/millstream/engine/livecatalog"
	"github.com/millstream-db/millstream/engine/view"
)

func (e *Engine) openLive(ctx context.Context) (err error) {
	sql := catalog.Live + duck.StrictDivision("live.strict", "live.public", "live.meta")
	if e.live, err = livecatalog.Open(ctx, e.store.DB(), sql, e.catalog, schemas{e}, e.opts.Logger); err != nil {
		return err
	}
	for name := range systemTables {
		if err := e.liveView(ctx, "millstream", name, "SELECT * FROM ms_scan("+history.Literal(systemPrefix+name)+")"); err != nil {
			return err
		}
	}
	return e.liveView(ctx, "millstream", "checkpoints", "SELECT * FROM history.internal.checkpoints")
}

func (e *Engine) liveView(ctx context.Context, schema, name, sql string) error {
	return e.live.View(ctx, "live."+schema, name, sql)
}

// The prefixes of relations that ms_scan finds on a reader's connection.
const (
	rowsPrefix      = "rows:"
	latePrefix      = "late:"
	rejectedPrefix  = "rejected:"
	viewPrefix      = "view:"
	bagPrefix       = "bag:"       // then the aggregate's number, a slash, and the view
	closedBagPrefix = "closedbag:" // as bagPrefix, for the windows of closedPrefix
	closedPrefix    = "closed:"    // a view's windows that have closed and are not in history yet
	systemPrefix    = "sys:"
	localPrefix     = "local:"
)

// showSource makes a source's tables readable.
func (e *Engine) showSource(ctx context.Context, s *liveSource) error {
	name := s.def.Name
	rowHistory := name
	if s.def.NoHistory {
		rowHistory = ""
	}
	rows := func(columns []batch.Column) string { return history.Both(columns, rowHistory, rowsPrefix+name) }
	all := s.schema.Columns
	if s.def.Keyed() {
		rows = func(columns []batch.Column) string { return s.def.LatestSQL(columns, rowsPrefix+name) }
		all = s.def.Schema().Columns
	}
	for schema, columns := range map[string][]batch.Column{"public": all[:len(s.def.Columns)], "meta": all} {
		if err := e.liveView(ctx, schema, name, rows(columns)); err != nil {
			return err
		}
	}
	if err := e.liveView(ctx, "public", name+catalog.LateSuffix, history.Both(s.late.Columns, name+catalog.LateSuffix, latePrefix+name)); err != nil {
		return err
	}
	if s.derived {
		return nil
	}
	return e.liveView(ctx, "public", name+catalog.RejectedSuffix, history.Both(catalog.RejectedSchema().Columns, name+catalog.RejectedSuffix, rejectedPrefix+name))
}

// showView makes a view readable.
func (e *Engine) showView(ctx context.Context, v *liveView) error {
	name := v.def.Plan.Name
	if v.def.Plan.AppendOnly() {
		return e.showSource(ctx, v.out)
	}
	sql := v.def.ResultSQL(viewPrefix+name, view.BagName(bagPrefix, name))
	if v.def.Plan.Window != nil {
		sql = "SELECT " + history.Columns(v.def.Plan.Columns) + " FROM history.main." + history.Quote(name) + " UNION ALL (" + sql + ")"
	}
	return e.liveView(ctx, "public", name, sql)
}

// showCatalog changes the live catalog and its version in one transaction, once
// a checkpoint has changed names or columns. The version moves in any case:
// readers wait for it.
func (e *Engine) showCatalog(ctx context.Context, change func(context.Context) error) error {
	return e.live.Change(context.WithoutCancel(ctx), e.catalog, change) // it is durable already
}

// hide makes a source's and views' names unreadable.
func (e *Engine) hide(ctx context.Context, s *liveSource, views []*liveView) error {
	var public, meta []string
	add := func(name string, stream bool) {
		public = append(public, name)
		if stream {
			public, meta = append(public, name+catalog.LateSuffix), append(meta, name)
		}
	}
	for _, v := range views {
		add(v.def.Plan.Name, v.def.Plan.AppendOnly())
	}
	if s != nil {
		add(s.def.Name, true)
		public = append(public, s.def.Name+catalog.RejectedSuffix)
	}
	return errors.Join(e.live.Drop(ctx, "live.public", public...), e.live.Drop(ctx, "live.meta", meta...))
}

// Admin runs trusted SQL, which is one transaction, that defines things in the live
// catalog over the system tables: the macros and views that Postgres clients expect. It
// runs beside all else that the engine does.
func (e *Engine) Admin(ctx context.Context, sql string) error {
	return e.live.DefineBeside(ctx, sql, systemShapes{})
}

// systemShapes answers ms_scan for the system tables, whose columns are always the same.
type systemShapes struct{}

// Relation implements [duck.Relations].
func (systemShapes) Relation(name string) (duck.Relation, error) {
	if object, ok := strings.CutPrefix(name, systemPrefix); ok {
		if t, ok := systemTables[object]; ok {
			return hot.Shape(t.schema()), nil
		}
	}
	return nil, fmt.Errorf("relation %q does not exist", name)
}
