package batch

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Number gives a batch without ranges its place: a partition, and offsets from next
// on. The offsets of rejected records are their places among the batch's records
// before it, in rising order; the rows have the places between. The arrival is
// everybody's timestamp, there are no keys, and nothing is deleted. Rows that
// have all columns of schema already keep their metadata.
func (b *Batch) Number(mem *Allocator, schema *Schema, partition int32, next int64) error {
	own := len(schema.Columns) - len(MetadataColumns())
	keyed := schema.Index(DeletedColumn) >= 0
	if keyed {
		own--
	}
	if n := int(b.Record.NumCols()); n == own {
		if err := b.addMetadata(mem, schema, own, keyed, partition, next); err != nil {
			return err
		}
	} else if n != len(schema.Columns) {
		return fmt.Errorf("the rows have %d columns, the source has %d", n, own)
	}
	for i := range b.Rejected {
		x := &b.Rejected[i]
		x.Partition, x.Offset, x.TimestampMicros = partition, next+x.Offset, b.Arrival.UnixMicro()
	}
	end := next + int64(b.Rows()+len(b.Rejected))
	b.Ranges = []OffsetRange{{Partition: partition, First: next, Next: end, Rows: b.Rows(), End: end, Epoch: -1}}
	return nil
}

func (b *Batch) addMetadata(mem *Allocator, schema *Schema, own int, keyed bool, partition int32, next int64) error {
	for i := range own {
		want := schema.Columns[i]
		if got := b.Record.Column(i).DataType(); !arrow.TypeEqual(got, want.Type.Arrow()) {
			return fmt.Errorf("column %s is of Arrow type %s, must be %s", want.Name, got, want.Type.Arrow())
		}
	}
	meta := NewBuilder(mem, NewSchema(schema.Columns[own:]))
	rejected := b.Rejected
	for place, row := int64(0), 0; row < b.Rows(); place++ {
		if len(rejected) > 0 && rejected[0].Offset == place {
			rejected = rejected[1:]
			continue
		}
		row++
		meta.Column(0).AppendInt32(partition)
		meta.Column(1).AppendInt64(next + place)
		meta.Column(2).AppendInt64(b.Arrival.UnixMicro())
		meta.Column(3).AppendNull()
		if keyed {
			meta.Column(4).AppendBool(false)
		}
	}
	rec := meta.Finish()
	defer rec.Release()
	columns := append(append([]arrow.Array(nil), b.Record.Columns()...), rec.Columns()...)
	whole := array.NewRecordBatch(schema.Arrow(), columns, int64(b.Rows()))
	b.Record.Release()
	b.Record = whole
	return nil
}
