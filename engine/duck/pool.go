package duck

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
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
	plans    map[planKey]*Stmt
}

// Basis is what a plan takes for granted beside the settings, as the caller sees it: for
// another one the statement is planned anew. It is compared by its elements, and empty
// for a statement that reads nothing, or whose plan DuckDB makes anew by itself.
type Basis []any

// planKey is what makes a plan another one.
type planKey struct{ sql, path, zone string }

// poolSize is how many idle connections are kept.
const poolSize = 64

// A connection keeps so many plans, for so long: a plan holds on to the tables
// that it reads, also when they are dropped. And one that DuckDB has once planned
// anew, since a catalog had changed, it plans anew each time from then on, which
// costs several times what the statements do that each read begins with.
const (
	maxPlans = 64
	planAge  = time.Second
)

// Take returns a prepared statement, which the connection may have made before
// under the same settings and on the same basis. It belongs to the caller until Keep, or
// Close.
func (c *PooledConn) Take(sql string, basis Basis) (*Stmt, error) {
	if s := c.Held(sql, basis); s != nil {
		return s, nil
	}
	return c.PrepareAs(sql, sql, basis)
}

// PrepareAs prepares a text that Take and Held have under another.
func (c *PooledConn) PrepareAs(text, sql string, basis Basis) (*Stmt, error) {
	s, err := c.Prepare(text)
	if err == nil {
		s.key, s.basis = c.planKey(sql), basis
	}
	return s, err
}

// Held is Take if the connection has the statement, else it returns nil.
func (c *PooledConn) Held(sql string, basis Basis) *Stmt {
	key := c.planKey(sql)
	s, ok := c.plans[key]
	if !ok {
		return nil
	}
	delete(c.plans, key)
	if time.Since(s.made) < planAge && slices.Equal(s.basis, basis) {
		return s
	}
	s.Close()
	return nil
}

// Keep takes a statement of Take, Held or PrepareAs back, whose result is closed.
func (c *PooledConn) Keep(s *Stmt) {
	if held := c.plans[s.key]; held != nil { // two were at work at a time
		held.Close()
		delete(c.plans, s.key)
	}
	if len(c.plans) >= maxPlans {
		c.forget(0)
	}
	if c.plans == nil {
		c.plans = make(map[planKey]*Stmt)
	}
	c.plans[s.key] = s
}

// Run executes a statement for its effect, by the plan that the connection may have
// of it already.
func (c *PooledConn) Run(ctx context.Context, sql string) error {
	stmt, err := c.Take(sql, nil)
	if err != nil {
		return err
	}
	if err := stmt.exec(ctx); err != nil {
		stmt.Close()
		return err
	}
	c.Keep(stmt)
	return nil
}

func (c *PooledConn) planKey(sql string) planKey {
	return planKey{sql, c.settings["search_path"], c.settings["TimeZone"]}
}

// forget closes the plans of an age.
func (c *PooledConn) forget(age time.Duration) {
	for key, s := range c.plans {
		if time.Since(s.made) >= age {
			s.Close()
			delete(c.plans, key)
		}
	}
}

// Close closes the connection with its plans.
func (c *PooledConn) Close() {
	c.forget(0)
	c.Conn.Close()
}

// Prune closes old plans of idle connections.
func (p *Pool) Prune() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		c.forget(planAge)
	}
}

// Get returns an idle connection, or opens one with the given settings, by
// their names, which is guarded. It waits a while when the instance is suspect. The
// caller gives the connection back with Put or Discard.
func (p *Pool) Get(db *DB, settings map[string]string) (*PooledConn, error) {
	db.settleDown()
	if c := p.take(); c != nil {
		return c, nil
	}
	conn, err := db.Conn()
	if err != nil {
		return nil, err
	}
	c := &PooledConn{Conn: conn, settings: make(map[string]string)}
	c.Guard(true)
	for name, value := range settings {
		if err := c.Set(context.Background(), name, value); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return c, nil
}

// take returns an idle connection, nil if there is none.
func (p *Pool) take() *PooledConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if !c.Stale() {
			c.Guard(true)
			c.OnlyMemory(false)
			return c
		}
	}
	return nil
}

// Set changes a setting, unless it has the value already.
func (c *PooledConn) Set(ctx context.Context, name, value string) error {
	return c.remember(ctx, name, value, "SET "+name+" = '"+strings.ReplaceAll(value, "'", "''")+"'")
}

// SetVariable gives a variable of SQL, which getvariable reads, a value that is
// written in SQL, unless it has that already.
func (c *PooledConn) SetVariable(ctx context.Context, name, value string) error {
	return c.remember(ctx, "variable "+name, value, "SET VARIABLE "+name+" = "+value)
}

// remember runs the SQL that gives what the key names the value, unless it has that already.
func (c *PooledConn) remember(ctx context.Context, key, value, sql string) error {
	if held, ok := c.settings[key]; ok && held == value {
		return nil
	}
	delete(c.settings, key) // SQL that fails may have had its effect: there may be no memory for saying so
	if err := c.Exec(ctx, sql); err != nil {
		return err
	}
	c.settings[key] = value
	return nil
}

// Put gives a connection back, with its settings as they are.
func (p *Pool) Put(c *PooledConn) {
	c.settle()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) >= poolSize || c.Stale() {
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
