package duck

import (
	"context"
	"fmt"
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

// DB is one open DuckDB instance. It is safe for concurrent use.
type DB struct {
	id   uint64
	data mapping.Database
	path string // of new connections

	mu     sync.Mutex
	conns  map[*Conn]struct{}
	closed bool
}

var lastDB atomic.Uint64

// Open opens the database file at path, or an in-memory database for "".
// The settings follow the threat list: nothing is downloaded or loaded, no
// secrets, times are UTC unless a session says otherwise. Call Lock when the
// instance is set up; only then may statements of users run.
func Open(path string, o Options) (*DB, error) {
	var config mapping.Config
	if mapping.CreateConfig(&config) == mapping.StateError {
		return nil, fmt.Errorf("open duckdb: no memory for its configuration")
	}
	defer mapping.DestroyConfig(&config)
	for _, s := range o.settings() {
		if mapping.SetConfig(config, s[0], s[1]) == mapping.StateError {
			return nil, fmt.Errorf("open duckdb: setting %s = %q is not valid", s[0], s[1])
		}
	}
	db := &DB{id: lastDB.Add(1), conns: make(map[*Conn]struct{})}
	var message string
	if mapping.OpenExt(path, &db.data, config, &message) == mapping.StateError {
		return nil, fmt.Errorf("open duckdb %s: %w", path, parseError(message))
	}
	var c mapping.Connection
	if mapping.Connect(db.data, &c) == mapping.StateError {
		mapping.Close(&db.data)
		return nil, fmt.Errorf("open duckdb %s: no connection", path)
	}
	err := registerScan(c, db.id)
	if err == nil {
		err = registerDivision(c)
	}
	if err == nil {
		err = registerSignal(c, db.id, o.Signal)
	}
	mapping.Disconnect(&c)
	if err == nil {
		err = db.define(o.Functions)
	}
	if err != nil {
		mapping.Close(&db.data)
		return nil, err
	}
	return db, nil
}

// define makes the functions of the language, in memory, and puts them on the
// path of the connections to come.
func (db *DB) define(functions string) error {
	c, err := db.Conn()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx := context.Background()
	if err := c.Exec(ctx, "ATTACH ':memory:' AS functions; "+functions); err != nil {
		return fmt.Errorf("define functions: %w", err)
	}
	rows, err := c.Query(ctx, "SELECT current_database()")
	if err != nil {
		return err
	}
	defer rows.Close()
	var name string
	if _, err := rows.Next(); err != nil {
		return err
	}
	err = rows.Scan(&name)
	db.path = name + ".main," + FunctionPath
	return err
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
		// The file is folded by explicit CHECKPOINT, between commits: an
		// automatic one inside COMMIT doubles its time.
		{"checkpoint_threshold", "1GB"},
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

// Conn opens a connection. The caller must Close it.
func (db *DB) Conn() (*Conn, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return nil, fmt.Errorf("duckdb is closed")
	}
	c := &Conn{db: db}
	if mapping.Connect(db.data, &c.data) == mapping.StateError {
		return nil, fmt.Errorf("open a duckdb connection")
	}
	var ctx mapping.ClientContext
	mapping.ConnectionGetClientContext(c.data, &ctx)
	c.key = connKey{db: db.id, conn: uint64(mapping.ClientContextGetConnectionId(ctx))}
	mapping.DestroyClientContext(&ctx)
	connections.Store(c.key, c)
	db.conns[c] = struct{}{}
	if db.path != "" {
		var res mapping.Result
		state := mapping.Query(c.data, "SET search_path='"+db.path+"'", &res)
		defer mapping.DestroyResult(&res)
		if state == mapping.StateError {
			return nil, parseError(mapping.ResultError(&res))
		}
	}
	return c, nil
}

// Close closes the instance. Connections must have been closed before.
func (db *DB) Close() {
	db.mu.Lock()
	defer db.mu.Unlock()
	if !db.closed {
		db.closed = true
		mapping.Close(&db.data)
		signals.Delete(db.id)
	}
}

// Version returns DuckDB's version, such as v1.5.6.
func Version() string { return mapping.LibraryVersion() }
