package epoch

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
)

// shown is a snapshot of one page.
type shown struct {
	pin  *Pin
	page []byte
}

// Held implements Snapshot.
func (s *shown) Held() *Pin { return s.pin }

// newDoor returns a door that has shown an epoch.
func newDoor() (*Reclaimer, *Door[shown, *shown]) {
	r := NewReclaimer(batch.NewAllocator(), 1)
	d := NewDoor[shown](r)
	d.Publish(&shown{pin: r.Publish()})
	return r, d
}

// pass is an epoch of so many rows that takes so long.
func (d *Door[S, P]) pass(rows int, took time.Duration, publish func()) (inPlace bool) {
	d.Begin(rows)
	inPlace = d.shut
	publish()
	d.End(rows, took)
	return inPlace
}

func TestReadersWaitForShortEpochs(t *testing.T) {
	r, d := newDoor()
	publish := func() { d.Publish(&shown{pin: r.Publish()}); r.Sweep() }
	come := func() { d.Enter().Held().Release() }
	for _, c := range []struct {
		name    string
		learn   func() // what is known of 1,000 rows
		rows    int
		quiet   bool
		inPlace bool
	}{
		{"nothing is known", func() {}, 1000, false, true},
		{"short", func() { d.inPlace.Observe(1000, time.Millisecond) }, 1000, false, true},
		{"long, and copying costs as much", func() { d.copied.Observe(1000, time.Millisecond) }, 5000, false, false},
		{"long, and nobody comes", func() {}, 5000, true, true},
		{"long, and copying costs far more", func() { d.copied.Observe(1000, 100*time.Millisecond) }, 5000, false, true},
		{"too long", func() {}, 50_000, false, false},
	} {
		c.learn()
		if !c.quiet {
			come()
		}
		if got := d.pass(c.rows, time.Duration(c.rows)*time.Microsecond, publish); got != c.inPlace {
			t.Errorf("%s: in place %v", c.name, got)
		}
		for range quietEpochs {
			publish()
		}
	}
	come()
	if !d.Room(1000) || d.Room(10_000) {
		t.Error("an epoch has no room for what is short, or has for more while readers come")
	}
	for range quietEpochs {
		publish()
	}
	if !d.Room(10_000) {
		t.Error("an epoch has no room while nobody comes")
	}
	r.Close()
}

func TestTheWriterWaitsForReadersWhoLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, d := newDoor()
		d.copied.Observe(1000, time.Hour)
		reader := d.Enter()
		entered := make(chan *shown)
		go func() {
			time.Sleep(mostPatience / 4) // the writer waits
			go func() { entered <- d.Enter() }()
			time.Sleep(mostPatience / 4)
			reader.Held().Release()
		}()
		if !d.pass(1000, time.Millisecond, func() { d.Publish(&shown{pin: r.Publish()}) }) {
			t.Error("the writer did not wait")
		}
		if s := <-entered; s.Held().Epoch != 2 {
			t.Errorf("who came meanwhile has epoch %d", s.Held().Epoch)
		} else {
			s.Held().Release()
		}
		r.Close()
	})
}

func TestTheWriterDoesNotWaitForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, d := newDoor()
		d.copied.Observe(1000, time.Hour)
		publish := func() { d.Publish(&shown{pin: r.Publish()}) }
		reader := d.Enter()
		entered := make(chan *shown, 1)
		go func() {
			time.Sleep(mostPatience / 2)
			reader.Held().Again() // who is in may take it along
			entered <- d.Enter()
		}()
		began := time.Now()
		if d.pass(1000, time.Millisecond, publish) || time.Since(began) != mostPatience {
			t.Errorf("the writer waited for %v", time.Since(began))
		}
		if s := <-entered; s != reader {
			t.Error("who came meanwhile was not let in when the writer had given up")
		}
		held := d.Enter()
		began = time.Now()
		if d.pass(1000, time.Millisecond, publish) || time.Since(began) != 0 {
			t.Error("the writer waited again at once")
		}
		for _, s := range []*shown{reader, reader, reader, held} {
			s.Held().Release()
		}
		if !d.pass(1000, time.Millisecond, publish) {
			t.Error("nobody is in, and the epoch was copied")
		}
		r.Close()
	})
}

// TestManyComeAndGo has readers stay for as long as they like while a page is changed.
// Each must see one epoch's page for as long as it stays. The writer goes on until it
// has met both, nobody who stays and somebody who does: on one CPU it can be through
// with thousands of epochs before the first reader has come.
func TestManyComeAndGo(t *testing.T) {
	mem := batch.NewAllocator()
	r := NewReclaimer(mem, 1)
	d := NewDoor[shown](r)
	page := mem.Allocate(64)
	d.Publish(&shown{r.Publish(), page})
	d.copied.Observe(1, 200*time.Microsecond)

	var wait sync.WaitGroup
	done := make(chan struct{})
	for i := range uint64(4) {
		wait.Go(func() {
			for random := rand.New(rand.NewPCG(1, i)); ; {
				select {
				case <-done:
					return
				default:
				}
				s := d.Enter()
				first := s.page[0]
				if random.IntN(4) == 0 {
					time.Sleep(time.Duration(random.IntN(300)) * time.Microsecond)
				}
				for _, b := range s.page {
					if b != first {
						t.Errorf("epoch %d reads %d beside %d", s.Held().Epoch, b, first)
						break
					}
				}
				s.Held().Release()
			}
		})
	}
	born, inPlace, copied := uint64(0), 0, 0
	limit := time.Now().Add(time.Minute)
	for i := 0; i < 5000 || (inPlace == 0 || copied == 0) && time.Now().Before(limit); i++ {
		d.Begin(1)
		if r.Visible(born) {
			old := page
			page = mem.Allocate(len(old))
			r.RetireMemory(born, old)
			copied++
		} else {
			inPlace++
		}
		for j := range page {
			page[j] = byte(i)
		}
		born = r.Next()
		d.Publish(&shown{r.Publish(), page})
		d.End(1, 10*time.Microsecond)
		r.Sweep()
	}
	close(done)
	wait.Wait()
	if inPlace == 0 || copied == 0 {
		t.Errorf("%d epochs in place, %d copied", inPlace, copied)
	}
	r.RetireMemory(born, page)
	r.Close()
	if mem.Bytes() != 0 {
		t.Errorf("%d bytes leaked", mem.Bytes())
	}
}
