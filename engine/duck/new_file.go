package duck

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// newSuffix ends the name of a database file that is being made.
const newSuffix = ".new"

// makeFile makes an empty database at path unless there is a file with something in it,
// and removes what an earlier call has left that did not come to its end. DuckDB does not
// open a file that it was killed at making; so the file gets its name when it is whole and
// durable. The caller sees to it that nobody else makes it.
func makeFile(path string, o Options) error {
	made := path + newSuffix
	if err := os.Remove(made); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a file that was not made to its end: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		return nil
	}
	o.Threads = 1 // there is nothing to do for more
	i := &instance{conns: make(map[*Conn]struct{})}
	if err := i.open(made, o); err != nil {
		return err
	}
	i.sever()
	if err := os.Rename(made, path); err != nil {
		return fmt.Errorf("name a new database: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync a directory: %w", err)
	}
	err = dir.Sync()
	if err := errors.Join(err, dir.Close()); err != nil {
		return fmt.Errorf("sync the directory %s: %w", path, err)
	}
	return nil
}
