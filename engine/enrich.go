package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/dimension"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/view"
)

// newEnricher returns nil for a view without joins.
func (e *Engine) newEnricher(ctx context.Context, def *view.Definition, source *batch.Schema) (*dimension.Enricher, error) {
	return dimension.NewEnricher(e.store.DB(), e.mem, def, source, func(s *dimension.Step) (*dimension.Copy, error) {
		t := e.tables[s.Join.Table]
		if t == nil {
			return nil, fmt.Errorf("table %q %w", s.Join.Table, ErrNotFound)
		}
		return e.tableCopy(ctx, t, s.Join)
	})
}

// copySQL reads what a join needs of its table.
func copySQL(j *view.Join) string {
	items := make([]string, 0, len(j.Keys)+len(j.Columns))
	for i, k := range j.Keys {
		items = append(items, fmt.Sprintf("TRY(%s) AS j%d", k.Table, i))
	}
	for _, c := range j.Columns {
		items = append(items, history.Quote(c.Column))
	}
	sql := "SELECT " + strings.Join(items, ", ") + " FROM history.main." + history.Quote(j.Table)
	if j.Where != "" {
		sql += " WHERE TRY(" + j.Where + ")"
	}
	return sql
}

// copyKey is equal for joins that can share a copy.
func copyKey(j *view.Join) string {
	key := copySQL(j)
	for _, k := range j.Keys {
		key += " " + k.Row.Type.String()
	}
	return key
}

// tableCopy returns the copy of a table's current version that a join needs:
// another view's, or a new one. It runs on the writer.
func (e *Engine) tableCopy(ctx context.Context, t *liveTable, j *view.Join) (*dimension.Copy, error) {
	key := copyKey(j)
	for _, v := range e.attached() {
		for _, other := range v.enrich.Steps() {
			if copyKey(other.Join) == key && other.Copy.Version == t.version {
				return other.Copy.Retain(), nil
			}
		}
	}
	columns := make([]batch.Column, 0, len(j.Keys)+len(j.Columns))
	for i, k := range j.Keys {
		columns = append(columns, batch.Column{Name: fmt.Sprint("j", i), Type: k.Row.Type})
	}
	for i, c := range j.Columns {
		columns = append(columns, batch.Column{Name: fmt.Sprint("c", i), Type: c.Type})
	}
	schema := batch.NewSchema(columns)
	c, err := dimension.Build(e.mem, schema, len(j.Keys), func(f func(arrow.RecordBatch) error) error {
		rows, err := e.admin.Query(ctx, copySQL(j))
		if err != nil {
			return err
		}
		defer rows.Close()
		for i, c := range rows.Columns() {
			if want := schema.Columns[i].Type.String(); c.Type != want {
				return fmt.Errorf("column %s is of type %s, planned as %s", c.Name, c.Type, want)
			}
		}
		return rows.Records(schema, e.mem, backfillRows, f)
	})
	if err != nil {
		return nil, fmt.Errorf("copy table %s: %w", t.def.Name, err)
	}
	c.Version = t.version
	return c, nil
}

// refresh gives a view the current versions of the tables that it joins.
func (e *Engine) refresh(ctx context.Context, v *liveView) error {
	for _, s := range v.enrich.Steps() {
		t := e.tables[s.Join.Table]
		if t == nil || s.Copy.Version == t.version {
			continue
		}
		c, err := e.tableCopy(ctx, t, s.Join)
		if err != nil {
			return err
		}
		s.Copy.Release()
		s.Copy = c
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
		for _, s := range v.enrich.Steps() {
			if s.Join.Table == name {
				list = append(list, v)
				break
			}
		}
	}
	return list
}
