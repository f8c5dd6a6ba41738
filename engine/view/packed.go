package view

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
)

// Packing says in which form stage two gets an expression's value. A nested value has
// no width, which a row of the state needs, so there it is its bytes: see
// batch.Vector.AppendPacked. Stage three reads it as what it is.
type Packing uint8

// The packings.
const (
	Unpacked  Packing = iota // as it is
	Packed                   // a nested value that is kept
	PackedKey                // a nested value that is compared: equal ones have the same bytes
)

// StateType returns the type that the expression's value has in the state.
func (e *Expr) StateType() batch.Type {
	if e.Packing != Unpacked {
		return batch.Type{Kind: batch.Blob}
	}
	return e.Type
}

// packer packs the expressions of a stage that are to be packed.
type packer struct {
	exprs  []int
	keys   []bool // by exprs: they are compared
	out    *batch.Builder
	result arrow.RecordBatch
	value  []byte
}

// newPacker returns nil if nothing is to be packed.
func newPacker(mem *batch.Allocator, exprs []Expr) *packer {
	p := &packer{}
	var columns []batch.Column
	for i := range exprs {
		if e := &exprs[i]; e.Packing != Unpacked {
			p.exprs, p.keys = append(p.exprs, i), append(p.keys, e.Packing == PackedKey)
			columns = append(columns, batch.Column{Name: "p", Type: e.StateType()})
		}
	}
	if columns == nil {
		return nil
	}
	p.out = batch.NewBuilder(mem, batch.NewSchema(columns))
	return p
}

// pack replaces the vectors of the expressions by those of their bytes, which stay valid
// until it is called again or closed.
func (p *packer) pack(vectors []batch.Vector, rows int) {
	if p == nil {
		return
	}
	p.release()
	for i, expr := range p.exprs {
		v, column := &vectors[expr], p.out.Column(i)
		for row := range rows {
			if v.Null(row) {
				column.AppendNull()
				continue
			}
			p.value = v.AppendPacked(p.value[:0], row, p.keys[i])
			column.AppendBytes(p.value)
		}
	}
	p.result = p.out.Finish()
	for i, expr := range p.exprs {
		vectors[expr] = batch.VectorOf(p.result.Column(i), p.out.Schema().Columns[i].Type)
	}
}

func (p *packer) release() {
	if p != nil && p.result != nil {
		p.result.Release()
		p.result = nil
	}
}

func (p *packer) close() {
	if p != nil {
		p.release()
		p.out.Release()
	}
}

// packedRows are rows of a packed column of a block, which may be of several layouts.
type packedRows struct {
	layout               *blockLayout
	block                unsafe.Pointer
	column, first, after int
}

// unpacked describes packed rows to DuckDB, whose type is typ. What they are read from
// belongs to the relation, and is there once, however often it is scanned.
func (r *Relation) unpacked(rows packedRows, typ batch.Type) duck.Cell {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.made[rows]
	if rec == nil {
		b := batch.NewBuilder(r.view.mem, batch.NewSchema([]batch.Column{{Name: "v", Type: typ}}))
		for row := rows.first; row < rows.after; row++ {
			rows.layout.appendCell(b.Column(0), rows.column, rows.block, row)
		}
		rec = b.Finish()
		if r.made == nil {
			r.made = make(map[packedRows]arrow.RecordBatch)
		}
		r.made[rows] = rec
	}
	return duck.ArrowCell(rec.Column(0), typ)
}
