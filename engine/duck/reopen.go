package duck

import (
	"context"
	"fmt"
	"time"

	"github.com/millstream-db/millstream/engine/killpoint"
)

// Attend makes the caller the one who reopens the database, until Unattend: it gets
// word on the channel whenever the instance is suspect, and has to call Check.
func (db *DB) Attend() <-chan struct{} {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.attended = make(chan struct{}, 1)
	return db.attended
}

// Unattend says that nobody reopens the database any more, and wakes who waits.
func (db *DB) Unattend() {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.attended = nil
	db.settle()
}

// suspect notices an error that may have invalidated an instance: DuckDB then
// refuses every statement until the file is opened again.
func (db *DB) suspect(i *instance) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.inst != i || db.closed || db.attended == nil {
		return
	}
	if !db.unsettle() { // somebody has noticed before
		return
	}
	select {
	case db.attended <- struct{}{}:
	default:
	}
}

// unsettle has everybody wait who needs the instance, and reports whether nobody did
// so far. The caller holds mu.
func (db *DB) unsettle() bool {
	select {
	case <-db.settled:
		db.settled = make(chan struct{})
		return true
	default:
		return false
	}
}

// settle wakes who waits for the instance. The caller holds mu.
func (db *DB) settle() {
	select {
	case <-db.settled:
	default:
		close(db.settled)
	}
}

// Await returns when the database can be used, after an error that has made its
// instance suspect. It returns an error when nobody reopens it.
func (db *DB) Await(ctx context.Context) error {
	for {
		db.mu.Lock()
		settled, attended := db.settled, db.attended
		db.mu.Unlock()
		if attended != nil {
			select {
			case <-settled:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		db.mu.Lock()
		closed, attended, open := db.closed, db.attended, db.inst != nil
		db.mu.Unlock()
		switch {
		case closed:
			return errClosed
		case attended == nil:
			return ErrReopened
		case open:
			return nil
		}
		time.Sleep(time.Millisecond) // it was given up once more in between
	}
}

// patience is how long a new connection waits for the file to be opened again.
const patience = 5 * time.Second

// PatientConn is Conn that waits a while when the instance is suspect, or when
// there is none.
func (db *DB) PatientConn() (*Conn, error) {
	db.settleDown()
	return db.Conn()
}

// settleDown waits a while for a suspect instance to be checked or replaced.
func (db *DB) settleDown() {
	db.mu.Lock()
	settled := db.settled
	db.mu.Unlock()
	select {
	case <-settled:
		return
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = db.Await(ctx) // if it can't be used still, the connection says so
}

// Severed is closed when the instance of the moment is.
func (db *DB) Severed() <-chan struct{} {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.severed
}

// Check asks the instance whether it still answers. If it does, all is well.
func (db *DB) Check(ctx context.Context) error {
	db.mu.Lock()
	i := db.inst
	db.mu.Unlock()
	if i == nil {
		return ErrReopened
	}
	c, err := i.connect("")
	if err == nil {
		err = c.Exec(ctx, "SELECT 1")
		c.Close()
	}
	if err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.settle()
	return nil
}

// Reopen closes the instance, whatever it is doing, and opens another one on the
// file: as after a crash, with what had been committed. Nothing is written to the
// file by closing. setUp is called with the new instance's first connection,
// before anybody else gets one. After an error there is no instance, and Reopen has
// to be called again. It must not be called for a database in memory, whose rows
// would be gone.
func (db *DB) Reopen(setUp func(*Conn) error) error {
	db.mu.Lock()
	old := db.inst
	db.inst = nil
	db.unsettle()
	if old != nil {
		close(db.severed)
	}
	db.mu.Unlock()
	if old != nil {
		old.sever()
	}
	killpoint.At(killpoint.FileClosed)
	i, path, err := db.start()
	if err != nil {
		return err
	}
	if err = i.begin(path, db.options, setUp); err != nil {
		i.sever()
		return fmt.Errorf("set up duckdb: %w", err)
	}
	killpoint.At(killpoint.FileOpened)
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		i.sever()
		return errClosed
	}
	db.inst, db.path, db.severed = i, path, make(chan struct{})
	db.settle()
	db.mu.Unlock()
	return nil
}

// begin prepares a new instance for its users, as the one before was when it was
// locked.
func (i *instance) begin(path string, o Options, setUp func(*Conn) error) error {
	c, err := i.connect(path)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := setUp(c); err != nil {
		return err
	}
	return lock(c, o)
}
