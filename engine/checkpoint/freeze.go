package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/killpoint"
)

var (
	// ErrInMemory is returned when there is no file to be copied.
	ErrInMemory = errors.New("the database is in memory and has no files")
	// ErrFrozen is returned when the file is frozen already.
	ErrFrozen = errors.New("another backup is being written")
	// ErrHeld is returned when the log can't be folded now.
	ErrHeld = errors.New("the write-ahead log can't be folded now")
	// errMoved says that a copy is of no use.
	errMoved = errors.New("the file was changed while it was copied")
)

// headerBytes is where the blocks of a DuckDB file begin. Before them are a header of
// the file and two of the database, of which the newer one holds and says which blocks
// are in use. A file is changed by writing free blocks, and at last a header.
const headerBytes = 3 * 4096

// Frozen is the file as one checkpoint has left it, with nothing of it in the log.
// Until Release nothing of that is overwritten: commits go on, and write to the log
// and to free blocks, but the log is not folded, and grows. It is not safe for
// concurrent use.
type Frozen struct {
	Epoch uint64
	Size  int64 // of the file in bytes

	store  *Store
	hold   *duck.Conn
	header []byte
}

// Freeze folds the log into the file and freezes it. epoch is that of the commit
// before it; like Commit it is for one goroutine at a time. ErrHeld is returned when
// the log can't be folded; with anyway, transactions that name rows by their ids do
// not keep it from being folded, and fail.
func (s *Store) Freeze(ctx context.Context, epoch uint64, anyway bool) (*Frozen, error) {
	if s.dir == "" {
		return nil, ErrInMemory
	}
	if s.frozen.Load() {
		return nil, ErrFrozen
	}
	if size := s.WALBytes(); size > 0 {
		if err := s.fold(ctx, size, anyway); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrHeld, err)
		}
	}
	if size := s.WALBytes(); size > 0 {
		return nil, fmt.Errorf("%w: %d bytes are left in it", ErrHeld, size)
	}
	f := &Frozen{Epoch: epoch, store: s}
	if err := f.begin(ctx); err != nil {
		f.Release()
		return nil, err
	}
	s.frozen.Store(true)
	return f, nil
}

// holdSQL begins a transaction that writes, and changes nothing. While one is open
// DuckDB refuses to fold the log, of itself and by CHECKPOINT.
const holdSQL = "BEGIN TRANSACTION; UPDATE history.internal.format SET version = version WHERE version < 0"

func (f *Frozen) begin(ctx context.Context) (err error) {
	s := f.store
	if f.hold, err = s.db.Conn(); err != nil {
		return err
	}
	if err := f.hold.Exec(ctx, holdSQL); err != nil {
		return fmt.Errorf("hold the log: %w", err)
	}
	if s.file == nil {
		if s.file, err = os.Open(filepath.Join(s.dir, FileName)); err != nil {
			return err
		}
	}
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	f.Size = info.Size()
	f.header, err = f.readHeader()
	return err
}

func (f *Frozen) readHeader() ([]byte, error) {
	header := make([]byte, headerBytes)
	if _, err := f.store.file.ReadAt(header, 0); err != nil {
		return nil, fmt.Errorf("read the header of %s: %w", f.store.file.Name(), err)
	}
	return header, nil
}

// Directory returns where the file is.
func (f *Frozen) Directory() string { return f.store.dir }

// Release lets the log be folded again. It may be called more than once.
func (f *Frozen) Release() {
	if f.hold != nil {
		f.hold.Close() // which rolls back
		f.hold = nil
		f.store.frozen.Store(false)
	}
}

// copyStep is how much of the file is written before it is flushed: a checkpoint's
// fsync must not wait for gigabytes.
const copyStep = 32 << 20

// CopyTo writes the file to another one, which is empty, and flushes it. The header
// comes last: what was not copied to its end is no DuckDB file. copied is told how
// many bytes there are.
func (f *Frozen) CopyTo(ctx context.Context, to *os.File, copied func(bytes int64)) error {
	from := f.store.file
	for _, file := range []*os.File{from, to} {
		if _, err := file.Seek(headerBytes, io.SeekStart); err != nil {
			return err
		}
	}
	for at := int64(headerBytes); at < f.Size; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// The kernel copies, or on file systems that can shares the blocks.
		n, err := io.CopyN(to, from, min(killpoint.CopyBytes(copyStep), f.Size-at))
		if err == nil {
			err = to.Sync()
		}
		if err != nil {
			return err
		}
		at += n
		copied(at)
	}
	// Nothing is overwritten before there is another header, so this proves that
	// nothing was. DuckDB changes it if the file had to be opened again.
	header, err := f.readHeader()
	if err != nil {
		return err
	}
	if !bytes.Equal(header, f.header) {
		return errMoved
	}
	if _, err := to.WriteAt(header, 0); err != nil {
		return err
	}
	return to.Sync()
}
