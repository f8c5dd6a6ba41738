package channel

import (
	"sync/atomic"
	"testing"
	"time"
)

type ear chan Notification

func (e ear) Tell(n Notification) { e <- n }

func (e ear) hears(t *testing.T, want Notification) {
	t.Helper()
	select {
	case n := <-e:
		if n != want {
			t.Errorf("%+v, want %+v", n, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("nothing, want %+v", want)
	}
}

func TestHub(t *testing.T) {
	var rows atomic.Uint64
	h := NewHub(func(name string) uint64 {
		if name == "orders" {
			return rows.Load() + 1
		}
		return 0
	})
	a, b := make(ear, 9), make(ear, 9)
	h.Listen(a, "news")
	h.Listen(a, "news")
	h.Listen(b, "news")
	h.Listen(b, "orders")
	news := Notification{Process: 7, Channel: "news", Payload: "x"}
	h.Notify(news)
	a.hears(t, news)
	b.hears(t, news)
	rows.Add(1)
	b.hears(t, Notification{Channel: "orders"})
	h.Unlisten(b, "")
	h.Notify(news)
	a.hears(t, news)
	rows.Add(1)
	h.Unlisten(a, "other")
	h.Unlisten(a, "news")
	h.Notify(news)
	if len(a)+len(b) > 0 {
		t.Errorf("%d more", len(a)+len(b))
	}
	for h.isWatching() { // nobody listens, so nothing is watched
		time.Sleep(time.Millisecond)
	}
	h.Listen(a, "orders")
	rows.Add(1)
	a.hears(t, Notification{Channel: "orders"})
	h.Unlisten(a, "")
}

func (h *Hub) isWatching() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.watching
}
