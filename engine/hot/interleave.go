package hot

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
)

// Part is rows that were made of the rows of a batch.
type Part struct {
	Record arrow.RecordBatch
	From   []int   // the rows that they come from, in their order
	Marks  []int64 // the watermark in force before each, nil: there is none
	Bytes  int64
}

// Interleave puts parts together, in the order of the rows that theirs come
// from. Rows get their offsets anew, on from the first part's first. The caller must release
// the record, which may be that of the only part.
func Interleave(mem *batch.Allocator, schema *batch.Schema, parts []Part) Part {
	if len(parts) == 1 {
		parts[0].Record.Retain()
		return parts[0]
	}
	vectors := make([][]batch.Vector, len(parts))
	total := 0
	for i, p := range parts {
		for c, column := range schema.Columns {
			vectors[i] = append(vectors[i], batch.VectorOf(p.Record.Column(c), column.Type))
		}
		total += len(p.From)
	}
	offset := schema.Index(batch.OffsetColumn)
	next := vectors[0][offset].Int64(0)
	b := batch.NewBuilder(mem, schema)
	all := Part{From: make([]int, 0, total)}
	for at := make([]int, len(parts)); len(all.From) < total; {
		least := -1
		for i, p := range parts {
			if at[i] < len(p.From) && (least < 0 || p.From[at[i]] < parts[least].From[at[least]]) {
				least = i
			}
		}
		row, p := at[least], &parts[least]
		at[least]++
		for c := range vectors[least] {
			if c == offset {
				b.Column(c).AppendInt64(next)
				next++
			} else {
				b.Column(c).AppendFrom(&vectors[least][c], row)
			}
		}
		all.From = append(all.From, p.From[row])
		if p.Marks != nil {
			all.Marks = append(all.Marks, p.Marks[row])
		}
	}
	all.Bytes = b.Bytes()
	all.Record = b.Finish()
	return all
}
