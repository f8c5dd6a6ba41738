package duck

/*
#include "shim.h"
#include <stdlib.h>
#include <string.h>
*/
import "C"

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/millstream-db/millstream/engine/batch"
)

// Layout says how a cell's values lie in memory; see shim.h.
type Layout uint8

// The layouts, in the order of enum ms_layout.
const (
	LayoutFixed Layout = iota
	LayoutBits
	LayoutInt64As16
	LayoutInt64As32
	LayoutString
	LayoutStringHandle
	LayoutInterval
	LayoutUUID
	LayoutConst64
	LayoutNull
	LayoutStruct
	LayoutList
)

// Validity says how NULLs are marked, in the order of enum ms_validity.
type Validity uint8

// AllValid: no NULLs; Bitmap: Arrow's bits; Bytes: one byte a value, 0 is NULL.
const (
	AllValid Validity = iota
	Bitmap
	Bytes
)

// Cell is one column of one chunk. The memory it points to must be off-heap,
// or pinned, and stay unchanged until the statement that scans it is closed.
type Cell struct {
	Data, Offsets, Valid unsafe.Pointer
	BitOffset            int
	Width                int
	Stride               int // bytes from value to value and from validity byte to validity byte; 0: they lie side by side
	Layout               Layout
	Validity             Validity
	Children             []Cell // of LayoutStruct, its fields; of LayoutList, its elements
}

// Chunk is a horizontal slice of a relation.
type Chunk struct {
	Rows  int
	Cells []Cell // one for each projected column, in the order asked for
}

// Relation is a table in memory.
type Relation interface {
	Columns() []batch.Column
	Rows() int // for the planner; an estimate will do
	// Scan returns the chunks with the given columns, which the relation keeps
	// alive and unchanged while its connection carries it.
	Scan(columns []int) []Chunk
	// Ordered asks for a scan on one thread, which keeps the rows' order.
	Ordered() bool
}

// Relations resolves the names given to ms_scan on one connection.
type Relations interface {
	Relation(name string) (Relation, error)
}

// Binder is relations that have a say when a statement is planned that reads one of
// them, by an error, which the statement ends with. DuckDB also plans a prepared
// statement when it is executed, if what it names may be something else by then.
type Binder interface {
	Bind(name string) error
}

// Named is relations by their names.
type Named map[string]Relation

// Relation returns the relation of a name.
func (r Named) Relation(name string) (Relation, error) {
	if rel, ok := r[name]; ok {
		return rel, nil
	}
	return nil, fmt.Errorf("no relation %q", name)
}

// connections finds a connection by its database and DuckDB's own number for it.
var connections sync.Map // connKey → *Conn

type connKey struct{ db, conn uint64 }

// bindData is C memory: the key of the connection, then the relation's name.
type bindData struct {
	key    connKey
	length uint64
}

// catch makes a panic of a relation the error of its statement. It may not go
// on through DuckDB's frames, which would never give back what they hold.
func catch(fail func(message string)) {
	if p := recover(); p != nil {
		slog.Error("a relation could not be read", "panic", p, "stack", string(debug.Stack()))
		fail(fmt.Sprintf("ms_scan: internal error: %v", p))
	}
}

//export millstreamBind
func millstreamBind(p unsafe.Pointer) {
	info := mapping.BindInfo{Ptr: p}
	defer catch(func(message string) { mapping.BindSetError(info, message) })
	key := connKey{db: *(*uint64)(mapping.BindGetExtraInfo(info))}
	var ctx mapping.ClientContext
	mapping.TableFunctionGetClientContext(info, &ctx)
	key.conn = uint64(mapping.ClientContextGetConnectionId(ctx))
	mapping.DestroyClientContext(&ctx)

	value := mapping.BindGetParameter(info, 0)
	name := mapping.GetVarchar(value)
	mapping.DestroyValue(&value)

	rel, err := findRelation(key, name, true)
	if err != nil {
		mapping.BindSetError(info, err.Error())
		return
	}
	for _, col := range rel.Columns() {
		t := logicalType(col.Type)
		mapping.BindAddResultColumn(info, col.Name, t)
		mapping.DestroyLogicalType(&t)
	}
	mapping.BindSetCardinality(info, mapping.IdxT(rel.Rows()), false)
	data := C.malloc(C.size_t(unsafe.Sizeof(bindData{})) + C.size_t(len(name)))
	*(*bindData)(data) = bindData{key: key, length: uint64(len(name))}
	copy(unsafe.Slice((*byte)(unsafe.Add(data, unsafe.Sizeof(bindData{}))), len(name)), name)
	mapping.BindSetBindData(info, data, C.ms_free_callback())
}

