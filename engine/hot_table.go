package engine

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/epoch"
)

// hotSegment is rows of consecutive epochs.
type hotSegment struct {
	record  arrow.RecordBatch
	born    uint64 // the epoch that made the record
	first   uint64 // the epochs whose rows it holds
	last    uint64
	charge  int64 // bytes taken from the budget
	minTime int64 // the least and greatest event time, NULLs left out
	maxTime int64
	nulls   bool // some event time is NULL
}

// hotTable is the rows of one table that are not in history yet. It belongs to
// the writer.
type hotTable struct {
	name     string
	schema   *batch.Schema
	time     int // the event time's column, -1 none
	mem      *batch.Allocator
	reclaim  *epoch.Reclaimer
	segments []*hotSegment
	added    int64 // rows since the engine was opened, those that have gone included
	sealed   int   // segments before it belong to a checkpoint and stay as they are
	changed  bool
	frozen   []*hotSegment
}

// mergeRows is up to how many rows neighbouring segments are merged: a quiet
// stream would otherwise leave a segment for each record.
const mergeRows = 8192

// add appends a record batch, whose owner is the table from now on.
func (t *hotTable) add(rec arrow.RecordBatch, charge int64) error {
	now := t.reclaim.Next()
	s := &hotSegment{record: rec, born: now, first: now, last: now, charge: charge}
	s.minTime, s.maxTime, s.nulls = t.timeRange(rec)
	t.segments = append(t.segments, s)
	t.added += rec.NumRows()
	t.changed = true
	for len(t.segments)-t.sealed >= 2 {
		a, b := t.segments[len(t.segments)-2], t.segments[len(t.segments)-1]
		rows := a.record.NumRows() + b.record.NumRows()
		if rows > mergeRows || a.record.NumRows() > 2*b.record.NumRows() {
			break
		}
		merged, err := t.merge(a, b)
		if err != nil {
			return err
		}
		t.reclaim.RetireRecord(a.born, a.record)
		t.reclaim.RetireRecord(b.born, b.record)
		t.segments = append(t.segments[:len(t.segments)-2], merged)
	}
	return nil
}

func (t *hotTable) merge(a, b *hotSegment) (*hotSegment, error) {
	columns := make([]arrow.Array, a.record.NumCols())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i := range columns {
		var err error
		if columns[i], err = array.Concatenate([]arrow.Array{a.record.Column(i), b.record.Column(i)}, t.mem); err != nil {
			return nil, err
		}
	}
	return &hotSegment{
		record: array.NewRecordBatch(t.schema.Arrow(), columns, a.record.NumRows()+b.record.NumRows()),
		born:   t.reclaim.Next(), first: a.first, last: b.last, charge: a.charge + b.charge,
		minTime: min(a.minTime, b.minTime), maxTime: max(a.maxTime, b.maxTime), nulls: a.nulls || b.nulls,
	}, nil
}

func (t *hotTable) timeRange(rec arrow.RecordBatch) (low, high int64, nulls bool) {
	low, high = math.MaxInt64, math.MinInt64
	if t.time < 0 {
		return math.MinInt64, math.MaxInt64, true
	}
	v := batch.VectorOf(rec.Column(t.time), t.schema.Columns[t.time].Type)
	for i := range v.Len {
		if v.Null(i) {
			nulls = true
			continue
		}
		ts := v.Int64(i)
		low, high = min(low, ts), max(high, ts)
	}
	return low, high, nulls
}

// seal keeps what is there from being merged with what comes.
func (t *hotTable) seal() { t.sealed = len(t.segments) }

// freeze returns the segments as readers may keep them.
func (t *hotTable) freeze() []*hotSegment {
	if t.changed {
		t.frozen = append([]*hotSegment(nil), t.segments...)
		t.changed = false
	}
	return t.frozen
}

// drop retires the segments that a checkpoint of the given epoch has moved and
// returns the bytes they had taken from the budget.
func (t *hotTable) drop(epoch uint64) (charge int64) {
	n := 0
	for n < len(t.segments) && t.segments[n].last <= epoch {
		charge += t.segments[n].charge
		t.reclaim.RetireRecord(t.segments[n].born, t.segments[n].record)
		n++
	}
	if n > 0 {
		t.segments = append([]*hotSegment(nil), t.segments[n:]...)
		t.sealed = max(0, t.sealed-n)
		t.changed = true
	}
	return charge
}

// hotRelation is hot segments as a table.
type hotRelation struct {
	schema   *batch.Schema
	segments []*hotSegment
	rows     int
}

// timeBounds is an interval of event times; rows without one are outside.
type timeBounds struct{ low, high int64 }

// relation returns the rows of the epochs after the given one, without the
// segments in which no row can be within bounds.
func relation(schema *batch.Schema, segments []*hotSegment, after uint64, bounds *timeBounds) *hotRelation {
	r := &hotRelation{schema: schema}
	for _, s := range segments {
		if s.last <= after || bounds != nil && (s.maxTime < bounds.low || s.minTime > bounds.high) {
			continue
		}
		r.segments = append(r.segments, s)
		r.rows += int(s.record.NumRows())
	}
	return r
}

// Columns returns the table's columns.
func (r *hotRelation) Columns() []batch.Column { return r.schema.Columns }

// Rows returns the number of rows.
func (r *hotRelation) Rows() int { return r.rows }

// Ordered is false: SQL asks for no order.
func (r *hotRelation) Ordered() bool { return false }

// Scan returns a chunk for each segment.
func (r *hotRelation) Scan(columns []int) []duck.Chunk {
	chunks := make([]duck.Chunk, len(r.segments))
	for i, s := range r.segments {
		cells := make([]duck.Cell, len(columns))
		for j, c := range columns {
			cells[j] = duck.ArrowCell(s.record.Column(c), r.schema.Columns[c].Type)
		}
		chunks[i] = duck.Chunk{Rows: int(s.record.NumRows()), Cells: cells}
	}
	return chunks
}
