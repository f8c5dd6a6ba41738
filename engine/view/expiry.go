package view

import (
	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
)

// expiry is the groups of a view without windows that end when the watermark
// has gone a while beyond their last row. A group's first state column is the
// greatest event time of its rows, NULL while none has any: then it does not
// end. With the watermark it says all: which groups readers see, and which a row
// can still join. A group that has ended stays where it is until compact makes
// the others anew, or a row with its keys begins another group.
type expiry struct {
	v    *View
	g    *groups
	ttl  int64
	ends endHeap
	over int // groups that have ended, as far as they were counted
	// unordered: TTL.InOrder does not hold for the rows that come now.
	unordered bool
	// followed has the groups that another one has followed within the batch:
	// its rows were looked up before.
	followed map[uint32]uint32

	compactOver int
}

func newExpiry(v *View) *expiry {
	x := &expiry{v: v, ttl: v.def.TTL.Micros, followed: make(map[uint32]uint32), compactOver: compactOver}
	x.g = v.container()
	return x
}

// Unordered tells the view whether its rows come in no order of time, as they do
// when it reads from history what it has missed.
func (v *View) Unordered(yes bool) {
	if v.expiry != nil {
		v.expiry.unordered = yes
	}
}

// last returns where the greatest event time of a group's rows is, and whether
// there is one.
func (g *groups) last(group uint32) (at *int64, valid *bool) {
	block, row := g.blocks[group>>aggregate.PageShift], int(group&(aggregate.PageRows-1))
	return (*int64)(g.v.accs.value(block, 0, row)), g.v.accs.valid(block, 0, row)
}

// end returns the watermark at which a group ends.
func (x *expiry) end(group uint32) int64 {
	if at, valid := x.g.last(group); *valid {
		return later(*at, x.ttl)
	}
	return never
}

// mark returns the watermark that is in force before a row.
func (x *expiry) mark(row int32, times *batch.Vector, in *Input) int64 {
	switch {
	case in.Watermarks == nil:
		return noTime
	case !x.v.def.TTL.InOrder || x.unordered || times.Null(int(row)):
		return in.Watermarks[row]
	}
	if ts := times.Int64(int(row)); ts != batch.NegInfinityMicros {
		return ts
	}
	return noTime
}

// apply folds rows into groups and returns those that came too late.
func (x *expiry) apply(rows []int32, in *Input) (late []Late) {
	v := x.v
	times := &in.Exprs[v.def.TTL.Expr]
	kept := rows[:0]
	for _, r := range rows {
		if !times.Null(int(r)) {
			ts, mark := times.Int64(int(r)), x.mark(r, times, in)
			if end := later(ts, x.ttl); mark != noTime && end <= mark {
				late = append(late, Late{Row: r, Start: ts, End: end, Watermark: mark})
				continue
			}
		}
		kept = append(kept, r)
	}
	if len(kept) == 0 {
		return late
	}
	found := v.find(x.g, kept)
	x.g.touch(found)
	for i, r := range kept {
		found[i] = x.place(found[i], v.hashes[i], x.mark(r, times, in))
		if !times.Null(int(r)) {
			x.prolong(found[i], times.Int64(int(r)))
		}
	}
	clear(x.followed)
	v.accumulate(x.g, found, kept, in)
	return late
}

// place returns the group that a row joins at a watermark: the one that it was
// found for, or a fresh one that follows it.
func (x *expiry) place(group uint32, hash uint64, mark int64) uint32 {
	for next, ok := x.followed[group]; ok; next, ok = x.followed[group] {
		group = next
	}
	if mark == noTime || x.end(group) > mark {
		return group
	}
	return x.follow(group, hash)
}

// follow begins a fresh group with the keys of one that has ended.
func (x *expiry) follow(group uint32, hash uint64) uint32 {
	next := x.g.insertHeld(x.g.held(group))
	x.g.touch([]uint32{next})
	x.g.replace(hash, group, next)
	x.followed[group] = next
	return next
}

// prolong lets a writable group live on from a row's event time.
func (x *expiry) prolong(group uint32, ts int64) {
	switch at, valid := x.g.last(group); {
	case !*valid:
		*at, *valid = ts, true
		x.ends.add(group, later(ts, x.ttl))
	case *at < ts:
		*at = ts
	}
}

// close finds the groups that end by the watermark and returns how many. The
// one group of a view without keys is followed at once: a reader sees a row of
// it always.
func (x *expiry) close(watermark int64) int {
	ended := x.ends.reached(watermark, x.end)
	if len(ended) == 0 {
		return 0
	}
	x.over += len(ended)
	x.v.moved = true
	if last := x.g.n - 1; len(x.v.def.Keys) == 0 && x.end(last) <= watermark {
		x.follow(last, 0)
		clear(x.followed)
	}
	if x.over >= max(x.compactOver, 2*(int(x.g.n)-x.over)) {
		x.compact(watermark)
	}
	return len(ended)
}

// compact makes the groups anew that have not ended.
func (x *expiry) compact(watermark int64) {
	var from, to []uint32
	old := x.g
	next := x.v.container()
	for group := range old.n {
		if x.end(group) > watermark {
			from, to = append(from, group), append(to, next.findHeld(old.held(group)))
		}
	}
	next.touch(to)
	x.g, x.ends, x.over = next, x.ends[:0], 0
	for i, group := range from {
		if at, valid := old.last(group); *valid {
			x.prolong(to[i], *at)
		}
	}
	next.succeed(old, from, to)
}

// load makes the group of a state row that is not there yet. It follows one with
// the same keys.
func (x *expiry) load(row int, group int64, keys []batch.Vector) error {
	if group < int64(x.g.n) {
		return nil
	}
	before, hash, err := x.g.load(row, group, keys)
	if err == nil && before != uint32(group) {
		x.g.replace(hash, before, uint32(group))
	}
	return err
}

// loaded finds out when the groups of state rows end.
func (x *expiry) loaded() {
	for group := range x.g.n {
		if at := x.end(group); at != never {
			x.ends.add(group, at)
		}
	}
}

// replace has the hash table give another group for the keys of a group.
func (g *groups) replace(hash uint64, group, by uint32) {
	tag := hash >> 32
	mask := uint64(len(g.slots) - 1)
	at := tag & mask
	for uint32(g.slots[at]) != group+1 {
		at = (at + 1) & mask
	}
	g.slots[at] = tag<<32 | uint64(by+1)
}
