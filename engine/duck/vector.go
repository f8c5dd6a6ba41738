package duck

import (
	"context"
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/millstream-db/millstream/engine/batch"
)

// AppendTo copies the current chunk's columns first, first+1, … into the
// builder's columns, whose types must be those of the result.
func (r *Rows) AppendTo(b *batch.Builder, first int) error {
	if !r.conn.enter() {
		return ErrReopened
	}
	defer r.conn.leave()
	for i := range b.Schema().Columns {
		vec := mapping.DataChunkGetVector(r.chunk, mapping.IdxT(first+i))
		if err := appendVector(b.Column(i), vec, 0, r.size); err != nil {
			return err
		}
	}
	return nil
}

// appendVector appends n values of a vector, from one on.
func appendVector(c *batch.ColumnBuilder, vec mapping.Vector, from, n int) error {
	data := mapping.VectorGetData(vec)
	mask := (*uint64)(mapping.VectorGetValidity(vec))
	t := c.Type()
	switch t.Physical() {
	case batch.Bits:
		appendEach(c, data, mask, from, n, func(v uint8) { c.AppendBool(v != 0) })
	case batch.Int8:
		appendEach(c, data, mask, from, n, c.AppendInt8)
	case batch.Int16:
		appendEach(c, data, mask, from, n, c.AppendInt16)
	case batch.Int32:
		appendEach(c, data, mask, from, n, c.AppendInt32)
	case batch.Int64:
		switch {
		case t.Kind == batch.Decimal && t.Precision <= 4:
			appendEach(c, data, mask, from, n, func(v int16) { c.AppendInt64(int64(v)) })
		case t.Kind == batch.Decimal && t.Precision <= 9:
			appendEach(c, data, mask, from, n, func(v int32) { c.AppendInt64(int64(v)) })
		default:
			appendEach(c, data, mask, from, n, c.AppendInt64)
		}
	case batch.Int128:
		appendEach(c, data, mask, from, n, c.AppendInt128)
	case batch.Float32:
		appendEach(c, data, mask, from, n, c.AppendFloat32)
	case batch.Float64:
		appendEach(c, data, mask, from, n, c.AppendFloat64)
	case batch.MonthDayNano:
		appendEach(c, data, mask, from, n, c.AppendInterval)
	case batch.Fixed16:
		appendEach(c, data, mask, from, n, func(v batch.Int128Value) { c.AppendUUID(uuidFromDuck(v)) })
	case batch.Bytes:
		for i := from; i < from+n; i++ {
			if isNull(mask, i) {
				c.AppendNull()
			} else {
				c.AppendBytes(scanString(data, i, false))
			}
		}
	case batch.Fields:
		return appendStructs(c, vec, mask, from, n)
	case batch.Elements:
		return appendLists(c, vec, mask, from, n)
	default:
		return fmt.Errorf("read a column of type %s", t)
	}
	return nil
}

func isNull(mask *uint64, i int) bool {
	return mask != nil && *(*uint64)(unsafe.Add(unsafe.Pointer(mask), i>>6*8))&(1<<(i&63)) == 0
}

func appendEach[T any](c *batch.ColumnBuilder, data unsafe.Pointer, mask *uint64, from, n int, add func(T)) {
	values := unsafe.Slice((*T)(data), from+n)[from:]
	if mask == nil {
		for _, v := range values {
			add(v)
		}
		return
	}
	for i, v := range values {
		if isNull(mask, from+i) {
			c.AppendNull()
		} else {
			add(v)
		}
	}
}

// uuidFromDuck undoes the flipped top bit by which DuckDB sorts UUIDs.
func uuidFromDuck(v batch.Int128Value) batch.UUIDValue {
	var u batch.UUIDValue
	high := uint64(v.Hi) ^ 1<<63
	for i := range 8 {
		u[i] = byte(high >> (56 - 8*i))
		u[8+i] = byte(v.Lo >> (56 - 8*i))
	}
	return u
}

// Records reads the result to its end in record batches of at least size rows,
// but for the last, and calls f with each. The schema's types must be those of
// the result. The record is released after f returns.
func (r *Rows) Records(schema *batch.Schema, mem *batch.Allocator, size int, f func(arrow.RecordBatch) error) error {
	b := batch.NewBuilder(mem, schema)
	defer b.Release()
	for {
		n, err := r.NextChunk()
		if err != nil {
			return err
		}
		if n > 0 {
			if err := r.AppendTo(b, 0); err != nil {
				return err
			}
		}
		if b.Rows() >= size || n == 0 && b.Rows() > 0 {
			rec := b.Finish()
			err := f(rec)
			rec.Release()
			if err != nil {
				return err
			}
		}
		if n == 0 {
			return nil
		}
	}
}

// Records runs a query and reads its result as [Rows.Records] does, once its types
// are found to be those of the schema.
func (c *Conn) Records(ctx context.Context, sql string, schema *batch.Schema, mem *batch.Allocator, size int, f func(arrow.RecordBatch) error) error {
	rows, err := c.Query(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	for i, column := range rows.Columns() {
		if want := schema.Columns[i].Type.String(); column.Type != want {
			return fmt.Errorf("column %s is of type %s, planned as %s", column.Name, column.Type, want)
		}
	}
	return rows.Records(schema, mem, size, f)
}
