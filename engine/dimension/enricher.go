package dimension

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/view"
)

// Enricher joins a view's source with tables, before stage one. It belongs to
// whoever applies rows to the view.
type Enricher struct {
	def   *view.Definition
	steps []*Step

	rows       []int32 // by row of the last result, the row of the batch; nil: the same
	watermarks []int64
}

// Step is one join.
type Step struct {
	Join   *view.Join
	Copy   *Copy       // of the table as it is now
	stage  *view.Stage // computes keys
	keys   []batch.Vector
	match  Match
	input  *batch.Schema
	out    *batch.Schema
	gather []*batch.Builder // by column of out
}

// NewEnricher makes the joins of a view over rows of a source; nil for a view
// without joins. find returns the copy of a step's table. The caller must Close it.
func NewEnricher(db *duck.DB, mem *batch.Allocator, def *view.Definition, source *batch.Schema, find func(*Step) (*Copy, error)) (_ *Enricher, err error) {
	if len(def.Joins) == 0 {
		return nil, nil
	}
	x := &Enricher{def: def}
	defer func() {
		if err != nil {
			x.Close()
		}
	}()
	for i := range def.Joins {
		j := &def.Joins[i]
		s := &Step{Join: j, input: def.JoinInput(source, i), out: def.JoinInput(source, i+1), keys: make([]batch.Vector, len(j.Keys))}
		x.steps = append(x.steps, s)
		for _, c := range s.out.Columns {
			s.gather = append(s.gather, batch.NewBuilder(mem, batch.NewSchema([]batch.Column{c})))
		}
		exprs := make([]view.Expr, len(j.Keys))
		for k := range j.Keys {
			exprs[k] = j.Keys[k].Row
		}
		if s.stage, err = view.NewStage(db, mem, s.input, exprs); err != nil {
			return nil, err
		}
		if s.Copy, err = find(s); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// Steps returns the joins, none for nil.
func (x *Enricher) Steps() []*Step {
	if x == nil {
		return nil
	}
	return x.steps
}

// Origin returns the row of the batch that a row of the last result comes from.
func (x *Enricher) Origin(row int32) int {
	if x == nil || x.rows == nil {
		return int(row)
	}
	return int(x.rows[row])
}

// Close gives up copies, statements and memory.
func (x *Enricher) Close() {
	if x == nil {
		return
	}
	for _, s := range x.steps {
		if s.stage != nil {
			s.stage.Close()
		}
		if s.Copy != nil {
			s.Copy.Release()
		}
		for _, b := range s.gather {
			b.Release()
		}
	}
}

// Run joins a batch of the source and returns the wider one, which the caller
// must Release, with the watermarks of its rows. It reports whether computing a
// key failed for some row.
func (x *Enricher) Run(ctx context.Context, rec arrow.RecordBatch, watermarks []int64) (_ arrow.RecordBatch, marks []int64, failed bool, err error) {
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
func (x *Enricher) follow(rows []int32) {
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

// Late turns rows of the last result into those of the batch. A record that
// matched several rows of a table is late once for a window.
func (x *Enricher) Late(list []view.Late) []view.Late {
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
func (s *Step) lookup(ctx context.Context, rec arrow.RecordBatch) (failed bool, err error) {
	for i := range s.Join.Keys {
		if c := s.Join.Keys[i].Row.Column; c >= 0 {
			s.keys[i] = batch.VectorOf(rec.Column(c), s.input.Columns[c].Type)
		} else {
			s.keys[i] = batch.Vector{Type: s.Join.Keys[i].Row.Type}
		}
	}
	if failed, err = s.stage.Run(ctx, rec, s.keys); err != nil {
		return failed, fmt.Errorf("join with %s: %w", s.Join.Table, err)
	}
	s.Copy.Lookup(s.keys, int(rec.NumRows()), s.Join.Left, &s.match)
	return failed, nil
}

// widen returns the matched rows with the table's columns.
func (s *Step) widen(rec arrow.RecordBatch) arrow.RecordBatch {
	columns := make([]arrow.Array, len(s.out.Columns))
	for i := range columns {
		switch own := i - len(s.input.Columns); {
		case own >= 0:
			columns[i] = Gather(s.gather[i], s.Copy.Column(own), s.match.Table)
		case s.match.Each:
			columns[i] = rec.Column(i)
			columns[i].Retain()
		default:
			v := batch.VectorOf(rec.Column(i), s.input.Columns[i].Type)
			columns[i] = Gather(s.gather[i], &v, s.match.Batch)
		}
	}
	out := array.NewRecordBatch(s.out.Arrow(), columns, int64(len(s.match.Batch)))
	for _, c := range columns {
		c.Release()
	}
	return out
}
