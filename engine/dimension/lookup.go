package dimension

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
)

// Match is the pairs of rows that a lookup found, in the order of the batch. It
// is reused from lookup to lookup.
type Match struct {
	Batch []int32 // rows of the batch
	Table []int32 // rows of the copy, -1 for none
	// Each says that every row of the batch is there exactly once, so that its
	// columns can stay as they are.
	Each bool

	hashes []uint64
}

// Lookup finds the rows of the copy whose keys are those of the batch's rows, of which
// there are so many, from row first on. It stops behind a row when it has found most
// pairs, and returns the row at which to go on. With left, a row without a match is paired with
// none; otherwise it is left out.
func (c *Copy) Lookup(keys []batch.Vector, first, rows, most int, left bool, m *Match) (next int) {
	if first == 0 {
		m.hashes = hashRows(m.hashes, keys, rows)
	}
	m.Batch, m.Table, m.Each = m.Batch[:0], m.Table[:0], first == 0
	row := first
	for ; row < rows && len(m.Batch) < most; row++ {
		before := len(m.Batch)
		if !anyNull(keys, row) {
			for at := c.index.first(m.hashes[row]); at >= 0; at = c.index.next[at] {
				if equalRows(c.keys, int(at), keys, row) {
					m.Batch, m.Table = append(m.Batch, int32(row)), append(m.Table, at)
				}
			}
		}
		if left && len(m.Batch) == before {
			m.Batch, m.Table = append(m.Batch, int32(row)), append(m.Table, -1)
		}
		m.Each = m.Each && len(m.Batch) == before+1
	}
	m.Each = m.Each && row == rows
	return row
}

// Gather returns the values of a column at the given rows, NULL for row -1. The
// caller must Release the array. b is a builder of one column of the type.
func Gather(b *batch.Builder, v *batch.Vector, rows []int32) arrow.Array {
	c := b.Column(0)
	for _, row := range rows {
		if row < 0 {
			c.AppendNull()
		} else {
			c.AppendFrom(v, int(row))
		}
	}
	rec := b.Finish()
	defer rec.Release()
	column := rec.Column(0)
	column.Retain()
	return column
}

func anyNull(keys []batch.Vector, row int) bool {
	for i := range keys {
		if keys[i].HasNulls() && keys[i].Null(row) {
			return true
		}
	}
	return false
}
