package epoch

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
)

func TestReaderKeepsWhatItSeesAndNothingElse(t *testing.T) {
	mem := batch.NewAllocator()
	r := NewReclaimer(mem, 1)
	page := mem.Allocate(100)
	first := r.Publish()
	r.Sweep()
	if !first.Acquire() {
		t.Fatal("the current epoch can't be acquired")
	}
	r.RetireMemory(1, page) // replaced in epoch 2
	r.Publish()
	r.Sweep()
	between := mem.Allocate(50) // born and replaced after the reader began
	born := r.Next()
	r.Publish()
	r.Sweep()
	r.RetireMemory(born, between)
	r.Publish()
	r.Sweep()
	if got := mem.Bytes(); got != 100 {
		t.Errorf("%d bytes held, want the reader's 100", got)
	}
	first.Release()
	if first.Acquire() {
		t.Error("a dead epoch was acquired")
	}
	r.Sweep()
	if got := mem.Bytes(); got != 0 {
		t.Errorf("%d bytes held, want 0", got)
	}
	r.Close()
}

func TestAnEpochThatNobodyHoldsIsWithdrawn(t *testing.T) {
	r := NewReclaimer(batch.NewAllocator(), 1)
	first := r.Publish()
	if !r.Visible(1) || r.Visible(2) {
		t.Error("just what was born by the current epoch is visible")
	}
	if !first.Acquire() {
		t.Fatal("the current epoch can't be acquired")
	}
	r.Withdraw(0)
	if !r.Visible(1) || !first.Acquire() {
		t.Error("an epoch that is held was withdrawn")
	}
	first.Release()
	first.Release()
	r.Withdraw(0)
	r.Withdraw(0)
	if r.Visible(1) || first.Acquire() {
		t.Error("an epoch that nobody holds was not withdrawn")
	}
	second := r.Publish()
	r.Sweep()
	if !second.Acquire() || !r.Visible(1) || !r.Visible(2) || r.Visible(3) {
		t.Error("the epoch after the withdrawn one is not there")
	}
	second.Release()
	r.Withdraw(0)
	r.Close()
}

func TestBlocksAreUsedAgain(t *testing.T) {
	mem := batch.NewAllocator()
	r := NewReclaimer(mem, 1)
	r.Publish()
	first := r.Block(8192)
	pin := r.Publish()
	if !pin.Acquire() {
		t.Fatal("the current epoch can't be acquired")
	}
	r.RetireMemory(1, first)
	r.Publish()
	r.Sweep()
	second := r.Block(8192)
	if &second[0] == &first[0] {
		t.Error("a block that a reader sees was used again")
	}
	pin.Release()
	r.Sweep()
	if third := r.Block(8192); &third[0] != &first[0] {
		t.Error("a block that nobody sees was not used again")
	} else {
		r.RetireMemory(r.Next(), third)
	}
	r.RetireMemory(r.Next(), second)
	r.RetireMemory(r.Next(), mem.Allocate(100))
	r.Sweep()
	if got := mem.Bytes(); got != 2*8192 {
		t.Errorf("%d bytes held, want two blocks", got)
	}
	r.Close()
	if got := mem.Bytes(); got != 0 {
		t.Errorf("%d bytes leaked", got)
	}
}

// Blocks that nobody asks for any more are freed after a while, those of a size that is asked for are not.
func TestSpareBlocksGoAway(t *testing.T) {
	mem := batch.NewAllocator()
	r := NewReclaimer(mem, 1)
	r.Publish()
	var blocks [][]byte
	for range 10 {
		blocks = append(blocks, r.Block(4096), r.Block(8192))
	}
	for _, b := range blocks {
		r.RetireMemory(r.Next(), b)
	}
	for range 3 * spareSweeps {
		two := [][]byte{r.Block(8192), r.Block(8192)}
		r.RetireMemory(r.Next(), two[0])
		r.RetireMemory(r.Next(), two[1])
		r.Sweep()
	}
	if got := mem.Bytes(); got != 2*8192 || len(r.spare) != 1 || r.spareBytes != got {
		t.Errorf("%d bytes of %d sizes are held, %d of them spare; want the two blocks that are asked for", got, len(r.spare), r.spareBytes)
	}
	r.Close()
	if got := mem.Bytes(); got != 0 {
		t.Errorf("%d bytes leaked", got)
	}
}

func TestConcurrentReadersNeverSeeFreedMemory(t *testing.T) {
	mem := batch.NewAllocator()
	r := NewReclaimer(mem, 1)
	type snapshot struct {
		pin  *Pin
		page []byte
	}
	var current atomic.Pointer[snapshot]
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				s := current.Load()
				if s == nil || !s.pin.Acquire() {
					continue
				}
				want := byte(s.pin.Epoch)
				for _, b := range s.page {
					if b != want {
						t.Errorf("epoch %d reads %d", s.pin.Epoch, b)
						break
					}
				}
				s.pin.Release()
			}
		})
	}
	var old []byte
	born, inPlace := uint64(0), 0
	for epoch := range 20000 {
		if epoch%2 == 0 {
			r.Withdraw(0)
		}
		page := old
		if page != nil && !r.Visible(born) {
			inPlace++
		} else {
			page = mem.Allocate(64)
			if old != nil {
				r.RetireMemory(born, old)
			}
		}
		for i := range page {
			page[i] = byte(r.Next())
		}
		old, born = page, r.Next()
		pin := r.Publish()
		current.Store(&snapshot{pin: pin, page: page})
		r.Sweep()
	}
	close(done)
	wg.Wait()
	if inPlace == 0 {
		t.Error("no page was changed in place")
	}
	r.RetireMemory(born, old)
	r.Close()
	if mem.Bytes() != 0 {
		t.Errorf("%d bytes leaked", mem.Bytes())
	}
}
