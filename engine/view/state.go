package view

import (
	"fmt"
	"math/bits"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
)

// StateSchema returns the columns in which checkpoints keep open windows: w is
// the start in microseconds of the window, or of the pane that windows are made
// of (0 without windows and for sessions, the least int64 for rows without an
// event time), g the group's number in it, then the keys, a session's bounds or
// the last event time of a group that expires, and the accumulators.
func (v *View) StateSchema() *batch.Schema {
	columns := []batch.Column{{Name: "w", Type: bigintType}, {Name: "g", Type: bigintType}}
	for i, c := range v.keys.columns[:v.hashed] {
		columns = append(columns, batch.Column{Name: fmt.Sprint("k", i), Type: c.typ})
	}
	bounds := []string{"session_start", "session_end"}
	if v.def.TTL != nil {
		bounds = []string{"last"}
	}
	for i, c := range v.accs.columns[:v.bounds] {
		columns = append(columns, batch.Column{Name: bounds[i], Type: c.typ})
	}
	for i, c := range v.accs.columns[v.bounds:] {
		columns = append(columns, batch.Column{Name: fmt.Sprint("a", i), Type: c.typ})
	}
	return batch.NewSchema(columns)
}

// DetailSchema returns the columns in which checkpoints keep the details of
// aggregates: d is the aggregate's number.
func DetailSchema() *batch.Schema {
	bigint := batch.Type{Kind: batch.BigInt}
	return batch.NewSchema([]batch.Column{
		{Name: "w", Type: bigint}, {Name: "g", Type: bigint}, {Name: "d", Type: bigint},
		{Name: "value", Type: batch.Type{Kind: batch.Blob}},
	})
}

// Delta is what has changed since the checkpoint before: which groups of which
// pages of a snapshot, and the new members of sets.
type Delta struct {
	s     *Snapshot
	parts []windowDelta
	rows  int
	whole bool
}

type windowDelta struct {
	g       *groups // the writer's window, touched again only by Undo
	w       *windowSnapshot
	dirty   []uint64            // a bit for each group; nil: none
	details []aggregate.Entries // by aggregate, nil where there is none
}

// TakeDelta returns what changed since the last call, in the snapshot s that
// was just made; with whole, everything there is. Closed windows are left out:
// the same checkpoint moves them into history.
func (v *View) TakeDelta(s *Snapshot, whole bool) *Delta {
	d := &Delta{s: s, whole: whole}
	v.rewrite = v.rewrite && !whole
	for _, g := range v.order {
		part := windowDelta{g: g, w: g.frozen, details: make([]aggregate.Entries, len(g.details))}
		if whole {
			for group := range g.n {
				g.dirty[group>>6] |= 1 << (group & 63)
			}
		}
		n := 0
		for _, word := range g.dirty {
			n += bits.OnesCount64(word)
		}
		if n > 0 {
			part.dirty, g.dirty = g.dirty, make([]uint64, len(g.dirty))
		}
		if g.closed == 0 {
			d.rows += n
		}
		for i, detail := range g.details {
			if detail == nil {
				continue
			}
			part.details[i] = detail.Take(whole)
			if g.closed == 0 {
				d.rows += part.details[i].Len()
			}
		}
		d.parts = append(d.parts, part)
	}
	return d
}

// Rows returns how many state rows the delta holds.
func (d *Delta) Rows() int { return d.rows }

// Undo marks the delta as not written, after a checkpoint failed. It must run
// on the writer's goroutine.
func (v *View) Undo(d *Delta) {
	v.rewrite = v.rewrite || d.whole && v.bounds > 0
	for _, part := range d.parts {
		if part.g.pages == nil { // it has gone since
			continue
		}
		for i, word := range part.dirty {
			part.g.dirty[i] |= word
		}
		for i, entries := range part.details {
			if entries != nil {
				part.g.details[i].Undo(entries)
			}
		}
	}
}

// Groups returns the changed groups as rows of StateSchema. The snapshot must
// be pinned. The caller releases the record.
func (d *Delta) Groups(mem *batch.Allocator) arrow.RecordBatch {
	v := d.s.view
	b := batch.NewBuilder(mem, v.StateSchema())
	for _, part := range d.parts {
		if part.w.closed != 0 {
			continue
		}
		for i, word := range part.dirty {
			for ; word != 0; word &= word - 1 {
				group := i<<6 | bits.TrailingZeros64(word)
				page, row := part.w.pages[group>>aggregate.PageShift], group&(aggregate.PageRows-1)
				b.Column(0).AppendInt64(part.w.stateKey())
				b.Column(1).AppendInt64(int64(group))
				v.keys.appendRow(b, 2, v.hashed, page, row)
				v.accs.appendRow(b, 2+v.hashed, len(v.accs.columns), page, row)
			}
		}
	}
	return b.Finish()
}

// appendRow copies n columns of a row of a block to a builder's columns from
// first on.
func (l *blockLayout) appendRow(b *batch.Builder, first, n int, block unsafe.Pointer, row int) {
	for i := range n {
		l.appendCell(b.Column(first+i), i, block, row)
	}
}

// appendCell copies a value of a block to a builder's column.
func (l *blockLayout) appendCell(to *batch.ColumnBuilder, column int, block unsafe.Pointer, row int) {
	if l.columns[column].nullable && !*l.valid(block, column, row) {
		to.AppendNull()
		return
	}
	appendTo(to, l.value(block, column, row))
}

