package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/millstream-db/millstream/engine/checkpoint"
)

var (
	// ErrNotEmpty is returned when there is something in the directory.
	ErrNotEmpty = errors.New("exists but is not empty")
	// ErrNoParent is returned when the directory can't be made where it is to be.
	ErrNoParent = errors.New("can't be made")
	// ErrBusy is returned when another backup is being written to the same place.
	ErrBusy = errors.New("is being written by another backup")
)

// PartialSuffix ends the name of a directory until its backup is complete.
const PartialSuffix = ".partial"

// directory is where a backup is to be. It is not safe for concurrent use.
type directory struct {
	path    string
	partial string
	lock    *os.File // of partial, held until the backup has ended
}

// claim makes the directory in which the files are written, and removes what another
// backup of that name has left there when it was killed.
func claim(path string) (*directory, error) {
	d := &directory{path: path, partial: path + PartialSuffix}
	if err := checkEmpty(path); err != nil {
		return nil, err
	}
	err := os.Mkdir(d.partial, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("directory %s %w: %w", path, ErrNoParent, err)
	}
	if d.lock, err = os.OpenFile(d.partial, syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0); err != nil {
		return nil, err
	}
	if err := unix.Flock(int(d.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		d.lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("directory %s %w", path, ErrBusy)
		}
		return nil, fmt.Errorf("lock %s: %w", d.partial, err)
	}
	if err := d.clear(); err != nil {
		d.lock.Close()
		return nil, err
	}
	return d, nil
}

// checkEmpty refuses what must not be replaced.
func checkEmpty(path string) error {
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil: // a file, or a directory of somebody else's
		return fmt.Errorf("%w: directory %s %w", err, path, ErrNotEmpty)
	case len(entries) > 0:
		return fmt.Errorf("directory %s %w", path, ErrNotEmpty)
	}
	return nil
}

// clear removes what a backup writes, and nothing else.
func (d *directory) clear() error {
	for _, name := range []string{checkpoint.FileName, checkpoint.InitMarker} {
		if err := os.Remove(filepath.Join(d.partial, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return checkEmpty(d.partial)
}

// finish gives the directory its name. Everything in it is durable.
func (d *directory) finish() error {
	defer d.lock.Close()
	if err := d.lock.Sync(); err != nil {
		return err
	}
	// Rename takes the place of an empty directory, and of nothing else.
	if err := unix.Rename(d.partial, d.path); err != nil {
		if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOTDIR) {
			err = ErrNotEmpty
		}
		return errors.Join(fmt.Errorf("directory %s: %w", d.path, err), os.RemoveAll(d.partial))
	}
	parent, err := os.Open(filepath.Dir(d.path))
	if err != nil {
		return err
	}
	defer parent.Close()
	return parent.Sync()
}

// discard removes what was written.
func (d *directory) discard() error {
	defer d.lock.Close()
	return os.RemoveAll(d.partial)
}

// room refuses a backup that does not fit.
func (d *directory) room(bytes int64) error {
	if free, known := checkpoint.FreeBytes(d.partial); known && free < bytes {
		return fmt.Errorf("%s has %d MiB free, the backup needs %d MiB: %w", filepath.Dir(d.path), free>>20, bytes>>20+1, unix.ENOSPC)
	}
	return nil
}
