// Package epoch decides when memory that snapshots share can be freed.
//
// Every epoch publishes a snapshot, held by a [Pin]. The writer changes what
// nobody sees; what somebody may see it replaces, and retires the old memory, which was visible to the snapshots of
// the epochs from its birth to its retirement. It is freed when none of those
// is pinned any more; a reader that lasts keeps what it can see, and nothing
// that came after.
package epoch

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
)

// Pin holds one epoch's memory. Readers of any goroutine acquire and release it.
type Pin struct {
	Epoch uint64
	refs  atomic.Int64  // and shut
	left  chan struct{} // the last reader has left while it was shut
}

// shut is set in refs when nobody may acquire the pin any more.
const shut = 1 << 62

// Acquire takes a reference and reports false if the epoch is gone already, or
// about to go: the caller then loads the current snapshot again.
func (p *Pin) Acquire() bool {
	for {
		n := p.refs.Load()
		if n == 0 || n&shut != 0 {
			return false
		}
		if p.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Again takes another reference for who has one already.
func (p *Pin) Again() { p.refs.Add(1) }

// Release gives a reference back.
func (p *Pin) Release() {
	switch n := p.refs.Add(-1); {
	case n < 0:
		panic("epoch: pin released twice")
	case n == shut|1:
		select {
		case p.left <- struct{}{}:
		default: // once is enough
		}
	}
}

// withdraw takes the pin back from its only holder, and waits until it is that.
// Until then, or until it has waited for too long, nobody acquires it.
func (p *Pin) withdraw(patience time.Duration) bool {
	if p.refs.CompareAndSwap(1, 0) {
		return true
	}
	if patience <= 0 {
		return false
	}
	if p.refs.Or(shut) != 1 { // else the last one left just now
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-p.left:
		case <-timer.C:
		}
	}
	if p.refs.CompareAndSwap(shut|1, 0) {
		return true
	}
	p.refs.And(^int64(shut))
	return false
}

type retired struct {
	born, died uint64 // visible to snapshots of epochs in [born, died)
	memory     []byte
	record     arrow.RecordBatch
}

// Reclaimer belongs to the writer: all its methods are for that goroutine alone.
//
// State that is built beside the writer has a reclaimer of its own, which
// belongs to the goroutine that builds. It publishes nothing, so its Sweep frees
// whatever was retired, until it is handed over with Join.
type Reclaimer struct {
	mem       *batch.Allocator
	next      uint64 // the epoch being built
	current   *Pin
	withdrawn bool   // nobody can acquire the current epoch any more, and nobody has
	live      []*Pin // by epoch, current last
	fresh     []retired
	waiting   []retired
	main      *Reclaimer // takes everything since Join, nil before

	spare      map[int]*spares // by size: blocks that nobody can see, for Block
	spareBytes int64
	sweeps     int // since spare blocks were trimmed
}

// spares are blocks of one size.
type spares struct {
	blocks [][]byte
	least  int  // there were so many all the time since they were trimmed
	asked  bool // for one, since then
}

// NewReclaimer returns a reclaimer that builds epoch first next.
func NewReclaimer(mem *batch.Allocator, first uint64) *Reclaimer {
	return &Reclaimer{mem: mem, next: first}
}

// Join hands over to the writer: from now on everything goes to main, and the
// memory made before counts as older than each of main's epochs. The reclaimer
// must have been made with first 0 and have published nothing.
func (r *Reclaimer) Join(main *Reclaimer) {
	r.Sweep()
	r.main = main
}

// Next returns the epoch being built: what is made now is born in it.
func (r *Reclaimer) Next() uint64 {
	if r.main != nil {
		return r.main.Next()
	}
	return r.next
}

// RetireMemory frees memory from the allocator once nobody can see it.
func (r *Reclaimer) RetireMemory(born uint64, memory []byte) {
	if r.main != nil {
		r.main.RetireMemory(born, memory)
		return
	}
	if memory != nil {
		r.fresh = append(r.fresh, retired{born: born, died: r.next, memory: memory})
	}
}

// spareMost is how many bytes are kept for Block. Those that were not needed through so many
// sweeps are freed.
const (
	spareMost   = 64 << 20
	spareSweeps = 256
)

// Block returns memory of a size with anything in it: what was freed last, which
// is still mapped and perhaps cached, or else new memory.
func (r *Reclaimer) Block(size int) []byte {
	if r.main != nil {
		return r.main.Block(size)
	}
	s := r.spare[size]
	if s == nil {
		if r.current != nil { // from now on
			if r.spare == nil {
				r.spare = make(map[int]*spares)
			}
			r.spare[size] = &spares{asked: true}
		}
		return r.mem.Allocate(size)
	}
	s.asked = true
	if len(s.blocks) == 0 {
		return r.mem.Allocate(size)
	}
	last := len(s.blocks) - 1
	block := s.blocks[last]
	s.blocks, s.least = s.blocks[:last], min(s.least, last)
	r.spareBytes -= int64(size)
	return block
}

// free keeps blocks of sizes that Block has been asked for.
func (r *Reclaimer) free(memory []byte) {
	s := r.spare[len(memory)]
	if s == nil || r.spareBytes+int64(len(memory)) > spareMost {
		r.mem.Free(memory)
		return
	}
	s.blocks = append(s.blocks, memory)
	r.spareBytes += int64(len(memory))
}

// trim frees the spare blocks of which Block has not needed one since it was called last, and forgets
// sizes that it was not asked for.
func (r *Reclaimer) trim() {
	for size, s := range r.spare {
		for _, block := range s.blocks[:s.least] { // Block takes the last ones
			r.mem.Free(block)
		}
		r.spareBytes -= int64(size * s.least)
		s.blocks = slices.Delete(s.blocks, 0, s.least)
		if len(s.blocks) == 0 && !s.asked {
			delete(r.spare, size)
		}
		s.least, s.asked = len(s.blocks), false
	}
}

// RetireRecord releases a record batch once nobody can see it.
func (r *Reclaimer) RetireRecord(born uint64, record arrow.RecordBatch) {
	if r.main != nil {
		r.main.RetireRecord(born, record)
		return
	}
	r.fresh = append(r.fresh, retired{born: born, died: r.next, record: record})
}

// Withdraw takes the current epoch back, if nobody holds it or its readers leave in
// time, until the next one is published, and reports whether it did: until then Acquire
// fails, also while it waits. What no reader holds can be changed in place meanwhile:
// see Visible.
func (r *Reclaimer) Withdraw(patience time.Duration) bool {
	r.withdrawn = r.current != nil && (r.withdrawn || r.current.withdraw(patience))
	return r.withdrawn
}

// Visible reports whether some reader may see memory that was born in an epoch
// and has not been retired. It does not become true before the next Publish.
func (r *Reclaimer) Visible(born uint64) bool {
	if r.main != nil {
		return r.main.Visible(born)
	}
	for i := len(r.live) - 1; i >= 0 && r.live[i].Epoch >= born; i-- {
		if r.live[i].refs.Load() > 0 {
			return true
		}
	}
	return false
}

// Publish ends the epoch being built and returns its pin, which the reclaimer
// itself holds until the next Publish. The caller must make it reachable for
// readers before anything of the following epoch is built, and then Sweep.
func (r *Reclaimer) Publish() *Pin {
	pin := &Pin{Epoch: r.next, left: make(chan struct{}, 1)}
	pin.refs.Store(1)
	previous := r.current
	r.current, r.live = pin, append(r.live, pin)
	r.next++
	if previous != nil && !r.withdrawn {
		previous.Release()
	}
	r.withdrawn = false
	return pin
}

// Sweep frees what no pinned epoch can see. Call it after the new snapshot has
// become reachable, and from time to time while the stream is quiet.
func (r *Reclaimer) Sweep() {
	alive := r.live[:0]
	died := false
	for _, p := range r.live {
		if p.refs.Load() > 0 {
			alive = append(alive, p)
		} else {
			died = true
		}
	}
	clear(r.live[len(alive):])
	r.live = alive
	if died {
		r.waiting = r.sweep(r.waiting, r.waiting[:0])
	}
	r.waiting = r.sweep(r.fresh, r.waiting)
	clear(r.fresh)
	r.fresh = r.fresh[:0]
	if r.sweeps++; r.sweeps >= spareSweeps {
		r.sweeps = 0
		r.trim()
	}
}

// sweep frees what can be freed of in and appends the rest to keep.
func (r *Reclaimer) sweep(in, keep []retired) []retired {
	for _, x := range in {
		if r.visible(x) {
			keep = append(keep, x)
			continue
		}
		if x.memory != nil {
			r.free(x.memory)
		}
		if x.record != nil {
			x.record.Release()
		}
	}
	return keep
}

func (r *Reclaimer) visible(x retired) bool {
	for _, p := range r.live {
		if p.Epoch >= x.born && p.Epoch < x.died {
			return true
		}
	}
	return false
}

// Held returns how many bytes wait to be freed that the given epochs can see.
func (r *Reclaimer) Held(epochs ...uint64) (bytes int64) {
	for _, x := range r.waiting {
		for _, e := range epochs {
			if e >= x.born && e < x.died {
				bytes += x.bytes()
				break
			}
		}
	}
	return bytes
}

func (x *retired) bytes() int64 {
	n := int64(len(x.memory))
	if x.record != nil {
		for _, c := range x.record.Columns() {
			n += int64(c.Data().SizeInBytes())
		}
	}
	return n
}

// Pinned returns the number of snapshots that are alive, the current one included.
func (r *Reclaimer) Pinned() int { return len(r.live) }

// Close frees everything retired. No reader may be left.
func (r *Reclaimer) Close() {
	if r.current != nil {
		if !r.withdrawn {
			r.current.Release()
		}
		r.current = nil
	}
	r.Sweep()
	for _, s := range r.spare {
		for _, block := range s.blocks {
			r.mem.Free(block)
		}
	}
	r.spare, r.spareBytes = nil, 0
}
