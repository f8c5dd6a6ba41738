package duck

import (
	"context"
)

// Lasting is a connection for work that has to be done whatever becomes of the
// instance: it is opened when it is first needed, and anew when its instance was
// replaced. It is not safe for concurrent use. The caller must Close it.
type Lasting struct {
	db        *DB
	conn      *Conn
	relations Relations
	memory    bool
}

// NewLasting returns a connection of db on which ms_scan finds the relations.
func NewLasting(db *DB, r Relations) *Lasting { return &Lasting{db: db, relations: r} }

// OnlyMemory is Conn.OnlyMemory(true) for the connection. It is called before the first Do.
func (l *Lasting) OnlyMemory() { l.memory = true }

// lastingTries is how often work is begun, that errors have ended which may be the
// instance's: a statement that is fatal itself must not be tried for ever.
const lastingTries = 10

// Do runs f with the connection. When the instance is lost meanwhile, it waits for
// another one and runs f again, from its beginning; f finds a connection that it
// has not seen then, where nothing is prepared. When f finds DuckDB's memory full, which
// statements of users have, they are ended, and f is run again, too.
func (l *Lasting) Do(ctx context.Context, f func(*Conn) error) error {
	var n need
	defer n.over()
	for try := 1; ; {
		c, err := l.current()
		if err == nil {
			err = f(c)
		}
		switch {
		case err == nil:
			return nil
		case OutOfMemory(err):
			if !n.wait(ctx) {
				return err
			}
		case !Lost(err) || try == lastingTries || l.db.Await(ctx) != nil:
			return err
		default:
			try++
		}
	}
}

func (l *Lasting) current() (*Conn, error) {
	if l.conn != nil && !l.conn.Stale() {
		return l.conn, nil
	}
	l.Close()
	c, err := l.db.Conn()
	if err != nil {
		return nil, err
	}
	c.SetRelations(l.relations)
	c.OnlyMemory(l.memory)
	l.conn = c
	return c, nil
}

// Close closes the connection. Statements that were prepared on it must be closed.
func (l *Lasting) Close() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}
