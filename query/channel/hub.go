package channel

import (
	"slices"
	"sync"
	"time"
)

// Notification is what a listener on a channel is told.
type Notification struct {
	Process          int32 // of the session that sent it; 0: a relation has changed
	Channel, Payload string
}

// Listener is a session. Tell is called from any goroutine and must not wait.
type Listener interface{ Tell(n Notification) }

// Hub knows who listens on what. It is safe for concurrent use.
type Hub struct {
	touched func(name string) uint64

	mu        sync.Mutex
	listeners map[string][]Listener
	seen      map[string]uint64 // what touched has said last, by channel
	watching  bool
}

// watchInterval is how often relations that somebody listens to are looked at.
const watchInterval = 100 * time.Millisecond

// NewHub returns a hub without listeners. touched returns a number that is
// another one when the relation of a name may have changed.
func NewHub(touched func(name string) uint64) *Hub {
	return &Hub{touched: touched, listeners: make(map[string][]Listener), seen: make(map[string]uint64)}
}

// Listen adds a listener to a channel, once.
func (h *Hub) Listen(l Listener, channel string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if slices.Contains(h.listeners[channel], l) {
		return
	}
	if len(h.listeners[channel]) == 0 {
		h.seen[channel] = h.touched(channel)
	}
	h.listeners[channel] = append(h.listeners[channel], l)
	if !h.watching {
		h.watching = true
		go h.watch()
	}
}

// Unlisten takes a listener from a channel, or from all for "".
func (h *Hub) Unlisten(l Listener, channel string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, list := range h.listeners {
		if channel != "" && name != channel {
			continue
		}
		list = slices.DeleteFunc(list, func(other Listener) bool { return other == l })
		if h.listeners[name] = list; len(list) == 0 {
			delete(h.listeners, name)
			delete(h.seen, name)
		}
	}
}

// Notify tells the listeners of a channel.
func (h *Hub) Notify(n Notification) {
	h.mu.Lock()
	list := slices.Clone(h.listeners[n.Channel])
	h.mu.Unlock()
	for _, l := range list {
		l.Tell(n)
	}
}

// watch tells of changes of relations as long as anybody listens.
func (h *Hub) watch() {
	for h.tellChanges() {
		time.Sleep(watchInterval)
	}
}

// tellChanges reports whether anybody listens.
func (h *Hub) tellChanges() bool {
	h.mu.Lock()
	var changed []string
	for channel, seen := range h.seen {
		if now := h.touched(channel); now != seen {
			h.seen[channel] = now
			changed = append(changed, channel)
		}
	}
	h.watching = len(h.listeners) > 0
	watching := h.watching
	h.mu.Unlock()
	for _, channel := range changed {
		h.Notify(Notification{Channel: channel})
	}
	return watching
}
