package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/job"
	"github.com/millstream-db/millstream/engine/killpoint"
)

// Database is what can be copied.
type Database interface {
	// Freeze commits a checkpoint and keeps the file as it is then. Its error wraps
	// checkpoint.ErrHeld if that is not possible now; with anyway, less is waited for.
	Freeze(ctx context.Context, anyway bool) (*checkpoint.Frozen, error)
}

// Summary is what a backup has written.
type Summary struct {
	Epoch    uint64
	Bytes    int64
	Rows     int64 // of tables, sources, and closed windows of views
	Duration time.Duration
}

// Backup is a copy that is being made.
type Backup struct {
	*job.Job
	dir     *directory
	summary Summary
}

// Start begins to copy a database into a directory, which must not exist or be empty.
// statement is what SHOW JOBS shows. The errors wrap ErrNotEmpty, ErrNoParent or
// ErrBusy, or are of the file system.
func Start(db Database, jobs *job.List, path, statement string) (*Backup, error) {
	b := &Backup{Job: &job.Job{Statement: statement, Started: time.Now()}}
	var err error
	if b.dir, err = claim(path); err != nil {
		return nil, err
	}
	ctx, err := jobs.Add(b.Job)
	if err != nil {
		return nil, errors.Join(err, b.dir.discard())
	}
	b.Enter(job.Copying)
	go b.run(ctx, db, jobs)
	return b, nil
}

// Wait returns when the backup is complete and durable, or with the reason why there is
// none. When the context ends first, it is cancelled.
func (b *Backup) Wait(ctx context.Context) (Summary, error) {
	err := b.Job.Wait(ctx)
	return b.summary, err
}

func (b *Backup) run(ctx context.Context, db Database, jobs *job.List) {
	err := b.write(ctx, db)
	state := job.Done
	switch {
	case err == nil:
		b.summary.Duration = time.Since(b.Started)
	case ctx.Err() != nil:
		state, err = job.Canceled, context.Cause(ctx)
	default:
		state = job.Failed
	}
	jobs.End(b.Job, state, err)
}

func (b *Backup) write(ctx context.Context, db Database) error {
	err := b.files(ctx, db)
	if err == nil {
		b.Enter(job.Verifying)
		err = b.verify(ctx)
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return errors.Join(err, b.dir.discard())
	}
	killpoint.At(killpoint.BackupWritten)
	return b.dir.finish()
}

// A file that can't be frozen is asked for again, until it has to be without regard to
// transactions that hold it off: they then fail.
const (
	freezeEvery    = 200 * time.Millisecond
	freezePatience = 10 * time.Second
)

func freeze(ctx context.Context, db Database) (*checkpoint.Frozen, error) {
	for deadline := time.Now().Add(freezePatience); ; {
		anyway := time.Now().After(deadline)
		f, err := db.Freeze(ctx, anyway)
		if anyway || !errors.Is(err, checkpoint.ErrHeld) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(freezeEvery):
		}
	}
}

// files writes the files.
func (b *Backup) files(ctx context.Context, db Database) error {
	frozen, err := freeze(ctx, db)
	if err != nil {
		return err
	}
	defer frozen.Release()
	killpoint.At(killpoint.BackupFrozen)
	b.summary.Epoch, b.summary.Bytes = frozen.Epoch, frozen.Size
	b.Size.Store(frozen.Size)
	if err := b.dir.room(frozen.Size); err != nil {
		return err
	}
	file, err := os.OpenFile(b.file(), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = frozen.CopyTo(ctx, file, b.Copied.Store)
	return errors.Join(err, forget(file), file.Close(), b.mark(frozen.Directory()))
}

func (b *Backup) file() string { return filepath.Join(b.dir.partial, checkpoint.FileName) }

// mark copies the mark that the file of the first start has run.
func (b *Backup) mark(from string) error {
	text, err := os.ReadFile(filepath.Join(from, checkpoint.InitMarker))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(b.dir.partial, checkpoint.InitMarker), text)
}

func writeFile(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = file.Write(text); err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// verify reads the copy back, all of it: DuckDB compares the checksum of every block.
func (b *Backup) verify(ctx context.Context) error {
	v, err := open(ctx, b.file())
	if err == nil {
		b.summary.Rows, err = v.check(ctx, b.summary.Epoch)
		v.close()
	}
	if err != nil && !duck.Lost(err) {
		err = fmt.Errorf("the copy in %s: %w", b.dir.path, err)
	}
	return err
}
