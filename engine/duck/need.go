package duck

import (
	"context"
	"time"
)

const (
	needPatience  = time.Minute            // for users' statements to end
	alonePatience = 500 * time.Millisecond // for what is left when there is none any more
)

// need is work of the engine's that has found DuckDB's memory full. The zero value has not.
type need struct {
	since time.Time // when it was found first
	alone time.Time // since when no statement of a user is at work
}

// wait waits a little while statements of users end. It reports whether it is worth another try: not if
// there have been none for a while, so that the work has all memory there is, or the context has ended.
func (n *need) wait(ctx context.Context) bool {
	now := time.Now()
	if n.since.IsZero() {
		n.since = now
		process.needs.Add(1)
	}
	if _, working := process.state(); working || n.alone.IsZero() {
		n.alone = now
	}
	if now.Sub(n.alone) > alonePatience || now.Sub(n.since) > needPatience {
		return false
	}
	select {
	case <-time.After(endPause):
		return true
	case <-ctx.Done():
		return false
	}
}

// over lets statements of users begin again.
func (n *need) over() {
	if !n.since.IsZero() {
		process.needs.Add(-1)
	}
}

// Claim ends the statements of users that are at work and lets none begin until release is called: for
// work of many statements that has failed because they had DuckDB's memory, and would again.
func Claim() (release func()) {
	process.needs.Add(1)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			process.endAll()
			select {
			case <-time.After(endPause): // those that had begun may make another call
			case <-stop:
				return
			}
		}
	}()
	return func() {
		close(stop)
		<-done
		process.needs.Add(-1)
	}
}

func (m *memory) endAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.calls {
		if d.ended == nil {
			d.end(errNeeded)
		}
	}
}
