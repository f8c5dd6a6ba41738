package view

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/epoch"
)

// Relation is windows of a snapshot as a table: the relation {{state}} of
// [Definition].
type Relation struct {
	view    *View
	windows []*windowSnapshot
	before  int64 // sessions that end later are left out
	reached int64 // groups that expire by this watermark are left out
	own     *View // holds windows that were made for this relation, nil if there are none

	// mu protects made.
	mu   sync.Mutex
	made map[packedRows]arrow.RecordBatch // what scans read of what is packed
}

// copyLayout returns an empty view with the same layout and memory of its own.
func (v *View) copyLayout() (*View, error) {
	windows, err := v.def.Window.Open()
	if err != nil {
		return nil, err
	}
	own := &View{
		def: v.def, mem: v.mem, reclaim: epoch.NewReclaimer(v.mem, 1), layout: v.layout, windows: windows, lateness: v.lateness,
		closedTo: noTime, watermark: noTime, nextClose: never, panes: make(map[int64]*groups), serial: 1 << 30,
	}
	own.tree = newPaneTree(own)
	return own, nil
}

// Release gives up what was made for the relation. Its scans must have ended.
func (r *Relation) Release() {
	for _, rec := range r.made {
		rec.Release()
	}
	r.made = nil
	if r.own != nil {
		r.own.Close()
		r.own.reclaim.Close()
		r.own = nil
	}
}

// Empty reports whether the relation has no windows.
func (r *Relation) Empty() bool { return r.Rows() == 0 }

// Columns returns the state's columns.
func (r *Relation) Columns() []batch.Column { return r.view.columns }

// Rows returns the number of groups.
func (r *Relation) Rows() (n int) {
	for _, w := range r.windows {
		n += w.n
	}
	return n
}

// Ordered is false: groups have no order.
func (r *Relation) Ordered() bool { return false }

// Scan returns a chunk for each page, or for each run in it of groups with
// bounds that the relation shows.
func (r *Relation) Scan(columns []int) []duck.Chunk {
	var chunks []duck.Chunk
	for _, w := range r.windows {
		for i := range w.pages {
			rows := min(aggregate.PageRows, w.n-i<<aggregate.PageShift)
			if rows <= 0 {
				break
			}
			if !w.rowBounds {
				chunks = append(chunks, r.chunk(w, w.pages[i], columns, 0, rows))
				continue
			}
			r.runs(w.pages[i], rows, func(first, after int) {
				chunks = append(chunks, r.chunk(w, w.pages[i], columns, first, after))
			})
		}
	}
	return chunks
}

// shows reports whether the relation shows a row of a page, by its bounds: it
// is a session that is not over, or a group that has not expired.
func (r *Relation) shows(p unsafe.Pointer, row int) bool {
	l := &r.view.accs
	valid := *l.valid(p, 0, row)
	if ttl := r.view.def.TTL; ttl != nil {
		return !valid || later(*(*int64)(l.value(p, 0, row)), ttl.Micros) > r.reached
	}
	return valid && (r.before == never || *(*int64)(l.value(p, 1, row)) <= r.before)
}

// runs calls f for the longest ranges of a page's rows that the relation shows.
func (r *Relation) runs(p unsafe.Pointer, rows int, f func(first, after int)) {
	first := -1
	for row := range rows {
		shown := r.shows(p, row)
		switch {
		case shown && first < 0:
			first = row
		case !shown && first >= 0:
			f(first, row)
			first = -1
		}
	}
	if first >= 0 {
		f(first, rows)
	}
}

// chunk describes rows of a page to DuckDB.
func (r *Relation) chunk(w *windowSnapshot, p unsafe.Pointer, columns []int, first, after int) duck.Chunk {
	cells := make([]duck.Cell, len(columns))
	for j, column := range columns {
		cells[j] = r.cell(w, p, column, first, after)
	}
	return duck.Chunk{Rows: after - first, Cells: cells}
}

// cell describes rows of a column of a page to DuckDB.
func (r *Relation) cell(w *windowSnapshot, p unsafe.Pointer, column, row, after int) duck.Cell {
	v := r.view
	if v.def.Window != nil && column < 2 {
		switch {
		case w.null:
			return duck.Cell{Layout: duck.LayoutNull}
		case w.rowBounds:
			return v.accs.cell(p, column, row)
		}
		return duck.Cell{Layout: duck.LayoutConst64, Data: unsafe.Add(w.bounds, 8*column)}
	}
	l, index := v.stateColumn(column)
	if typ := v.columns[column].Type; typ.Nested != nil {
		return r.unpacked(packedRows{l, p, index, row, after}, typ)
	}
	return l.cell(p, index, row)
}

// BagRelation is the rows behind a Bag as a table: g, n, v0, ….
type BagRelation struct {
	of        *Relation
	aggregate int
	columns   []batch.Column
}

// Bag returns the rows of aggregate i, a Bag, in the relation's windows.
func (r *Relation) Bag(i int) *BagRelation {
	b := &BagRelation{of: r, aggregate: i, columns: []batch.Column{{Name: "g", Type: bigintType}, {Name: "n", Type: bigintType}}}
	for j, arg := range r.view.def.Aggregates[i].Args {
		b.columns = append(b.columns, batch.Column{Name: fmt.Sprint("v", j), Type: r.view.def.Exprs[arg].Type})
	}
	return b
}

// Columns returns g, n and the arguments.
func (b *BagRelation) Columns() []batch.Column { return b.columns }

// Rows returns the number of rows in all windows.
func (b *BagRelation) Rows() (n int) {
	for _, w := range b.of.windows {
		n += w.details[b.aggregate].Len()
	}
	return n
}

// Ordered is true: rows come in the order in which they were added.
func (b *BagRelation) Ordered() bool { return true }

// Scan returns a chunk for each page.
func (b *BagRelation) Scan(columns []int) (chunks []duck.Chunk) {
	for _, w := range b.of.windows {
		chunks = append(chunks, w.details[b.aggregate].(*bag).chunks(b, columns)...)
	}
	return chunks
}

// BagName returns the names of the relations behind a view's bags: the prefix, the
// aggregate's number, a slash, and the view.
func BagName(prefix, view string) func(aggregate int) string {
	return func(i int) string { return fmt.Sprint(prefix, i, "/", view) }
}

// CutBag splits what follows the prefix of a BagName.
func CutBag(name string) (aggregate int, view string, ok bool) {
	number, view, _ := strings.Cut(name, "/")
	aggregate, err := strconv.Atoi(number)
	return aggregate, view, err == nil
}
