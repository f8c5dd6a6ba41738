package duck

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// Options configure an instance. Zero values leave DuckDB's defaults.
type Options struct {
	MemoryLimit   string // such as 2GiB
	Threads       int
	TempDirectory string // where large sorts and joins spill; "" means nowhere
	MaxTempSize   string
	// ProcessMemory is how much memory the process may have, in bytes; 0 means no
	// limit, and so does a system that does not tell how much it has. When it has
	// more, statements on guarded connections are ended: see Conn.Guard and ErrMemory.
	// It holds for all databases of the process, which share the least.
	ProcessMemory int64
	LogLimit      string // a commit folds the log when it is larger; "" means 1GB, so that the caller does
	// AllowedDirectories are those whose files SQL of our own may read. SQL of
	// users has no function that reads files.
	AllowedDirectories []string
	// Functions is SQL that makes macros in the schema that FunctionPath names.
	// They are on the path of every connection, and so part of the language.
	Functions string
	// Signal is called for what SQL asks of the session with a process number,
	// from any thread and at any time, and reports whether there is such a
	// session. Nil: there is none. The macros of Functions and of the live catalog
	// reach it as ms_signal.
	Signal func(s Signal, process int32, argument float64) bool
}

// FunctionPath is where the macros of Options.Functions are. What is on a path
// before it may hide them, and they hide DuckDB's own functions.
const FunctionPath = "functions.main"

// DB is an open database. Behind it is one DuckDB instance at a time, which may be
// replaced: see Reopen. It is safe for concurrent use.
type DB struct {
	file    string
	options Options

	mu sync.Mutex
	// mu protects the fields below.
	path     string    // of new connections
	inst     *instance // nil: there is none
	closed   bool
	attended chan struct{} // has one when the instance is suspect, nil: nobody reopens it
	settled  chan struct{} // closed while nothing is wrong with the instance
	severed  chan struct{} // closed when the instance is

	cut    atomic.Int64 // bytes of logs
	asking sync.Mutex   // is held while DuckDB is asked how much memory it holds
}

// Cut returns how many bytes were cut off the log when the file was opened, also again: a last commit that a
// power cut, or an fsync that failed, kept from coming to its end, and that nobody had an answer to.
func (db *DB) Cut() int64 { return db.cut.Load() }

var lastInstance atomic.Uint64

// Open opens the database file at path, or an in-memory database for "".
// The settings follow the threat list: nothing is downloaded or loaded, no
// secrets, times are UTC unless a session says otherwise. Call Lock when the
// instance is set up; only then may statements of users run.
func Open(path string, o Options) (*DB, error) {
	db := &DB{file: path, options: o, settled: make(chan struct{}), severed: make(chan struct{})}
	close(db.settled)
	if path != "" {
		if err := beginFile(path); err != nil {
			return nil, err
		}
	}
	var err error
	if db.inst, db.path, err = db.start(); err != nil {
		return nil, err
	}
	if path != "" {
		if err := madeFile(path); err != nil {
			db.inst.sever()
			return nil, err
		}
	}
	process.open(o.ProcessMemory)
	return db, nil
}

// start opens an instance, and says which path its connections are to have.
func (db *DB) start() (*instance, string, error) {
	i := &instance{db: db, id: lastInstance.Add(1), conns: make(map[*Conn]struct{})}
	var err error
	if db.file == "" {
		err = i.open("", db.options)
	} else {
		err = i.openFile(db.file, db.options)
	}
	if err != nil {
		return nil, "", err
	}
	path, err := i.setUp(db.options)
	if err != nil {
		i.sever()
		return nil, "", err
	}
	return i, path, nil
}

// openFile opens DuckDB on a file, however a process or a power cut has left it.
func (i *instance) openFile(file string, o Options) error {
	if err := settle(file); err != nil {
		return err
	}
	if err := restoreMetadata(file); err != nil {
		return err
	}
	cut, err := checkLog(file)
	if err != nil {
		return err
	}
	i.db.cut.Add(cut)
	err = i.open(file, o)
	if refused := (*Error)(nil); errors.As(err, &refused) {
		if cut, err = mendLog(file, refused); err == nil {
			i.db.cut.Add(cut)
			err = i.open(file, o)
		}
	}
	if err != nil {
		return err
	}
	if i.file, err = os.Open(file); err != nil {
		i.sever()
		return fmt.Errorf("open duckdb %s: %w", file, err)
	}
	return nil
}

// open opens DuckDB on a file, which it makes if need be, or in memory for "".
func (i *instance) open(file string, o Options) error {
	var config mapping.Config
	if mapping.CreateConfig(&config) == mapping.StateError {
		return fmt.Errorf("open duckdb: no memory for its configuration")
	}
	defer mapping.DestroyConfig(&config)
	for _, s := range o.settings() {
		if mapping.SetConfig(config, s[0], s[1]) == mapping.StateError {
			return fmt.Errorf("open duckdb: setting %s = %q is not valid", s[0], s[1])
		}
	}
	var message string
	if mapping.OpenExt(file, &i.data, config, &message) == mapping.StateError {
		return fmt.Errorf("open duckdb %s: %w", file, parseError(message).opening(file))
	}
	return nil
}

