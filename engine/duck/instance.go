package duck

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// ErrReopened is returned on a connection whose instance has been closed for
// another one to be opened, and for a new connection while there is none.
// Whatever was to be read may be read again on a new connection.
var ErrReopened = errors.New("the database file is being opened again after an error")

// instance is DuckDB with the file open. It can be closed while its connections,
// statements and results are still held: they then answer ErrReopened, and
// closing them does nothing.
type instance struct {
	db   *DB
	id   uint64
	data mapping.Database
	// file is read beside DuckDB, nil for a database in memory. It stays open as long as
	// DuckDB has the file: closing any descriptor of it gives up the lock.
	file *os.File

	// working counts the calls into DuckDB, which severed lets no more begin.
	working atomic.Int64
	severed atomic.Bool
	commits sync.RWMutex // is held for writing while a transaction is committed: see Conn.Commit

	mu sync.Mutex
	// mu protects the fields below.
	conns  map[*Conn]struct{}
	closed bool
}

// enter begins a call into DuckDB, which leave ends. Nothing may be touched that
// belongs to the instance in between two calls.
func (i *instance) enter() bool {
	i.working.Add(1)
	if i.severed.Load() {
		i.working.Add(-1)
		return false
	}
	return true
}

func (i *instance) leave() { i.working.Add(-1) }

// severPause is how long sever waits between two looks at what still works.
const severPause = time.Millisecond

// sever ends every call into DuckDB, lets none begin any more, and closes all that
// is open. It waits for functions that can't be interrupted.
func (i *instance) sever() {
	i.severed.Store(true)
	for i.working.Load() > 0 {
		i.mu.Lock()
		for c := range i.conns {
			mapping.Interrupt(c.data)
		}
		i.mu.Unlock()
		time.Sleep(severPause)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return
	}
	i.closed = true
	for c := range i.conns {
		connections.Delete(c.key)
		c.free()
	}
	clear(i.conns)
	mapping.Close(&i.data)
	if i.file != nil {
		i.file.Close()
	}
	signals.Delete(i.id)
}

// connect opens a connection, whose path is as given.
func (i *instance) connect(path string) (*Conn, error) {
	if !i.enter() {
		return nil, ErrReopened
	}
	defer i.leave()
	i.mu.Lock()
	defer i.mu.Unlock()
	c := &Conn{inst: i}
	if mapping.Connect(i.data, &c.data) == mapping.StateError {
		return nil, errors.New("open a duckdb connection")
	}
	var ctx mapping.ClientContext
	mapping.ConnectionGetClientContext(c.data, &ctx)
	c.key = connKey{db: i.id, conn: uint64(mapping.ClientContextGetConnectionId(ctx))}
	mapping.DestroyClientContext(&ctx)
	connections.Store(c.key, c)
	i.conns[c] = struct{}{}
	if path == "" {
		return c, nil
	}
	var res mapping.Result
	state := mapping.Query(c.data, "SET search_path='"+path+"'", &res)
	defer mapping.DestroyResult(&res)
	if state == mapping.StateError {
		err := i.fault(parseError(mapping.ResultError(&res)))
		connections.Delete(c.key)
		delete(i.conns, c)
		mapping.Disconnect(&c.data)
		return nil, err
	}
	return c, nil
}

// fault passes an error of DuckDB's on, having noticed what it may say about the
// instance.
func (i *instance) fault(err *Error) *Error {
	if err.Fatal() {
		i.db.suspect(i)
	}
	return err.in(i.db.file)
}
