// Package hot keeps the rows of a table that are not in history yet: Arrow
// record batches off-heap, in segments of consecutive epochs. A [Table] belongs
// to the engine's writer; [Segment]s are immutable and shared with readers.
package hot

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/epoch"
)

// Segment is rows of consecutive epochs.
type Segment struct {
	Record  arrow.RecordBatch
	born    uint64 // the epoch that made the record
	first   uint64 // the epochs whose rows it holds
	last    uint64
	charge  int64 // bytes taken from the budget
	minTime int64 // the least and greatest event time, NULLs left out
	maxTime int64
	nulls   bool // some event time is NULL
}

// Table is the rows of one table.
type Table struct {
	schema   *batch.Schema
	time     int // the event time's column, -1 none
	mem      *batch.Allocator
	reclaim  *epoch.Reclaimer
	segments []*Segment
	added    int64 // rows since the table was made, those that have gone included
	sealed   int   // segments before it belong to a checkpoint and stay as they are
	changed  bool
	frozen   []*Segment
}

// NewTable returns an empty table. eventTime is the column whose bounds each
// segment has, -1 for none.
func NewTable(schema *batch.Schema, eventTime int, mem *batch.Allocator, reclaim *epoch.Reclaimer) *Table {
	return &Table{schema: schema, time: eventTime, mem: mem, reclaim: reclaim}
}

// mergeRows is up to how many rows neighbouring segments are merged: a quiet
// stream would otherwise leave a segment for each record.
const mergeRows = 8192

// Add appends a record batch, whose owner is the table from now on.
func (t *Table) Add(rec arrow.RecordBatch, charge int64) error {
	now := t.reclaim.Next()
	s := &Segment{Record: rec, born: now, first: now, last: now, charge: charge}
	s.minTime, s.maxTime, s.nulls = t.timeRange(rec)
	t.segments = append(t.segments, s)
	t.added += rec.NumRows()
	t.changed = true
	for len(t.segments)-t.sealed >= 2 {
		a, b := t.segments[len(t.segments)-2], t.segments[len(t.segments)-1]
		rows := a.Record.NumRows() + b.Record.NumRows()
		if rows > mergeRows || a.Record.NumRows() > 2*b.Record.NumRows() {
			break
		}
		merged, err := t.merge(a, b)
		if err != nil {
			return err
		}
		t.reclaim.RetireRecord(a.born, a.Record)
		t.reclaim.RetireRecord(b.born, b.Record)
		t.segments = append(t.segments[:len(t.segments)-2], merged)
	}
	return nil
}

func (t *Table) merge(a, b *Segment) (*Segment, error) {
	columns := make([]arrow.Array, a.Record.NumCols())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i := range columns {
		var err error
		if columns[i], err = array.Concatenate([]arrow.Array{a.Record.Column(i), b.Record.Column(i)}, t.mem); err != nil {
			return nil, err
		}
	}
	return &Segment{
		Record: array.NewRecordBatch(t.schema.Arrow(), columns, a.Record.NumRows()+b.Record.NumRows()),
		born:   t.reclaim.Next(), first: a.first, last: b.last, charge: a.charge + b.charge,
		minTime: min(a.minTime, b.minTime), maxTime: max(a.maxTime, b.maxTime), nulls: a.nulls || b.nulls,
	}, nil
}

func (t *Table) timeRange(rec arrow.RecordBatch) (low, high int64, nulls bool) {
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

// Seal keeps what is there from being merged with what comes.
func (t *Table) Seal() { t.sealed = len(t.segments) }

// Charge returns the bytes that the rows have taken from the budget.
func (t *Table) Charge() (bytes int64) {
	for _, s := range t.segments {
		bytes += s.charge
	}
	return bytes
}

// Renew makes all rows those of the epoch that is being built, for a table whose
// reclaimer has just joined the writer's. No reader knows them yet.
func (t *Table) Renew() {
	for _, s := range t.segments {
		s.first, s.last = t.reclaim.Next(), t.reclaim.Next()
	}
}

// Freeze returns the segments as readers may keep them.
func (t *Table) Freeze() []*Segment {
	if t.changed {
		t.frozen = append([]*Segment(nil), t.segments...)
		t.changed = false
	}
	return t.frozen
}

// Drop retires the segments that a checkpoint of the given epoch has moved and
// returns the bytes they had taken from the budget.
func (t *Table) Drop(epoch uint64) (charge int64) {
	n := 0
	for n < len(t.segments) && t.segments[n].last <= epoch {
		charge += t.segments[n].charge
		t.reclaim.RetireRecord(t.segments[n].born, t.segments[n].Record)
		n++
	}
	if n > 0 {
		t.segments = append([]*Segment(nil), t.segments[n:]...)
		t.sealed = max(0, t.sealed-n)
		t.changed = true
	}
	return charge
}

// Relation is segments as a table.
type Relation struct {
	schema   *batch.Schema
	segments []*Segment
	rows     int
}

// Bounds are an interval of event times; rows without one are outside.
type Bounds struct{ Low, High int64 }

// After returns the rows of the epochs after the given one, without the
// segments in which no row can be within bounds.
func After(schema *batch.Schema, segments []*Segment, after uint64, bounds *Bounds) *Relation {
	r := &Relation{schema: schema}
	for _, s := range segments {
		if s.last <= after || bounds != nil && (s.maxTime < bounds.Low || s.minTime > bounds.High) {
			continue
		}
		r.segments = append(r.segments, s)
		r.rows += int(s.Record.NumRows())
	}
	return r
}

// Relation returns all rows, whatever their epochs.
func (t *Table) Relation() *Relation {
	r := &Relation{schema: t.schema, segments: t.Freeze()}
	for _, s := range r.segments {
		r.rows += int(s.Record.NumRows())
	}
	return r
}

// Columns returns the table's columns.
func (r *Relation) Columns() []batch.Column { return r.schema.Columns }

// Rows returns the number of rows.
func (r *Relation) Rows() int { return r.rows }

// Ordered is false: SQL asks for no order.
func (r *Relation) Ordered() bool { return false }

// Scan returns a chunk for each segment.
func (r *Relation) Scan(columns []int) []duck.Chunk {
	chunks := make([]duck.Chunk, len(r.segments))
	for i, s := range r.segments {
		cells := make([]duck.Cell, len(columns))
		for j, c := range columns {
			cells[j] = duck.ArrowCell(s.Record.Column(c), r.schema.Columns[c].Type)
		}
		chunks[i] = duck.Chunk{Rows: int(s.Record.NumRows()), Cells: cells}
	}
	return chunks
}

// Records returns the segments' batches, which belong to the relation.
func (r *Relation) Records() []arrow.RecordBatch {
	records := make([]arrow.RecordBatch, len(r.segments))
	for i, s := range r.segments {
		records[i] = s.Record
	}
	return records
}

// Shape returns a relation without rows.
func Shape(schema *batch.Schema) *Relation { return &Relation{schema: schema} }

// Added returns how many rows the table has been given, those that have gone
// included.
func (t *Table) Added() int64 { return t.added }

// Tail returns the last n rows of segments, in their order. Merging segments
// keeps the order, so what came after a snapshot is what is behind as many rows
// as the table had been given by then. The caller releases the records.
func Tail(segments []*Segment, n int64) []arrow.RecordBatch {
	first := len(segments)
	for n > 0 && first > 0 {
		first--
		n -= segments[first].Record.NumRows()
	}
	var records []arrow.RecordBatch
	for _, s := range segments[first:] {
		from := max(0, -n)
		n = 0
		records = append(records, s.Record.NewSlice(from, s.Record.NumRows()))
	}
	return records
}