// setUp registers the functions written in C, makes those of the language, in
// memory, and returns the path on which they are found.
func (i *instance) setUp(o Options) (path string, err error) {
	c, err := i.connect("")
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err = registerScan(c.data, i.id); err == nil {
		err = registerDivision(c.data)
	}
	if err == nil {
		err = registerPatterns(c.data)
	}
	if err == nil {
		err = registerArguments(c.data, i.id)
	}
	if err == nil {
		err = registerSignal(c.data, i.id, o.Signal)
	}
	if err != nil {
		return "", err
	}
	// What is wrong with an instance must not be written to the file when it is
	// closed: Close alone folds the log, and only of one that works.
	ctx := context.Background()
	if err := c.Exec(ctx, "RESET GLOBAL storage_compatibility_version; PRAGMA disable_checkpoint_on_shutdown; ATTACH ':memory:' AS functions; "+o.Functions); err != nil {
		return "", fmt.Errorf("define functions: %w", err)
	}
	rows, err := c.Query(ctx, "SELECT current_database()")
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var name string
	if _, err := rows.Next(); err != nil {
		return "", err
	}
	err = rows.Scan(&name)
	return name + ".main," + FunctionPath, err
}

func (o Options) settings() [][2]string {
	s := [][2]string{
		{"autoinstall_known_extensions", "false"},
		{"autoload_known_extensions", "false"},
		{"allow_community_extensions", "false"},
		{"allow_persistent_secrets", "false"},
		{"errors_as_json", "true"},
		// Rows go into history on all cores. Where their order matters, the scan
		// has one thread (Relation.Ordered) or the SQL an ORDER BY.
		{"preserve_insertion_order", "false"},
		// As in PostgreSQL, NULL is the greatest value.
		{"default_null_order", "nulls_last_on_asc_first_on_desc"},
		// It computes what two expressions have in common once, and outside of the
		// TRY around each.
		{"disabled_optimizers", "common_subexpressions"},
		// Since that version a log says to which file it belongs, and after how many
		// folds: others are refused. It is the file's, and is reset when that is
		// open: it changes how syntax trees are written, too.
		{"storage_compatibility_version", "v1.4.0"},
		// The file is folded by explicit CHECKPOINT, between commits: an
		// automatic one inside COMMIT doubles its time.
		{"checkpoint_threshold", cmp.Or(o.LogLimit, "1GB")},
	}
	add := func(name, value string) {
		if value != "" {
			s = append(s, [2]string{name, value})
		}
	}
	add("memory_limit", o.MemoryLimit)
	add("temp_directory", o.TempDirectory)
	if o.Threads > 0 {
		add("threads", fmt.Sprint(o.Threads))
	}
	return s
}

// Lock closes what SQL could reach outside the database and freezes the
// settings, all but the session's time zone.
func (db *DB) Lock(o Options) error {
	c, err := db.Conn()
	if err != nil {
		return err
	}
	defer c.Close()
	return lock(c, o)
}

func lock(c *Conn, o Options) error {
	sql := []string{"SET GLOBAL TimeZone='UTC'"}
	if o.MaxTempSize != "" { // only a runtime SET is enforced
		sql = append(sql, "SET max_temp_directory_size='"+o.MaxTempSize+"'")
	}
	if len(o.AllowedDirectories) > 0 {
		list := make([]string, len(o.AllowedDirectories))
		for i, dir := range o.AllowedDirectories {
			list[i] = "'" + strings.ReplaceAll(dir, "'", "''") + "'"
		}
		sql = append(sql, "SET allowed_directories=["+strings.Join(list, ", ")+"]")
	}
	sql = append(sql, "SET allow_unredacted_secrets=false", "SET enable_external_access=false",
		"SET allowed_configs=['TimeZone','schema','search_path']", "SET lock_configuration=true")
	if err := c.Exec(context.Background(), strings.Join(sql, "; ")); err != nil {
		return fmt.Errorf("lock duckdb: %w", err)
	}
	return nil
}

// Conn opens a connection. The caller must Close it. The error is ErrReopened
// while there is no instance: see Await.
func (db *DB) Conn() (*Conn, error) {
	db.mu.Lock()
	i, path, closed := db.inst, db.path, db.closed
	db.mu.Unlock()
	switch {
	case closed:
		return nil, errClosed
	case i == nil:
		return nil, ErrReopened
	}
	return i.connect(path)
}

var errClosed = errors.New("duckdb is closed")

// Close folds the log into the file and closes the instance, with whatever is
// still open of it.
func (db *DB) Close() {
	db.mu.Lock()
	i, wasClosed := db.inst, db.closed
	db.closed, db.inst = true, nil
	db.settle()
	db.mu.Unlock()
	if wasClosed {
		return
	}
	process.close(db.options.ProcessMemory)
	if i == nil {
		return
	}
	if c, err := i.connect(""); err == nil {
		ctx := context.Background()
		if c.KeepMetadata(ctx) == nil {
			_ = c.Exec(ctx, "PRAGMA enable_checkpoint_on_shutdown") // else the next start replays the log
		}
		c.Close()
	}
	i.sever()
	if db.file != "" {
		_ = restoreMetadata(db.file) // or the next start does
	}
}

// Version returns DuckDB's version, such as v1.5.6.
func Version() string { return mapping.LibraryVersion() }
