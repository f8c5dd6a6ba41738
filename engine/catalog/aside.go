package catalog

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
)

// LateRows makes rows of <source>$late, with the schema out, of those of rec, with
// the schema in, that came too late for a view.
func LateRows(mem *batch.Allocator, out, in *batch.Schema, rec arrow.RecordBatch, view string, late []view.Late) *batch.Builder {
	b := batch.NewBuilder(mem, out)
	vectors := make([]batch.Vector, len(in.Columns))
	for i := range vectors {
		vectors[i] = batch.VectorOf(rec.Column(i), in.Columns[i].Type)
	}
	for _, l := range late {
		b.Column(0).AppendString(view)
		b.Column(1).AppendInt64(l.Start)
		b.Column(2).AppendInt64(l.End)
		b.Column(3).AppendInt64(l.Watermark)
		for i := range vectors {
			b.Column(4+i).AppendFrom(&vectors[i], int(l.Row))
		}
	}
	return b
}

// RejectedRows makes rows of <source>$rejected.
func RejectedRows(mem *batch.Allocator, rejected []batch.Rejected) *batch.Builder {
	b := batch.NewBuilder(mem, RejectedSchema())
	for _, x := range rejected {
		b.Column(0).AppendInt32(x.Partition)
		b.Column(1).AppendInt64(x.Offset)
		b.Column(2).AppendInt64(x.TimestampMicros)
		if x.Key == nil {
			b.Column(3).AppendNull()
		} else {
			b.Column(3).AppendBytes(x.Key)
		}
		b.Column(4).AppendBytes(x.Value)
		message := x.Error
		if x.Truncated {
			message += fmt.Sprintf(" (the first %d bytes are kept)", len(x.Value))
		}
		b.Column(5).AppendString(message)
	}
	return b
}
