package checkpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
)

// formatVersion is raised when an older binary could not read the file.
const formatVersion = 2

// FileName is the database file in the data directory; DuckDB names its
// catalog after it.
const FileName = "history.duckdb"

// InitMarker is made in the data directory when the file of statements for the first
// start has run.
const InitMarker = "init.done"

// ErrLocked is returned when another process has the data directory open.
var ErrLocked = errors.New("the data directory is in use by another process")

// ErrDiskFull is returned when a checkpoint would not fit on the disk. Nothing
// was written, and nothing is lost: the rows stay in memory and in Kafka.
var ErrDiskFull = errors.New("disk full")

// errNoFormat is returned for a file that is not new and does not say what it is.
var errNoFormat = errors.New("the file does not say which format it has: start on a backup of the database")

// Store is the open file. Commit and Load are for one goroutine at a time.
type Store struct {
	dir   string
	lock  *os.File
	db    *duck.DB
	conn  *duck.Conn
	stuck bool       // the connection is in a transaction that can't be ended: it needs another one
	names duck.Named // what ms_scan finds
	folds atomic.Int64
	// frozen keeps the log from being folded. file is what is copied then; it stays
	// open, since closing any descriptor of the file gives up DuckDB's lock on it.
	frozen atomic.Bool
	file   *os.File
	// Who holds them needs rows to keep their ids, or reads tables.
	folding, reading *gate
	appending        appending
	filled           map[string]bool // tables of users' that are known not to be empty
	filledAt         int64           // after so many folds
	// commit ends the transaction; tests have it fail.
	commit func(context.Context) error

	tables     map[string]*history.Table
	segments   map[string][]history.Segment
	staged     map[string]history.Segment // of tables that are not there yet
	generation map[string]*generation
	objects    map[string]bool // the names in the catalog
	replayed   int64           // the size of the log that Open found
	partitions places          // as the last commit left them, nil: not known
}

// generation is the state tables of a view that are being appended to.
type generation struct {
	number, rows int64
}

// Open opens or makes the file in dir, which it creates. With an empty dir
// everything lives in memory and is gone with the process. The error wraps
// ErrLocked when another process is at it.
func Open(ctx context.Context, dir string, o duck.Options) (*Store, error) {
	s := &Store{
		dir: dir, folding: newGate(), reading: newGate(), filled: make(map[string]bool), names: duck.Named{}, tables: make(map[string]*history.Table),
		segments: make(map[string][]history.Segment), staged: make(map[string]history.Segment), generation: make(map[string]*generation), objects: make(map[string]bool),
	}
	s.commit = func(ctx context.Context) error { return s.conn.Commit(ctx) }
	path := ""
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("data directory: %w", err)
		}
		if err := s.lockDir(); err != nil {
			return nil, err
		}
		path = filepath.Join(dir, FileName)
		if err := checkMissing(path); err != nil {
			s.Close()
			return nil, err
		}
		s.replayed = s.WALBytes()
		if o.TempDirectory == "" {
			o.TempDirectory = filepath.Join(dir, "tmp")
		}
	}
	err := s.open(ctx, path, o)
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("open %s: %w", filepath.Join(dir, FileName), err)
	}
	return s, nil
}

// checkMissing refuses a directory that has lost its file: DuckDB would begin anew and
// remove the log.
func checkMissing(path string) error {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		return nil
	}
	for _, left := range []string{path + ".wal", filepath.Join(filepath.Dir(path), InitMarker)} {
		if info, err := os.Stat(left); err == nil && info.Size() > 0 {
			return fmt.Errorf("the database file %s is missing, although there is %s: start on a backup of the database, or on an empty data directory", path, left)
		}
	}
	return nil
}

func (s *Store) open(ctx context.Context, path string, o duck.Options) (err error) {
	if path == "" { // in memory the catalog is attached, to have the same name
		if s.db, err = duck.Open("", o); err != nil {
			return err
		}
	} else if s.db, err = duck.Open(path, o); err != nil {
		return err
	}
	if s.conn, err = s.db.Conn(); err != nil {
		return err
	}
	s.conn.SetRelations(s.names)
	if path == "" {
		if err := s.conn.Exec(ctx, "ATTACH ':memory:' AS history"); err != nil {
			return err
		}
	}
	if err := s.conn.Exec(ctx, searchPath); err != nil {
		return err
	}
	if err := s.conn.Exec(ctx, schema); err != nil {
		return err
	}
	return s.checkVersion(ctx)
}

const searchPath = "SET search_path='history.main," + duck.FunctionPath + "'"

