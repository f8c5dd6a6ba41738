package view

import (
	"unsafe"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
)

// tidyBytes is how many bytes the long strings of accumulators may take before
// it is worth looking which of them are still held.
const tidyBytes = 1 << 20

// tidy gives up the long strings that no accumulator holds any more, such as
// what a last(url) has replaced: without it a group that lives for ever would
// take more memory with each record. All strings that are held are copied, when
// they may be less than half of what is there.
func (g *groups) tidy() {
	if g.strings.Bytes() < max(tidyBytes, g.tidyAt) {
		return
	}
	old, born := g.strings.Take(), g.stringsBorn
	g.stringsBorn = g.v.reclaim.Next() // so that a reader who lasts keeps what it sees, and not this
	for i := range g.pages {
		g.writable(i)
		g.moveStrings(&g.pages[i], min(aggregate.PageRows, int(g.n)-i<<aggregate.PageShift))
	}
	for _, block := range old {
		g.v.reclaim.RetireMemory(born, block)
	}
	g.changed = true
	g.tidyAt = 2 * g.strings.Bytes()
}

// moveStrings copies the strings that the rows of a writable page hold.
func (g *groups) moveStrings(p *page, rows int) {
	l, block := &g.v.accs, unsafe.Pointer(&p.rows[0])
	for i := range l.columns {
		if l.columns[i].typ.Physical() != batch.Bytes {
			continue
		}
		for row := range rows {
			if l.columns[i].nullable && !*l.valid(block, i, row) {
				continue
			}
			h := (*aggregate.StringHandle)(l.value(block, i, row))
			*h = g.strings.Recent(h.Bytes())
		}
	}
}
