package duck

/*
#include "shim.h"
#include <stdlib.h>
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/cdata"
	"github.com/duckdb/duckdb-go/v2/mapping"
)

// Rows is a result, read either chunk by chunk (NextChunk), row by row (Next
// and Scan) or as Arrow (NextRecord). It is not safe for concurrent use.
type Rows struct {
	ctx   context.Context
	conn  *Conn
	res   mapping.Result
	open  bool
	ended bool // all of it was read, or it has failed
	stop  func()
	owned *Stmt // closed with the rows

	chunk  mapping.DataChunk
	has    bool
	size   int
	row    int
	schema *arrow.Schema
	record arrow.RecordBatch
	arrow  unsafe.Pointer // duckdb_arrow_options, made with the schema
}

// Each runs a query and calls f for each of its rows, with their [Rows.Scan], until f
// returns an error.
func (c *Conn) Each(ctx context.Context, sql string, f func(scan func(dest ...any) error) error) error {
	rows, err := c.Query(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	for {
		ok, err := rows.Next()
		if err != nil || !ok {
			return err
		}
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
}

// NextChunk moves to the next chunk and returns its number of rows, 0 at the end.
func (r *Rows) NextChunk() (int, error) {
	d := process.begin(r.conn)
	n, err := r.nextChunk()
	if err = process.end(d, err); err != nil {
		n = 0
	}
	return n, err
}

// ToEnd reads what is left, for its effect or its error.
func (r *Rows) ToEnd() error {
	for {
		if n, err := r.NextChunk(); err != nil || n == 0 {
			return err
		}
	}
}

func (r *Rows) nextChunk() (int, error) {
	if !r.conn.enter() {
		return 0, ErrReopened
	}
	defer r.conn.leave()
	r.dropChunk()
	for {
		r.chunk = mapping.FetchChunk(r.res)
		r.has = r.chunk.Ptr != nil
		// What waits for the context, as pg_sleep, wakes when DuckDB's own interruption
		// may still be under way.
		if r.ctx.Err() != nil {
			r.dropChunk()
			return 0, context.Cause(r.ctx)
		}
		if !r.has {
			r.ended = true
			if message := mapping.ResultError(&r.res); message != "" {
				return 0, r.conn.fault(r.ctx, message)
			}
		}
		if !r.conn.memory && !r.conn.inst.settled() {
			r.dropChunk()
			return 0, ErrReopened
		}
		if !r.has {
			return 0, nil
		}
		if r.size = int(mapping.DataChunkGetSize(r.chunk)); r.size > 0 {
			return r.size, nil
		}
		r.dropChunk()
	}
}

func (r *Rows) dropChunk() {
	if r.has {
		mapping.DestroyDataChunk(&r.chunk)
		r.has = false
	}
	r.size, r.row = 0, -1
}

// Columns returns the result's columns.
func (r *Rows) Columns() []Column {
	if !r.conn.enter() {
		return nil // and no row will come
	}
	defer r.conn.leave()
	columns := make([]Column, int(mapping.ColumnCount(&r.res)))
	for i := range columns {
		columns[i] = Column{mapping.ColumnName(&r.res, mapping.IdxT(i)), takeTypeName(mapping.ColumnLogicalType(&r.res, mapping.IdxT(i)))}
	}
	return columns
}

// Close frees the result. It may be called twice.
func (r *Rows) Close() {
	if !r.open {
		return
	}
	r.open = false
	r.stop()
	if r.record != nil {
		r.record.Release()
	}
	if r.conn.enter() {
		delete(r.conn.rows, r)
		r.free()
		r.conn.left = !r.ended
		r.conn.leave()
	}
	if r.owned != nil {
		r.owned.Close()
	}
}

// free gives back what DuckDB holds of the result.
func (r *Rows) free() {
	r.dropChunk()
	if r.arrow != nil {
		C.ms_arrow_options_free(r.arrow)
		r.arrow = nil
	}
	mapping.DestroyResult(&r.res)
}

// settle has DuckDB give up what it holds of a result that was closed before its end: its
// operators with all they have read, and its transaction. By itself it does so when the
// connection's next statement comes, which on an idle one may be never.
func (c *Conn) settle() {
	if !c.left || !c.enter() {
		return
	}
	defer c.leave()
	var s mapping.PreparedStatement
	mapping.Prepare(c.data, "SELECT 1", &s) // an error comes behind that
	mapping.DestroyPrepare(&s)
	c.left = false
}

// Next moves to the next row.
func (r *Rows) Next() (bool, error) {
	if !r.conn.enter() {
		return false, ErrReopened
	}
	defer r.conn.leave()
	if r.row+1 < r.size {
		r.row++
		return true, nil
	}
	n, err := r.NextChunk()
	r.row = 0
	return n > 0, err
}

// Scan copies the current row into pointers to int64, float64, bool, string or
// []byte, whose columns must be BIGINT, DOUBLE, BOOLEAN, VARCHAR and BLOB. NULL
// leaves the zero value. It serves our own catalog queries, not user data.
func (r *Rows) Scan(dest ...any) error {
	if !r.conn.enter() {
		return ErrReopened
	}
	defer r.conn.leave()
	for i, d := range dest {
		vec := mapping.DataChunkGetVector(r.chunk, mapping.IdxT(i))
		data := mapping.VectorGetData(vec)
		mask := mapping.VectorGetValidity(vec)
		null := mask != nil && !mapping.ValidityRowIsValid(mask, mapping.IdxT(r.row))
		switch d := d.(type) {
		case *int64:
			*d = scanFixed[int64](data, r.row, null)
		case *float64:
			*d = scanFixed[float64](data, r.row, null)
		case *bool:
			*d = scanFixed[bool](data, r.row, null)
		case *string:
			*d = string(scanString(data, r.row, null))
		case *[]byte:
			*d = append([]byte(nil), scanString(data, r.row, null)...)
		default:
			return fmt.Errorf("scan column %d into %T", i, d)
		}
	}
	return nil
}

func scanFixed[T any](data unsafe.Pointer, row int, null bool) (v T) {
	if !null {
		v = *(*T)(unsafe.Add(data, row*int(unsafe.Sizeof(v))))
	}
	return v
}

// scanString returns the bytes behind string handle number row, in place.
func scanString(data unsafe.Pointer, row int, null bool) []byte {
	if null {
		return nil
	}
	handle := unsafe.Add(data, 16*row)
	n := int(*(*uint32)(handle))
	if n <= 12 {
		return unsafe.Slice((*byte)(unsafe.Add(handle, 4)), n)
	}
	return unsafe.Slice(*(**byte)(unsafe.Add(handle, 8)), n)
}

// ArrowSchema returns the result's schema in DuckDB's Arrow mapping.
func (r *Rows) ArrowSchema() (*arrow.Schema, error) {
	if r.schema != nil {
		return r.schema, nil
	}
	if !r.conn.enter() {
		return nil, ErrReopened
	}
	defer r.conn.leave()
	r.arrow = C.ms_arrow_options(r.conn.data.Ptr)
	n := int(mapping.ColumnCount(&r.res))
	types := (*[1 << 20]unsafe.Pointer)(C.calloc(C.size_t(n+1), 8))[: n+1 : n+1]
	names := (*[1 << 20]*C.char)(C.calloc(C.size_t(n+1), 8))[: n+1 : n+1]
	logical := make([]mapping.LogicalType, n)
	for i := range n {
		logical[i] = mapping.ColumnLogicalType(&r.res, mapping.IdxT(i))
		types[i] = logical[i].Ptr
		names[i] = C.CString(mapping.ColumnName(&r.res, mapping.IdxT(i)))
	}
	var schema cdata.CArrowSchema
	message := C.ms_arrow_schema(r.arrow, &types[0], &names[0], C.uint64_t(n), unsafe.Pointer(&schema))
	for i := range n {
		mapping.DestroyLogicalType(&logical[i])
		C.free(unsafe.Pointer(names[i]))
	}
	C.free(unsafe.Pointer(&types[0]))
	C.free(unsafe.Pointer(&names[0]))
	if err := arrowError(message); err != nil {
		return nil, err
	}
	var err error
	r.schema, err = cdata.ImportCArrowSchema(&schema)
	return r.schema, err
}

func arrowError(message *C.char) error {
	if message == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(message))
	return parseError(C.GoString(message))
}

// NextRecord returns the next rows as Arrow, or io.EOF. The record stays valid
// until the next call or Close and must not be released by the caller.
func (r *Rows) NextRecord() (arrow.RecordBatch, error) {
	schema, err := r.ArrowSchema()
	if err != nil {
		return nil, err
	}
	n, err := r.NextChunk()
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, io.EOF
	}
	if !r.conn.enter() {
		return nil, ErrReopened
	}
	defer r.conn.leave()
	var out cdata.CArrowArray
	if err := arrowError(C.ms_arrow_array(r.arrow, r.chunk.Ptr, unsafe.Pointer(&out))); err != nil {
		return nil, err
	}
	rec, err := cdata.ImportCRecordBatchWithSchema(&out, schema)
	if err != nil {
		return nil, errors.Join(errors.New("import an Arrow result"), err)
	}
	if r.record != nil {
		r.record.Release()
	}
	r.record = rec
	return rec, nil
}
