package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/query/admission"
	"github.com/millstream-db/millstream/query/binder"
	"github.com/millstream-db/millstream/query/channel"
	"github.com/millstream-db/millstream/query/dialect"
	"github.com/millstream-db/millstream/query/growth"
	"github.com/millstream-db/millstream/query/narrow"
	"github.com/millstream-db/millstream/query/pgcatalog"
	"github.com/millstream-db/millstream/query/plancache"
	"github.com/millstream-db/millstream/query/serverdir"
)

// Options configure a database. The zero value is usable.
type Options struct {
	Engine engine.Options
	// Version is what server_version reports behind Postgres's number.
	Version string
	// MaxQueries is how many queries work at a time; others wait for QueueTimeout
	// to begin. The defaults are 64 and 30 s.
	MaxQueries   int
	QueueTimeout time.Duration
	// NoCatalog leaves pg_catalog and information_schema out, which a program that
	// serves no PostgreSQL clients does not need: it takes a core longer to make them
	// than all of Open, and is done after it.
	NoCatalog bool
	// BackupTo are the directories in which BACKUP may make others.
	BackupTo []string
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	engine       *engine.Engine
	opts         Options
	binders      binder.Pool
	channels     *channel.Hub
	queue        *admission.Queue
	descriptions *plancache.Cache[string, *description]
	shapes       *narrow.Shapes
	growth       *growth.Growth
	catalog      *pgcatalog.Making     // nil: there is none
	readable     serverdir.Directories // whose files COPY may read
	backups      serverdir.Directories // in which BACKUP may make others

	mu       sync.Mutex
	sessions map[*Session]struct{}
}

// Open opens the database in dir, which is made if need be, or one in memory
// for "". Sources go on where the last checkpoint left them. The caller must
// Close it.
func Open(ctx context.Context, dir string, opts Options) (*DB, error) {
	db := &DB{sessions: make(map[*Session]struct{})}
	var err error
	if db.readable, err = serverdir.Resolve(opts.Engine.DuckDB.AllowedDirectories); err != nil {
		return nil, fmt.Errorf("copy_from: %w", err)
	}
	if db.backups, err = serverdir.Resolve(opts.BackupTo); err != nil {
		return nil, fmt.Errorf("backup_to: %w", err)
	}
	opts.Engine.DuckDB.AllowedDirectories = db.readable
	db.opts = opts
	db.descriptions = plancache.New[string, *description](descriptions)
	db.shapes = narrow.NewShapes(db.serialize)
	db.queue = admission.NewQueue(cmp.Or(opts.MaxQueries, 64), cmp.Or(opts.QueueTimeout, 30*time.Second))
	db.queue.Hold = duck.Full
	db.binders.Open = func() (*duck.Conn, error) { return db.engine.NewConn() }
	opts.Engine.DuckDB.Functions, opts.Engine.DuckDB.Signal = dialect.Functions(), db.signal
	opts.Engine.Sessions = db.listSessions
	db.growth = growth.New(db.growSource)
	opts.Engine.Connectors = db.growth.Connectors(opts.Engine.Connectors)
	e, err := engine.Open(ctx, dir, opts.Engine)
	if err != nil {
		return nil, err
	}
	if !opts.NoCatalog {
		db.catalog = pgcatalog.Make(e.Admin)
	}
	db.engine, db.channels = e, channel.NewHub(e.Touched)
	db.growth.Begin()
	return db, nil
}

// Engine returns the engine behind the database.
func (db *DB) Engine() *engine.Engine { return db.engine }

// Close stops the sources, writes a last checkpoint and closes the file. Open
// sessions are closed.
func (db *DB) Close(ctx context.Context) error {
	db.mu.Lock()
	open := make([]*Session, 0, len(db.sessions))
	for s := range db.sessions {
		open = append(open, s)
	}
	db.mu.Unlock()
	for _, s := range open {
		s.Close()
	}
	db.binders.Close()
	db.catalog.Close()
	err := db.engine.Close(ctx)
	db.growth.Wait()
	return err
}

// Checkpoint makes everything that is visible now durable.
func (db *DB) Checkpoint(ctx context.Context) error { return db.engine.Checkpoint(ctx) }

// Exec runs one statement and drops its rows. Arguments are $1, $2, …
func (db *DB) Exec(ctx context.Context, sql string, args ...any) error {
	r, err := db.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		if _, err := r.Next(ctx); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// Query runs one statement. The caller must Close the result.
func (db *DB) Query(ctx context.Context, sql string, args ...any) (*Result, error) {
	s := db.NewSession(SessionOptions{})
	st, err := s.Prepare(ctx, sql, ParamTypes(args))
	if err != nil {
		s.Close()
		return nil, err
	}
	r, err := s.Execute(ctx, st, args)
	if err != nil {
		s.Close()
		return nil, err
	}
	inner := r.close
	r.close = func() {
		if inner != nil {
			inner()
		}
		s.Close()
	}
	return r, nil
}

// ParamTypes returns the types of arguments for Session.Prepare, as far as
// their Go types say: a string may stand for anything that has a text form.
func ParamTypes(args []any) []string {
	types := make([]string, len(args))
	for i, arg := range args {
		switch arg.(type) {
		case bool:
			types[i] = "BOOLEAN"
		case int, int32, int64:
			types[i] = "BIGINT"
		case uint64:
			types[i] = "UBIGINT"
		case float32, float64:
			types[i] = "DOUBLE"
		case []byte:
			types[i] = "BLOB"
		}
	}
	return types
}

// Append hands a batch to a source and waits until it is visible. Without
// ranges its rows go to partition 0. The batch is the database's from now on.
// Rows are durable after the next checkpoint.
func (db *DB) Append(ctx context.Context, source string, b *batch.Batch) error {
	return db.engine.Append(ctx, source, b)
}

// AppendRecord is Append for an Arrow record batch whose columns are those that
// the source decodes, in order, in the Arrow types of batch.Type. The caller
// keeps the record, whose memory must not come from Go's heap: see Allocator.
func (db *DB) AppendRecord(ctx context.Context, source string, rec arrow.RecordBatch) error {
	rec.Retain()
	bytes := int64(0)
	for _, c := range rec.Columns() {
		bytes += int64(c.Data().SizeInBytes())
	}
	return db.engine.Append(ctx, source, &batch.Batch{Record: rec, Bytes: bytes})
}

// NewRows returns a builder for a source's decoded columns; Finish gives what
// AppendRecord takes.
func (db *DB) NewRows(source string) (*batch.Builder, error) {
	def := db.engine.Sources()[source]
	if def == nil {
		return nil, Errorf(CodeUndefinedTable, "source %q does not exist", source)
	}
	return batch.NewBuilder(db.engine.Allocator(), def.Decoded()), nil
}
