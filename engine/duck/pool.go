package duck

import (
	"context"
	"strings"
	"sync"
)

// Pool keeps connections between their uses. It is safe for concurrent use.
type Pool struct {
	mu   sync.Mutex
	idle []*PooledConn
}

// PooledConn is a connection of a pool. It is not safe for concurrent use.
type PooledConn struct {
	*Conn
	settings map[string]string
}

// poolSize is how many idle connections are kept.
const poolSize = 16

// Get returns an idle connection, or opens one with the given settings, by
// their names. The caller gives it back with Put or Discard.
func (p *Pool) Get(db *DB, settings map[string]string) (*PooledConn, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	conn, err := db.Conn()
	if err != nil {
		return nil, err
	}
	c := &PooledConn{Conn: conn, settings: make(map[string]string)}
	for name, value := range settings {
		if err := c.Set(context.Background(), name, value); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return c, nil
}

// Set changes a setting, unless it has the value already.
func (c *PooledConn) Set(ctx context.Context, name, value string) error {
	if held, ok := c.settings[name]; ok && held == value {
		return nil
	}
	if err := c.Exec(ctx, "SET "+name+" = '"+strings.ReplaceAll(value, "'", "''")+"'"); err != nil {
		return err
	}
	c.settings[name] = value
	return nil
}

// SetVariable gives a variable of SQL, which getvariable reads, a value that is
// written in SQL, unless it has that already.
func (c *PooledConn) SetVariable(ctx context.Context, name, value string) error {
	key := "variable " + name
	if held, ok := c.settings[key]; ok && held == value {
		return nil
	}
	if err := c.Exec(ctx, "SET VARIABLE "+name+" = "+value); err != nil {
		return err
	}
	c.settings[key] = value
	return nil
}

// Put gives a connection back, with its settings as they are.
func (p *Pool) Put(c *PooledConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) >= poolSize {
		c.Close()
		return
	}
	p.idle = append(p.idle, c)
}

// Discard closes a connection that has failed.
func (p *Pool) Discard(c *PooledConn) {
	c.SetRelations(nil)
	c.Close()
}

// Close closes the idle connections.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		c.Close()
	}
	p.idle = nil
}
