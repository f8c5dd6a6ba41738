package dimension

import (
	"fmt"
	"math"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
)

// Copy is a table's rows as a join needs them. It is immutable and safe for
// concurrent use, but for that of a [Keyed]; whoever holds it must Release it.
type Copy struct {
	// Version is the version of the table, as the caller counts them.
	Version uint64

	refs    atomic.Int64
	mem     *batch.Allocator
	rows    int
	record  arrow.RecordBatch // keys, then columns; nil without rows
	keys    []batch.Vector
	columns []batch.Vector
	index   index // by the keys

	changing *changing // nil: its rows never change
}

// rowsMax is the most rows of a table that is joined.
const rowsMax = math.MaxInt32

// Build makes a copy of the rows that scan yields. The schema is the keys'
// columns and then the others. The caller must Release the copy.
func Build(mem *batch.Allocator, schema *batch.Schema, keys int, scan func(func(arrow.RecordBatch) error) error) (*Copy, error) {
	c := &Copy{mem: mem}
	c.refs.Store(1)
	var records []arrow.RecordBatch
	defer func() {
		for _, rec := range records {
			rec.Release()
		}
	}()
	total := int64(0)
	err := scan(func(rec arrow.RecordBatch) error {
		rec.Retain()
		records = append(records, rec)
		if total += rec.NumRows(); total > rowsMax {
			return fmt.Errorf("a table of more than %d rows can't be joined", rowsMax)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if c.record, err = concatenate(mem, schema, records); err != nil {
		return nil, err
	}
	c.rows = int(total)
	for i, column := range schema.Columns {
		v := batch.Vector{Type: column.Type}
		if c.record != nil {
			v = batch.VectorOf(c.record.Column(i), column.Type)
		}
		if i < keys {
			c.keys = append(c.keys, v)
		} else {
			c.columns = append(c.columns, v)
		}
	}
	c.fillIndex()
	return c, nil
}

// concatenate makes one record of many, nil of none.
func concatenate(mem *batch.Allocator, schema *batch.Schema, records []arrow.RecordBatch) (arrow.RecordBatch, error) {
	switch len(records) {
	case 0:
		return nil, nil
	case 1:
		records[0].Retain()
		return records[0], nil
	}
	rows := int64(0)
	for _, rec := range records {
		rows += rec.NumRows()
	}
	columns := make([]arrow.Array, 0, len(schema.Columns))
	defer func() {
		for _, column := range columns {
			column.Release()
		}
	}()
	for i := range schema.Columns {
		parts := make([]arrow.Array, len(records))
		for j, rec := range records {
			parts[j] = rec.Column(i)
		}
		column, err := array.Concatenate(parts, mem)
		if err != nil {
			return nil, fmt.Errorf("copy column %s: %w", schema.Columns[i].Name, err)
		}
		columns = append(columns, column)
	}
	return array.NewRecordBatch(schema.Arrow(), columns, rows), nil
}

// fillIndex hashes the keys. Rows of a bucket are chained in the table's order.
func (c *Copy) fillIndex() {
	c.index = newIndex(c.mem, c.rows)
	hashes := hashRows(nil, c.keys, c.rows)
	for row := c.rows - 1; row >= 0; row-- {
		if !anyNull(c.keys, row) {
			c.index.add(hashes[row], int32(row))
		}
	}
}

// Retain adds a holder and returns the copy.
func (c *Copy) Retain() *Copy {
	c.refs.Add(1)
	return c
}

// Release gives the copy up.
func (c *Copy) Release() {
	if c.refs.Add(-1) > 0 {
		return
	}
	c.index.free()
	if c.record != nil {
		c.record.Release()
	}
	if c.changing != nil {
		c.changing.close()
	}
	c.keys, c.columns = nil, nil
}

// Rows returns the number of rows.
func (c *Copy) Rows() int { return c.rows }

// Bytes returns the memory that the copy takes.
func (c *Copy) Bytes() int64 {
	n := int64(len(c.index.memory))
	if c.changing != nil {
		n += c.changing.builder.Bytes() + int64(len(c.changing.primary.memory))
	}
	if c.record != nil {
		for _, column := range c.record.Columns() {
			n += int64(column.Data().SizeInBytes())
		}
	}
	return n
}

// Column returns a column besides the keys.
func (c *Copy) Column(i int) *batch.Vector { return &c.columns[i] }
