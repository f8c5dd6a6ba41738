package view

import (
	"container/heap"
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
)

// ending is the watermark at which a group was to end, as it was once.
type ending struct {
	at    int64
	group uint32
}

// endHeap has the groups that are to end, the one that was to end first on top.
// That a group ends later now is found out when its turn comes, so that a row
// which prolongs it costs nothing.
type endHeap []ending

func (h endHeap) Len() int           { return len(h) }
func (h endHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h endHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *endHeap) Push(x any)        { *h = append(*h, x.(ending)) }
func (h *endHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// add has a group end at a watermark.
func (h *endHeap) add(group uint32, at int64) { heap.Push(h, ending{at, group}) }

// reached takes the groups from the heap that end by a watermark; end tells when
// a group ends now.
func (h *endHeap) reached(watermark int64, end func(group uint32) int64) (groups []uint32) {
	for len(*h) > 0 && (*h)[0].at <= watermark {
		top := &(*h)[0]
		if at := end(top.group); at > watermark {
			top.at = at
			heap.Fix(h, 0)
			continue
		}
		groups = append(groups, top.group)
		heap.Pop(h)
	}
	return groups
}

// compactOver is how many groups that are over are left lying at least.
const compactOver = 1024

// container makes groups whose rows have bounds of their own and adds them to
// the view.
func (v *View) container() *groups {
	g := newGroups(v)
	g.rowBounds = true
	v.add(g)
	return g
}

// succeed gives up groups of which those that are not over have new numbers in
// other groups: from became to.
func (g *groups) succeed(old *groups, from, to []uint32) {
	g.touch(to)
	g.mergeGroups(to, old.accs, old.details, from)
	g.v.rewrite = true
	g.v.forget(func(x *groups) bool { return x == old })
}

// later returns the moment that is so much later than another, which may be
// infinite.
func later(ts, micros int64) int64 {
	switch {
	case ts == batch.InfinityMicros || ts == batch.NegInfinityMicros:
		return ts
	case ts > batch.InfinityMicros-micros:
		return batch.InfinityMicros
	}
	return ts + micros
}

// load makes the next group, with the keys of a state row, and returns the group
// that the hash table has for these keys: another one if they are known.
func (g *groups) load(row int, group int64, keys []batch.Vector) (first uint32, hash uint64, err error) {
	at, hashes, found := []int32{int32(row)}, [1]uint64{}, [1]uint32{}
	for i := range keys {
		hashColumn(hashes[:], at, &keys[i])
	}
	n := g.n
	g.find(at, hashes[:], keys, found[:])
	if g.n == n {
		g.insert(row, keys)
	}
	if int64(n) != group {
		return 0, 0, fmt.Errorf("view %s: state row of group %d became group %d", g.v.def.Name, group, n)
	}
	return found[0], hashes[0], nil
}
