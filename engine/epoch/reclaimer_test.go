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
	for range 20000 {
		page := mem.Allocate(64)
		for i := range page {
			page[i] = byte(r.Next())
		}
		if old != nil {
			r.RetireMemory(r.Next()-1, old)
		}
		old = page
		pin := r.Publish()
		current.Store(&snapshot{pin: pin, page: page})
		r.Sweep()
	}
	close(done)
	wg.Wait()
	r.RetireMemory(r.Next()-1, old)
	r.Close()
	if mem.Bytes() != 0 {
		t.Errorf("%d bytes leaked", mem.Bytes())
	}
}