// Details returns the changed details as rows of DetailSchema. The caller
// releases the record.
func (d *Delta) Details(mem *batch.Allocator) arrow.RecordBatch {
	b := batch.NewBuilder(mem, DetailSchema())
	for _, part := range d.parts {
		if part.w.closed != 0 {
			continue
		}
		for i, entries := range part.details {
			if entries == nil {
				continue
			}
			entries.Each(func(group uint32, value []byte) {
				b.Column(0).AppendInt64(part.w.stateKey())
				b.Column(1).AppendInt64(int64(group))
				b.Column(2).AppendInt64(int64(i))
				b.Column(3).AppendBytes(value)
			})
		}
	}
	return b.Finish()
}

// Load applies rows of StateSchema, in the order in which checkpoints wrote
// them: a group's later row replaces its earlier one. Rows of windows that
// ended by the watermark are of windows that are in history by now.
func (v *View) Load(rec arrow.RecordBatch, watermark int64) error {
	schema := v.StateSchema()
	vectors := make([]batch.Vector, len(schema.Columns))
	for i := range vectors {
		vectors[i] = batch.VectorOf(rec.Column(i), schema.Columns[i].Type)
	}
	keys, accs := vectors[2:2+v.hashed], vectors[2+v.hashed:]
	var hash [1]uint64
	var found [1]uint32
	for row := range int(rec.NumRows()) {
		start, group := vectors[0].Int64(row), vectors[1].Int64(row)
		g := v.loadWindow(start, watermark)
		if g == nil {
			continue
		}
		at := []int32{int32(row)}
		if g.rowBounds {
			if err := v.loadGroup(row, group, keys); err != nil {
				return err
			}
		} else if group >= int64(g.n) {
			hash[0] = 0
			for i := range keys {
				hashColumn(hash[:], at, &keys[i])
			}
			g.find(at, hash[:], keys, found[:])
			if int64(found[0]) != group {
				return fmt.Errorf("view %s: state row of group %d became group %d", v.def.Name, group, found[0])
			}
		}
		g.set(uint32(group), accs, row)
	}
	return nil
}

// loadGroup makes the group of a state row, which has bounds of its own.
func (v *View) loadGroup(row int, group int64, keys []batch.Vector) error {
	if v.expiry != nil {
		return v.expiry.load(row, group, keys)
	}
	return v.sessions.load(row, group, keys)
}

// stateKey is what tells a window or pane from the others in the state.
func (w *windowSnapshot) stateKey() int64 {
	if w.rowBounds {
		return 0
	}
	return w.start
}

// loadWindow returns the groups behind a state key, nil when all their windows
// had closed by the watermark.
func (v *View) loadWindow(key, watermark int64) *groups {
	switch {
	case v.def.Window == nil:
		return v.only()
	case key == noTime:
		return v.untimedWindow()
	case v.sessions != nil:
		return v.sessions.g
	}
	pane := v.windows.Pane(key)
	if v.closes(v.windows.Last(pane)) <= watermark {
		return nil
	}
	return v.pane(pane)
}

// set overwrites a group's accumulators. The first group of a view without
// keys exists before it is loaded, so nothing is assumed about what was there.
func (g *groups) set(group uint32, accs []batch.Vector, row int) {
	g.touch([]uint32{group})
	block, at := g.blocks[group>>aggregate.PageShift], int(group&(aggregate.PageRows-1))
	for i := range accs {
		c := g.v.accs.columns[i]
		null := accs[i].Null(row)
		if c.nullable {
			*g.v.accs.valid(block, i, at) = !null
		}
		if !null {
			store(g.v.accs.value(block, i, at), &accs[i], row, g.strings)
		}
	}
}

// LoadDetails applies rows of DetailSchema, after Load, in the order in which
// checkpoints wrote them.
func (v *View) LoadDetails(rec arrow.RecordBatch, watermark int64) {
	schema := DetailSchema()
	vectors := make([]batch.Vector, len(schema.Columns))
	for i := range vectors {
		vectors[i] = batch.VectorOf(rec.Column(i), schema.Columns[i].Type)
	}
	for row := range int(rec.NumRows()) {
		if g := v.loadWindow(vectors[0].Int64(row), watermark); g != nil {
			g.details[vectors[2].Int64(row)].Load(uint32(vectors[1].Int64(row)), vectors[3].Bytes(row))
		}
	}
}

// Restoring tells the view the watermark of the checkpoint that Load and
// LoadDetails follow with: what had closed by then is in history.
func (v *View) Restoring(watermark int64) {
	v.watermark = v.passed(watermark)
	v.closedTo = v.watermark
}

// Loaded marks everything as written: it came from a checkpoint.
func (v *View) Loaded() {
	if v.sessions != nil {
		v.sessions.loaded()
	}
	if v.expiry != nil {
		v.expiry.loaded()
	}
	for _, g := range v.order {
		clear(g.dirty)
		for _, d := range g.details {
			if d != nil {
				d.Loaded()
			}
		}
	}
}

// MustRewrite reports whether the next delta has to be the whole state, because
// groups have other numbers than before.
func (v *View) MustRewrite() bool { return v.rewrite }
