package dimension

import (
	"context"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/view"
)

// Keyed is the rows of a table by primary key, as a join needs them, that follow
// the table's changes one by one. It belongs to the engine's writer, and so do
// lookups in its Copy. Rows are only appended; those that are replaced or
// deleted are unlinked, and when most are, the rest is copied.
type Keyed struct {
	*Copy

	join  *view.Join
	stage *view.Stage // computes the join's keys, and at last whether a row takes part
	exprs []view.Expr

	// Where the changes have what the rows are made of.
	sources []int // by column behind the keys: those of the join, then the primary key
	deleted int

	computed []batch.Vector
	values   []batch.Vector
	hashes   []uint64
}

// changing is what a Copy has whose rows change.
type changing struct {
	builder *batch.Builder
	primary index // by the primary key, the last columns of builder
	keys    int   // how many columns that has
	vectors []batch.Vector
	dead    int // rows that are in no index
	cap     int
}

func (c *changing) close() {
	c.builder.Release()
	c.primary.free()
}

// NewKeyed makes an empty copy for a join. changes is the columns of batches
// given to Apply, primary those of them that are the key; deleted says which is
// true for a key that was deleted, and for a NULL as the key, if all were. The
// caller must Close it.
func NewKeyed(db *duck.DB, mem *batch.Allocator, join *view.Join, changes *batch.Schema, primary []int, deleted int) (*Keyed, error) {
	k := &Keyed{Copy: &Copy{mem: mem}, join: join, deleted: deleted}
	k.refs.Store(1)
	var columns []batch.Column
	add := func(t batch.Type) {
		columns = append(columns, batch.Column{Name: fmt.Sprint("c", len(columns)), Type: t})
	}
	for _, key := range join.Keys {
		add(key.Row.Type)
		k.exprs = append(k.exprs, expression(changes, key.Table, key.Row.Type))
	}
	if join.Where != "" {
		k.exprs = append(k.exprs, expression(changes, join.Where, batch.Type{Kind: batch.Boolean}))
	}
	for _, c := range join.Columns {
		add(c.Type)
		k.sources = append(k.sources, changes.Index(c.Column))
	}
	for _, p := range primary {
		add(changes.Columns[p].Type)
		k.sources = append(k.sources, p)
	}
	k.computed, k.values = make([]batch.Vector, len(k.exprs)), make([]batch.Vector, len(k.sources))
	k.changing = &changing{builder: batch.NewBuilder(mem, batch.NewSchema(columns)), keys: len(primary), vectors: make([]batch.Vector, len(columns))}
	k.renew()
	var err error
	if k.stage, err = view.NewStage(db, mem, changes, k.exprs); err != nil {
		k.Release()
		return nil, err
	}
	return k, nil
}

// expression is a join's expression over the table, as a column where it is one.
func expression(changes *batch.Schema, sql string, t batch.Type) view.Expr {
	x := view.Expr{SQL: sql, Type: t, Column: -1}
	for i, c := range changes.Columns {
		if c.Type == t && (sql == c.Name || sql == history.Quote(c.Name)) {
			x.Column = i
		}
	}
	return x
}

// Close gives the copy and its statement up. Holders of the Copy keep that.
func (k *Keyed) Close() {
	k.stage.Close()
	k.Release()
}

// Unused reports whether nobody else holds the Copy.
func (k *Keyed) Unused() bool { return k.refs.Load() == 1 }

// Load adds rows, none of whose keys is there: the join's keys, its columns, the
// primary key.
func (k *Keyed) Load(rec arrow.RecordBatch) error {
	c := k.changing
	vectors := make([]batch.Vector, len(c.vectors))
	for i, column := range c.builder.Schema().Columns {
		vectors[i] = batch.VectorOf(rec.Column(i), column.Type)
	}
	for row := range int(rec.NumRows()) {
		if err := k.append(vectors, row); err != nil {
			return err
		}
	}
	return nil
}

