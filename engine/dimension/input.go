package dimension

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/view"
)

// Input is what stands before a view's state: its joins and stage one.
type Input struct {
	Rows   *batch.Schema // the source's, as the view's plan knows them
	Schema *batch.Schema // of stage one's input
	Stage  *view.Stage
	Enrich *Enricher // nil: it joins nothing

	picked []int // where the columns of Rows are in the source's rows, nil: they are all
}

// NewInput makes the input of a view over rows of a source, as NewEnricher makes its
// joins. The caller must Close it.
func NewInput(db *duck.DB, mem *batch.Allocator, plan *view.Definition, rows *batch.Schema, find func(*Step) (*Copy, error)) (*Input, error) {
	in := &Input{Rows: rows, Schema: plan.Input(rows)}
	var err error
	if in.Enrich, err = NewEnricher(db, mem, plan, rows, find); err != nil {
		return nil, err
	}
	if in.Stage, err = view.NewStage(db, mem, in.Schema, plan.Exprs); err != nil {
		in.Enrich.Close()
		return nil, err
	}
	return in, nil
}

// Close gives it up.
func (in *Input) Close() {
	in.Stage.Close()
	in.Enrich.Close()
}

// Follow says what columns the source's rows have, which may be more now than when the
// view was made.
func (in *Input) Follow(schema *batch.Schema) {
	in.picked = nil
	if len(in.Rows.Columns) == len(schema.Columns) {
		return
	}
	for _, c := range in.Rows.Columns {
		in.picked = append(in.picked, schema.Index(c.Name))
	}
}

// Pick returns the columns that the view knows. The caller releases the record.
func (in *Input) Pick(rec arrow.RecordBatch) arrow.RecordBatch {
	if in.picked == nil {
		rec.Retain()
		return rec
	}
	columns := make([]arrow.Array, len(in.picked))
	for i, c := range in.picked {
		columns[i] = rec.Column(c)
	}
	return array.NewRecordBatch(in.Rows.Arrow(), columns, rec.NumRows())
}

// Inputs are those of several views.
type Inputs []*Input

// Close gives them up.
func (list Inputs) Close() {
	for _, in := range list {
		in.Close()
	}
}
