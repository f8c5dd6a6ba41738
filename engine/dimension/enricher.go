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

// mostPairs is after how many pairs of rows a join hands on what it has: a record may
// match every row of several tables, and all of that at once has no room in memory.
const mostPairs = 1 << 18

// Enricher joins a view's source with tables, before stage one. It belongs to
// whoever applies rows to the view.
type Enricher struct {
	def   *view.Definition
	steps []*Step
	most  int // pairs, mostPairs but for tests

	// Of the result that was handed on last:
	rows       []int32 // by its row, the row of the batch; nil: the same
	watermarks []int64
	late       map[view.Late]bool // those told of the batch
}

// Step is one join.
type Step struct {
	Join   *view.Join
	Copy   *Copy       // of the table as it is now
	stage  *view.Stage // computes keys
	keys   []batch.Vector
	match  Match
	rows   []int32 // by pair, the row of the batch; nil: the same
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
	x := &Enricher{def: def, most: mostPairs, late: make(map[view.Late]bool)}
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

// Origin returns the row of the batch that a row of the result comes from.
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

// Run joins a batch of the source and hands the wider one to use, in one or several
// parts, in order, with the watermarks of their rows. A part is valid until use returns. Run
// reports whether computing a key failed for some row.
func (x *Enricher) Run(ctx context.Context, rec arrow.RecordBatch, watermarks []int64, use func(arrow.RecordBatch, []int64) error) (failed bool, err error) {
	columns := make([]arrow.Array, len(x.def.SourceColumns))
	for i, c := range x.def.SourceColumns {
		columns[i] = rec.Column(c)
	}
	narrow := array.NewRecordBatch(x.steps[0].input.Arrow(), columns, rec.NumRows())
	defer narrow.Release()
	clear(x.late)
	return x.join(ctx, 0, narrow, nil, func(wide arrow.RecordBatch, rows []int32) error {
		x.rows = rows
		if rows == nil || watermarks == nil {
			return use(wide, watermarks)
		}
		x.watermarks = x.watermarks[:0]
		for _, row := range rows {
			x.watermarks = append(x.watermarks, watermarks[row])
		}
		return use(wide, x.watermarks)
	})
}

// join runs the steps from one on. rows are the batch's, by row of rec; nil: the same.
func (x *Enricher) join(ctx context.Context, step int, rec arrow.RecordBatch, rows []int32, use func(arrow.RecordBatch, []int32) error) (failed bool, err error) {
	if step == len(x.steps) {
		return false, use(rec, rows)
	}
	s := x.steps[step]
	if failed, err = s.computeKeys(ctx, rec); err != nil {
		return failed, fmt.Errorf("view %s: join with %s: %w", x.def.Name, s.Join.Table, err)
	}
	n := int(rec.NumRows())
	for at, more := 0, true; more; more = at < n {
		at = s.Copy.Lookup(s.keys, at, n, x.most, s.Join.Left, &s.match)
		origins := rows
		if !s.match.Each {
			origins = s.follow(rows)
		}
		wide := s.widen(rec)
		wideFailed, err := x.join(ctx, step+1, wide, origins, use)
		wide.Release()
		if failed = failed || wideFailed; err != nil {
			return failed, err
		}
	}
	return failed, nil
}

// follow returns, by pair of the last lookup, the row of the batch, of which rows has those of
// the lookup's rows; nil: the same.
func (s *Step) follow(rows []int32) []int32 {
	s.rows = append(s.rows[:0], s.match.Batch...)
	if rows != nil {
		for i, row := range s.rows {
			s.rows[i] = rows[row]
		}
	}
	return s.rows
}

// Late turns rows of the result into those of the batch. A record that matched several
// rows of a table is late once for a window.
func (x *Enricher) Late(list []view.Late) []view.Late {
	if x == nil || x.rows == nil {
		return list
	}
	kept := list[:0]
	for _, l := range list {
		l.Row = x.rows[l.Row]
		if !x.late[l] {
			x.late[l] = true
			kept = append(kept, l)
		}
	}
	return kept
}

// computeKeys computes what the rows of a batch are looked up by.
func (s *Step) computeKeys(ctx context.Context, rec arrow.RecordBatch) (failed bool, err error) {
	for i := range s.Join.Keys {
		if c := s.Join.Keys[i].Row.Column; c >= 0 {
			s.keys[i] = batch.VectorOf(rec.Column(c), s.input.Columns[c].Type)
		} else {
			s.keys[i] = batch.Vector{Type: s.Join.Keys[i].Row.Type}
		}
	}
	return s.stage.Run(ctx, rec, s.keys)
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
