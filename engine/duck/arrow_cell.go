package duck

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
)

// ArrowCell describes a column of a batch, whose Arrow form is t's, so that
// DuckDB reads it in place. The array must outlive the scan.
func ArrowCell(arr arrow.Array, t batch.Type) Cell {
	data := arr.Data()
	buffers, offset := data.Buffers(), data.Offset()
	cell := Cell{}
	if data.NullN() != 0 && buffers[0] != nil {
		cell.Validity, cell.Valid, cell.BitOffset = Bitmap, pointer(buffers[0].Bytes()), offset
	}
	if arr.Len() == 0 || t.Nested == nil && buffers[1] == nil {
		cell.Layout = LayoutNull
		return cell
	}
	if t.Nested != nil {
		cell.nest(arr, t)
		return cell
	}
	values := pointer(buffers[1].Bytes())
	physical := t.Physical()
	cell.Layout, cell.Width = fixedLayout(t), physical.Width()
	switch physical {
	case batch.Bits:
		cell.Layout, cell.Data, cell.BitOffset = LayoutBits, values, offset
	case batch.Bytes:
		cell.Layout, cell.Offsets = LayoutString, unsafe.Add(values, 4*offset)
		if buffers[2] != nil {
			cell.Data = pointer(buffers[2].Bytes())
		}
	default:
		cell.Data = unsafe.Add(values, cell.Width*offset)
	}
	return cell
}

// nest makes a cell that of a nested column, whose validity it has already.
func (c *Cell) nest(arr arrow.Array, t batch.Type) {
	switch a := arr.(type) {
	case *array.Struct:
		c.Layout, c.Children = LayoutStruct, make([]Cell, len(t.Nested.Fields))
		for i, f := range t.Nested.Fields {
			c.Children[i] = ArrowCell(a.Field(i), f.Type)
		}
	case array.ListLike: // a MAP is one as well
		data := arr.Data()
		c.Layout, c.Offsets = LayoutList, unsafe.Add(pointer(data.Buffers()[1].Bytes()), 4*data.Offset())
		c.Children = []Cell{ArrowCell(a.ListValues(), t.Element())}
	default:
		panic(fmt.Sprintf("a column of type %s is a %T", t, arr))
	}
}

// fixedLayout returns how fixed-width values of t in batch layout reach DuckDB.
func fixedLayout(t batch.Type) Layout {
	switch {
	case t.Kind == batch.Decimal && t.Precision <= 4:
		return LayoutInt64As16
	case t.Kind == batch.Decimal && t.Precision <= 9:
		return LayoutInt64As32
	case t.Kind == batch.Interval:
		return LayoutInterval
	case t.Kind == batch.UUID:
		return LayoutUUID
	default:
		return LayoutFixed
	}
}

func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// RecordRelation is record batches of one schema as a relation.
type RecordRelation struct {
	Schema  *batch.Schema
	Records []arrow.RecordBatch
	InOrder bool
}

// Columns returns the schema's columns.
func (r *RecordRelation) Columns() []batch.Column { return r.Schema.Columns }

// Ordered reports InOrder.
func (r *RecordRelation) Ordered() bool { return r.InOrder }

// Rows returns the number of rows.
func (r *RecordRelation) Rows() int {
	n := 0
	for _, rec := range r.Records {
		n += int(rec.NumRows())
	}
	return n
}

// Scan returns a chunk for each record.
func (r *RecordRelation) Scan(columns []int) []Chunk {
	chunks := make([]Chunk, len(r.Records))
	cells := make([]Cell, len(r.Records)*len(columns))
	for i, rec := range r.Records {
		c := cells[i*len(columns) : (i+1)*len(columns)]
		for j, column := range columns {
			c[j] = ArrowCell(rec.Column(column), r.Schema.Columns[column].Type)
		}
		chunks[i] = Chunk{Rows: int(rec.NumRows()), Cells: c}
	}
	return chunks
}