const schema = `
CREATE SCHEMA IF NOT EXISTS internal;
CREATE SCHEMA IF NOT EXISTS segments;
CREATE SCHEMA IF NOT EXISTS state;
CREATE TABLE IF NOT EXISTS internal.format (version BIGINT);
CREATE TABLE IF NOT EXISTS internal.checkpoints (epoch BIGINT, committed_at TIMESTAMPTZ, rows BIGINT, duration_ms DOUBLE);
CREATE TABLE IF NOT EXISTS internal.epoch (epoch BIGINT);
ALTER TABLE internal.epoch ADD COLUMN IF NOT EXISTS catalog BIGINT DEFAULT 0;
CREATE TABLE IF NOT EXISTS internal.objects (ordinal BIGINT, name VARCHAR, kind VARCHAR, sql VARCHAR, definition VARCHAR, created TIMESTAMPTZ);
CREATE TABLE IF NOT EXISTS internal.partitions (source VARCHAR, partition BIGINT, next_offset BIGINT, leader_epoch BIGINT,
  topic_id VARCHAR, max_micros BIGINT, late BIGINT, rejected BIGINT, rows BIGINT);
CREATE TABLE IF NOT EXISTS internal.counters (object VARCHAR, name VARCHAR, value BIGINT);
CREATE TABLE IF NOT EXISTS internal.segments ("table" VARCHAR, number BIGINT, created TIMESTAMPTZ, last TIMESTAMPTZ, rows BIGINT);
CREATE TABLE IF NOT EXISTS internal.roles (definition VARCHAR);
CREATE TABLE IF NOT EXISTS internal.receipts (source VARCHAR, number BIGINT, key VARCHAR, digest VARCHAR, accepted BIGINT, rejected BIGINT, taken TIMESTAMPTZ);
CREATE TABLE IF NOT EXISTS internal.states (view VARCHAR, generation BIGINT, rows BIGINT);
`

func (s *Store) checkVersion(ctx context.Context) error {
	version, err := s.number(ctx, "SELECT coalesce(max(version), 0)::BIGINT FROM internal.format")
	if err != nil {
		return err
	}
	switch version {
	case 0:
		if n, err := s.Count(ctx, "internal.epoch"); err != nil || n > 0 {
			return cmp.Or(err, errNoFormat)
		}
		return s.conn.Exec(ctx, fmt.Sprintf("BEGIN TRANSACTION; INSERT INTO internal.format VALUES (%d); INSERT INTO internal.epoch VALUES (0, 0); COMMIT", formatVersion))
	case formatVersion:
		return nil
	default:
		return fmt.Errorf("the file has format %d, this version of Millstream reads format %d: run the version that has written it, or start on a backup of that format", version, formatVersion)
	}
}

func (s *Store) lockDir() error {
	f, err := os.OpenFile(filepath.Join(s.dir, "LOCK"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(f.Name())
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("%s: %w (process %s); stop it, or give another --data", s.dir, ErrLocked, holder)
		}
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	s.lock = f
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt(fmt.Append(nil, os.Getpid()), 0)
		_ = err // the number is a courtesy; the lock holds without it
	}
	return nil
}

// DB returns the instance, on which readers open their connections.
func (s *Store) DB() *duck.DB { return s.db }

// Close folds the write-ahead log into the file and closes it.
func (s *Store) Close() {
	if s.conn != nil {
		s.conn.Close()
	}
	if s.db != nil {
		s.db.Close()
	}
	if s.file != nil {
		s.file.Close()
	}
	if s.lock != nil {
		s.lock.Close()
	}
}

// WALBytes returns the size of the write-ahead log.
func (s *Store) WALBytes() int64 {
	if s.dir == "" {
		return 0
	}
	info, err := os.Stat(filepath.Join(s.dir, FileName+".wal"))
	if err != nil {
		return 0
	}
	return info.Size()
}

// Replayed returns the size of the write-ahead log that the last process left, and
// that was replayed by Open.
func (s *Store) Replayed() int64 { return s.replayed }

// Cut returns how many bytes of that were not replayed: a last commit that a power cut kept from
// coming to its end.
func (s *Store) Cut() int64 { return s.db.Cut() }

// margin is what must stay free on the disk besides a checkpoint's own bytes:
// a write that fails halfway would invalidate the whole DuckDB instance.
const margin = 32 << 20

func (s *Store) checkDisk(need int64) error {
	if s.dir == "" {
		return nil
	}
	if free, known := FreeBytes(s.dir); known && free < margin+3*need {
		return fmt.Errorf("%w: %s has %d MiB free, the next checkpoint needs %d MiB", ErrDiskFull, s.dir, free>>20, (margin+3*need)>>20)
	}
	return nil
}

// FreeBytes returns how much room there is for files in a directory. Where that is not
// known there is no reason to refuse: the write itself will say.
func FreeBytes(dir string) (bytes int64, known bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * st.Bsize, true
}

// number runs a query that gives one BIGINT.
func (s *Store) number(ctx context.Context, sql string) (n int64, err error) {
	err = s.conn.Each(ctx, sql, func(scan func(...any) error) error { return scan(&n) })
	return n, err
}

// Count returns the number of rows of a table of the file.
func (s *Store) Count(ctx context.Context, table string) (int64, error) {
	return s.number(ctx, "SELECT count(*)::BIGINT FROM "+table)
}

func timestamp(t time.Time) string { return fmt.Sprintf("make_timestamptz(%d)", t.UnixMicro()) }