// Apply follows changes, in their order. It reports whether an expression of
// the join failed on some row, which counts as NULL.
func (k *Keyed) Apply(ctx context.Context, rec arrow.RecordBatch, changes *batch.Schema) (failed bool, err error) {
	vector := func(i int) batch.Vector { return batch.VectorOf(rec.Column(i), changes.Columns[i].Type) }
	for i, x := range k.exprs {
		k.computed[i] = batch.Vector{Type: x.Type}
		if x.Column >= 0 {
			k.computed[i] = vector(x.Column)
		}
	}
	if failed, err = k.stage.Run(ctx, rec, k.computed); err != nil {
		return failed, fmt.Errorf("join with %s: %w", k.join.Table, err)
	}
	for i, source := range k.sources {
		k.values[i] = vector(source)
	}
	deleted := vector(k.deleted)
	keys := k.computed[:len(k.join.Keys)]
	row := append(append([]batch.Vector(nil), keys...), k.values...)
	primary := k.values[len(k.values)-k.changing.keys:]
	k.hashes = hashRows(k.hashes, primary, int(rec.NumRows()))
	for i := range int(rec.NumRows()) {
		if deleted.Bool(i) && primary[0].Null(i) {
			k.clear()
			continue
		}
		k.remove(primary, i, k.hashes[i])
		takesPart := k.join.Where == "" || !k.computed[len(keys)].Null(i) && k.computed[len(keys)].Bool(i)
		if deleted.Bool(i) || !takesPart {
			continue
		}
		if err := k.append(row, i); err != nil {
			return failed, err
		}
	}
	return failed, nil
}

// remove takes the row of a primary key out, if there is one.
func (k *Keyed) remove(primary []batch.Vector, row int, hash uint64) {
	c := k.changing
	held := c.vectors[len(c.vectors)-c.keys:]
	for at := c.primary.first(hash); at >= 0; at = c.primary.next[at] {
		if !equalRows(held, int(at), primary, row) {
			continue
		}
		c.primary.remove(hash, at)
		if !anyNull(k.keys, int(at)) {
			k.index.remove(hashRow(k.keys, int(at)), at)
		}
		c.dead++
		return
	}
}

// dataMax is how many bytes of text a column can have: its offsets are int32.
const dataMax = math.MaxInt32 - 64<<20

// append adds a row of the given vectors, one for each column.
func (k *Keyed) append(vectors []batch.Vector, row int) error {
	c := k.changing
	full := k.rows == c.cap
	for i := range vectors {
		full = full || c.builder.Column(i).DataBytes() > dataMax
	}
	if full {
		k.rebuild()
	}
	for i := range vectors {
		if c.builder.Column(i).DataBytes() > dataMax {
			return fmt.Errorf("join with %s: a column of more than %d MiB of text can't be joined", k.join.Table, dataMax>>20)
		}
		c.builder.Column(i).AppendFrom(&vectors[i], row)
	}
	k.link()
	return nil
}

// link puts the row that was appended last into the indexes.
func (k *Keyed) link() {
	c := k.changing
	at := k.rows
	k.rows++
	k.look()
	c.primary.add(hashRow(c.vectors[len(c.vectors)-c.keys:], at), int32(at))
	if !anyNull(k.keys, at) {
		k.index.add(hashRow(k.keys, at), int32(at))
	}
}

// look brings the vectors up to where the values lie now.
func (k *Keyed) look() {
	c := k.changing
	for i := range c.vectors {
		c.vectors[i] = c.builder.Column(i).Vector()
	}
	n := len(k.join.Keys)
	k.keys, k.columns = c.vectors[:n], c.vectors[n:]
}

// renew makes room for as many rows again as are alive.
func (k *Keyed) renew() {
	c := k.changing
	const least = 64
	c.cap = max(least, 2*(k.rows-c.dead))
	c.dead, k.rows = 0, 0
	k.index.free()
	c.primary.free()
	k.index, c.primary = newIndex(k.mem, c.cap), newIndex(k.mem, c.cap)
	k.look()
}

// clear takes all rows out.
func (k *Keyed) clear() {
	c := k.changing
	c.builder.Release()
	c.dead = k.rows
	k.renew()
}

// rebuild copies the rows that are alive.
func (k *Keyed) rebuild() {
	c := k.changing
	old := c.builder
	vectors := append([]batch.Vector(nil), c.vectors...)
	var alive []int32
	for _, at := range c.primary.heads {
		for ; at >= 0; at = c.primary.next[at] {
			alive = append(alive, at)
		}
	}
	c.builder = batch.NewBuilder(k.mem, old.Schema())
	k.renew()
	for _, at := range alive {
		for i := range vectors {
			c.builder.Column(i).AppendFrom(&vectors[i], int(at))
		}
		k.link()
	}
	old.Release()
}
