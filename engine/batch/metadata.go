package batch

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// WithMetadata returns the batch's rows with metadata behind them: partition
// 0, offsets from next on, the arrival as the timestamp, no key; nothing is
// deleted. The caller owns the record; the batch keeps its own.
func (b *Batch) WithMetadata(mem *Allocator, schema *Schema, next int64) (arrow.RecordBatch, error) {
	own := len(schema.Columns) - len(MetadataColumns())
	keyed := schema.Index(DeletedColumn) >= 0
	if keyed {
		own--
	}
	if int(b.Record.NumCols()) != own {
		return nil, fmt.Errorf("the rows have %d columns, the source has %d", b.Record.NumCols(), own)
	}
	for i := range own {
		want := schema.Columns[i]
		if got := b.Record.Column(i).DataType(); !arrow.TypeEqual(got, want.Type.Arrow()) {
			return nil, fmt.Errorf("column %s is of Arrow type %s, must be %s", want.Name, got, want.Type.Arrow())
		}
	}
	meta := NewBuilder(mem, NewSchema(schema.Columns[own:]))
	for i := range int64(b.Rows()) {
		meta.Column(0).AppendInt32(0)
		meta.Column(1).AppendInt64(next + i)
		meta.Column(2).AppendInt64(b.Arrival.UnixMicro())
		meta.Column(3).AppendNull()
		if keyed {
			meta.Column(4).AppendBool(false)
		}
	}
	rec := meta.Finish()
	defer rec.Release()
	columns := append(append([]arrow.Array(nil), b.Record.Columns()...), rec.Columns()...)
	return array.NewRecordBatch(schema.Arrow(), columns, int64(b.Rows())), nil
}
