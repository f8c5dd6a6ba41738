package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/dimension"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/view"
)

// newInput makes the input of a view over rows of a source.
func (e *Engine) newInput(def *view.Definition, rows *batch.Schema) (*dimension.Input, error) {
	ctx := context.Background()
	return dimension.NewInput(e.store.DB(), e.mem, def, rows, func(s *dimension.Step) (*dimension.Copy, error) {
		if src := e.sources[s.Join.Table]; src != nil && src.def.Keyed() {
			return e.latestCopy(ctx, src, s.Join)
		}
		t := e.tables[s.Join.Table]
		if t == nil {
			return nil, fmt.Errorf("table %q %w", s.Join.Table, ErrNotFound)
		}
		return e.tableCopy(ctx, t, s.Join)
	})
}

// tableCopy returns the copy of a table's current version that a join needs:
// another view's, or a new one. It runs on the writer.
func (e *Engine) tableCopy(ctx context.Context, t *liveTable, j *view.Join) (*dimension.Copy, error) {
	key := dimension.ShareKey(j)
	for _, v := range e.attached() {
		for _, other := range v.Enrich.Steps() {
			if dimension.ShareKey(other.Join) == key && other.Copy.Version == t.version {
				return other.Copy.Retain(), nil
			}
		}
	}
	var c *dimension.Copy
	err := e.queryLive(ctx, nil, func(conn *duck.Conn) (err error) {
		c, err = e.buildCopy(j, func(schema *batch.Schema, f func(arrow.RecordBatch) error) error {
			return conn.Records(ctx, dimension.SelectSQL(j), schema, e.mem, backfillRows, f)
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("copy table %s: %w", t.def.Name, err)
	}
	c.Version = t.version
	return c, nil
}

func (e *Engine) buildCopy(j *view.Join, scan func(*batch.Schema, func(arrow.RecordBatch) error) error) (*dimension.Copy, error) {
	schema := batch.NewSchema(dimension.Columns(j))
	return dimension.Build(e.mem, schema, len(j.Keys), func(f func(arrow.RecordBatch) error) error { return scan(schema, f) })
}

// queryLive reads tables on the writer's connection.
func (e *Engine) queryLive(ctx context.Context, r duck.Relations, f func(*duck.Conn) error) error {
	defer e.store.HoldCommits()()
	return e.live.Query(ctx, r, f)
}

// refresh gives a view the current versions of the tables that it joins.
func (e *Engine) refresh(ctx context.Context, v *liveView) error {
	for _, s := range v.Enrich.Steps() {
		var c *dimension.Copy
		var err error
		if src := e.sources[s.Join.Table]; src != nil && src.def.Keyed() {
			if c, err = e.sharedCopy(ctx, src, s.Join); err == nil {
				c.Retain()
			}
		} else if t := e.tables[s.Join.Table]; t != nil && s.Copy.Version != t.version {
			c, err = e.tableCopy(ctx, t, s.Join)
		}
		if err != nil {
			return err
		}
		if c != nil {
			s.Copy.Release()
			s.Copy = c
		}
	}
	return nil
}

// tableChanged gives the views that join a table its new version.
func (e *Engine) tableChanged(t *liveTable) error {
	for _, v := range e.tableViews(t.def.Name) {
		if err := e.refresh(context.Background(), v); err != nil {
			return err
		}
	}
	return nil
}

// tableViews returns the views that join a table.
func (e *Engine) tableViews(name string) (list []*liveView) {
	for _, v := range e.attached() {
		if slices.ContainsFunc(v.Enrich.Steps(), func(s *dimension.Step) bool { return s.Join.Table == name }) {
			list = append(list, v)
		}
	}
	return list
}
