package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/dimension"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/view"
)

// enricher joins a view's source with tables, before stage one. It belongs to
// whoever applies rows to the view.
type enricher struct {
	def    *view.Definition
	source *batch.Schema
	steps  []*enrichStep

	rows       []int32 // by row of the last result, the row of the batch; nil: the same
	watermarks []int64
}

// enrichStep is one join.
type enrichStep struct {
	join   *view.Join
	key    string // tells copies apart
	copy   *dimension.Copy
	stage  *view.Stage // computes keys
	keys   []batch.Vector
	match  dimension.Match
	input  *batch.Schema
	out    *batch.Schema
	gather []*batch.Builder // by column of out
}

// newEnricher returns nil for a view without joins.
func (e *Engine) newEnricher(ctx context.Context, def *view.Definition, source *batch.Schema) (_ *enricher, err error) {
	if len(def.Joins) == 0 {
		return nil, nil
	}
	x := &enricher{def: def, source: source}
	defer func() {
		if err != nil {
			x.close()
		}
	}()
	for i := range def.Joins {
		j := &def.Joins[i]
		t := e.tables[j.Table]
		if t == nil {
			return nil, fmt.Errorf("table %q %w", j.Table, ErrNotFound)
		}
		s := &enrichStep{join: j, key: copyKey(j), input: def.JoinInput(source, i), out: def.JoinInput(source, i+1), keys: make([]batch.Vector, len(j.Keys))}
		x.steps = append(x.steps, s)
		for _, c := range s.out.Columns {
			s.gather = append(s.gather, batch.NewBuilder(e.mem, batch.NewSchema([]batch.Column{c})))
		}
		exprs := make([]view.Expr, len(j.Keys))
		for k := range j.Keys {
			exprs[k] = j.Keys[k].Row
		}
		if s.stage, err = view.NewStage(e.store.DB(), e.mem, s.input, exprs); err != nil {
			return nil, err
		}
		if s.copy, err = e.tableCopy(ctx, t, s); err != nil {
			return nil, err
		}
	}
	return x, nil
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
func (e *Engine) tableCopy(ctx context.Context, t *liveTable, s *enrichStep) (*dimension.Copy, error) {
	for _, v := range e.attached() {
		for _, other := range v.steps() {
			if other.key == s.key && other.copy.Version == t.version {
				return other.copy.Retain(), nil
			}
		}
	}
	columns := make([]batch.Column, 0, len(s.join.Keys)+len(s.join.Columns))
	for i, k := range s.join.Keys {
		columns = append(columns, batch.Column{Name: fmt.Sprint("j", i), Type: k.Row.Type})
	}
	for i, c := range s.join.Columns {
		columns = append(columns, batch.Column{Name: fmt.Sprint("c", i), Type: c.Type})
	}
	schema := batch.NewSchema(columns)
	c, err := dimension.Build(e.mem, schema, len(s.join.Keys), func(f func(arrow.RecordBatch) error) error {
		rows, err := e.admin.Query(ctx, copySQL(s.join))
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
	for _, s := range v.steps() {
		t := e.tables[s.join.Table]
		if t == nil || s.copy.Version == t.version {
			continue
		}
		c, err := e.tableCopy(ctx, t, s)
		if err != nil {
			return err
		}
		s.copy.Release()
		s.copy = c
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
		for _, s := range v.steps() {
			if s.join.Table == name {
				list = append(list, v)
				break
			}
		}
	}
	return list
}

// steps returns the joins of a view.
func (v *liveView) steps() []*enrichStep {
	if v.enrich == nil {
		return nil
	}
	return v.enrich.steps
}

// origin returns the row of the batch that a row of the last result comes from.
func (x *enricher) origin(row int32) int {
	if x == nil || x.rows == nil {
		return int(row)
	}
	return int(x.rows[row])
}

func (x *enricher) close() {
	if x == nil {
		return
	}
	for _, s := range x.steps {
		if s.stage != nil {
			s.stage.Close()
		}
		if s.copy != nil {
			s.copy.Release()
		}
		for _, b := range s.gather {
			b.Release()
		}
	}
}

// run joins a batch of the source and returns the wider one, which the caller
// must Release, with the watermarks of its rows. It reports whether computing a
// key failed for some row.
func (x *enricher) run(ctx context.Context, rec arrow.RecordBatch, watermarks []int64) (_ arrow.RecordBatch, marks []int64, failed bool, err error) {
	columns := make([]arrow.Array, len(x.def.SourceColumns))
	for i, c := range x.def.SourceColumns {
		columns[i] = rec.Column(c)
	}
	n := rec.NumRows()
	wide := array.NewRecordBatch(x.steps[0].input.Arrow(), columns, n)
	x.rows = nil
	for _, s := range x.steps {
		keyFailed, err := s.lookup(ctx, wide)
		if err != nil {
			wide.Release()
			return nil, nil, false, err
		}
		failed = failed || keyFailed
		next := s.widen(wide)
		wide.Release()
		wide = next
		if !s.match.Each {
			x.follow(s.match.Batch)
		}
	}
	if x.rows == nil || watermarks == nil {
		return wide, watermarks, failed, nil
	}
	x.watermarks = x.watermarks[:0]
	for _, row := range x.rows {
		x.watermarks = append(x.watermarks, watermarks[row])
	}
	return wide, x.watermarks, failed, nil
}

// follow composes the rows of the result so far with those of one more join.
func (x *enricher) follow(rows []int32) {
	if x.rows == nil {
		x.rows = append([]int32{}, rows...)
		return
	}
	composed := make([]int32, len(rows))
	for i, row := range rows {
		composed[i] = x.rows[row]
	}
	x.rows = composed
}

// late turns rows of the last result into those of the batch. A record that
// matched several rows of a table is late once for a window.
func (x *enricher) late(list []view.Late) []view.Late {
	if x == nil || x.rows == nil {
		return list
	}
	seen := make(map[view.Late]bool, len(list))
	kept := list[:0]
	for _, l := range list {
		l.Row = x.rows[l.Row]
		if !seen[l] {
			seen[l] = true
			kept = append(kept, l)
		}
	}
	return kept
}

// lookup finds the matches of a batch's rows.
func (s *enrichStep) lookup(ctx context.Context, rec arrow.RecordBatch) (failed bool, err error) {
	for i := range s.join.Keys {
		if c := s.join.Keys[i].Row.Column; c >= 0 {
			s.keys[i] = batch.VectorOf(rec.Column(c), s.input.Columns[c].Type)
		} else {
			s.keys[i] = batch.Vector{Type: s.join.Keys[i].Row.Type}
		}
	}
	if failed, err = s.stage.Run(ctx, rec, s.keys); err != nil {
		return failed, fmt.Errorf("join with %s: %w", s.join.Table, err)
	}
	s.copy.Lookup(s.keys, int(rec.NumRows()), s.join.Left, &s.match)
	return failed, nil
}

// widen returns the matched rows with the table's columns.
func (s *enrichStep) widen(rec arrow.RecordBatch) arrow.RecordBatch {
	columns := make([]arrow.Array, len(s.out.Columns))
	for i := range columns {
		switch own := i - len(s.input.Columns); {
		case own >= 0:
			columns[i] = dimension.Gather(s.gather[i], s.copy.Column(own), s.match.Table)
		case s.match.Each:
			columns[i] = rec.Column(i)
			columns[i].Retain()
		default:
			v := batch.VectorOf(rec.Column(i), s.input.Columns[i].Type)
			columns[i] = dimension.Gather(s.gather[i], &v, s.match.Batch)
		}
	}
	out := array.NewRecordBatch(s.out.Arrow(), columns, int64(len(s.match.Batch)))
	for _, c := range columns {
		c.Release()
	}
	return out
}
