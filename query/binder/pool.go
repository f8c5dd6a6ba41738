package binder

import (
	"sync"

	"github.com/millstream-db/millstream/engine/duck"
)

// Pool keeps binders between statements. It is safe for concurrent use.
type Pool struct {
	// Open opens a connection.
	Open func() (*duck.Conn, error)

	mu   sync.Mutex
	idle []*Binder
}

// With runs f with a binder of its own.
func (p *Pool) With(f func(*Binder) error) error {
	p.mu.Lock()
	var b *Binder
	if n := len(p.idle); n > 0 {
		b, p.idle = p.idle[n-1], p.idle[:n-1]
	}
	p.mu.Unlock()
	if b == nil || b.conn.Stale() {
		conn, err := p.Open()
		if err != nil {
			return err
		}
		if b, err = newBinder(conn); err != nil {
			return err
		}
	}
	err := f(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) < 8 && !duck.Lost(err) {
		p.idle = append(p.idle, b)
	} else {
		b.close()
	}
	return err
}

// Close gives the binders up that nobody uses.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.idle {
		b.close()
	}
	p.idle = nil
}