//export millstreamInit
func millstreamInit(p unsafe.Pointer) {
	info := mapping.InitInfo{Ptr: p}
	defer catch(func(message string) { mapping.InitSetError(info, message) })
	data := (*bindData)(mapping.InitGetBindData(info))
	name := string(unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(data), unsafe.Sizeof(bindData{}))), data.length))
	rel, err := findRelation(data.key, name, false)
	if err != nil {
		mapping.InitSetError(info, err.Error())
		return
	}
	columns := make([]int, int(mapping.InitGetColumnCount(info)))
	projected := make([]int, 0, len(columns))
	for i := range columns {
		columns[i] = int(mapping.InitGetColumnIndex(info, mapping.IdxT(i)))
		if columns[i] >= 0 && columns[i] < len(rel.Columns()) {
			projected = append(projected, columns[i])
		}
	}
	chunks := rel.Scan(projected)
	scan := newScan(chunks, columns, len(rel.Columns()))
	mapping.InitSetInitData(info, unsafe.Pointer(scan), C.ms_free_scan_callback())
	threads := 1
	if !rel.Ordered() {
		threads = max(1, len(chunks))
	}
	mapping.InitSetMaxThreads(info, mapping.IdxT(threads))
}

// newScan lays the chunks out in C memory. A column index outside the relation
// is DuckDB's way to ask for rows without columns; its vector is not read.
func newScan(chunks []Chunk, columns []int, width int) *C.ms_scan {
	scan := C.ms_scan_new(C.uint64_t(len(chunks)), C.uint64_t(len(columns)))
	if len(chunks) == 0 {
		return scan
	}
	rows := unsafe.Slice((*uint64)(unsafe.Pointer(scan.rows)), len(chunks))
	cells := unsafe.Slice(scan.cells, len(chunks)*max(1, len(columns)))
	for i, chunk := range chunks {
		rows[i] = uint64(chunk.Rows)
		next := 0
		for j, column := range columns {
			out := &cells[i*len(columns)+j]
			if column < 0 || column >= width {
				out.layout = C.uint8_t(LayoutNull)
				continue
			}
			setCell(out, &chunk.Cells[next])
			next++
		}
	}
	return scan
}

// setCell lays a cell out in C memory. The pointers are stored as numbers: what they
// point to is off-heap or pinned, and cgo must not take them for Go pointers in C
// memory.
func setCell(out *C.ms_column, c *Cell) {
	*(*uintptr)(unsafe.Pointer(&out.data)) = uintptr(c.Data)
	*(*uintptr)(unsafe.Pointer(&out.offsets)) = uintptr(c.Offsets)
	*(*uintptr)(unsafe.Pointer(&out.valid)) = uintptr(c.Valid)
	out.bit_offset = C.uint64_t(c.BitOffset)
	out.width = C.uint32_t(c.Width)
	out.stride, out.valid_stride = C.uint32_t(c.Width), 1
	if c.Stride != 0 {
		out.stride, out.valid_stride = C.uint32_t(c.Stride), C.uint32_t(c.Stride)
	}
	out.layout = C.uint8_t(c.Layout)
	out.validity = C.uint8_t(c.Validity)
	if len(c.Children) == 0 {
		return
	}
	children := unsafe.Slice(C.ms_column_children(out, C.uint32_t(len(c.Children))), len(c.Children))
	for i := range children {
		setCell(&children[i], &c.Children[i])
	}
}

// findRelation finds a relation, to plan a statement or to execute one.
func findRelation(key connKey, name string, plan bool) (Relation, error) {
	v, ok := connections.Load(key)
	if !ok {
		return nil, fmt.Errorf("ms_scan: no connection %d", key.conn)
	}
	relations := v.(*Conn).relations
	if relations == nil {
		return nil, fmt.Errorf("ms_scan(%q): the connection carries no relations", name)
	}
	if b, ok := relations.(Binder); ok && plan {
		if err := b.Bind(name); err != nil {
			return nil, err
		}
	}
	return relations.Relation(name)
}

// registerScan makes ms_scan known to the instance behind conn.
func registerScan(conn mapping.Connection, db uint64) error {
	f := mapping.CreateTableFunction()
	defer mapping.DestroyTableFunction(&f)
	mapping.TableFunctionSetName(f, "ms_scan")
	varchar := mapping.CreateLogicalType(mapping.TypeVarchar)
	mapping.TableFunctionAddParameter(f, varchar)
	mapping.DestroyLogicalType(&varchar)
	id := (*uint64)(C.malloc(8))
	*id = db
	mapping.TableFunctionSetExtraInfo(f, unsafe.Pointer(id), C.ms_free_callback())
	mapping.TableFunctionSetBind(f, C.ms_bind_callback())
	mapping.TableFunctionSetInit(f, C.ms_init_callback())
	mapping.TableFunctionSetLocalInit(f, C.ms_local_init_callback())
	mapping.TableFunctionSetFunction(f, C.ms_scan_callback())
	mapping.TableFunctionSupportsProjectionPushdown(f, true)
	if mapping.RegisterTableFunction(conn, f) == mapping.StateError {
		return fmt.Errorf("register ms_scan")
	}
	return nil
}
