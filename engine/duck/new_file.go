package duck

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// newSuffix ends the name of a file that is beside a database while that is being made.
const newSuffix = ".new"

// beginFile is called before DuckDB opens a database, which it makes if there is none. DuckDB does not open a
// file that it was killed at making, or that a power cut has left in parts; so that is noted beside it, and such a file, which
// nothing can be in yet, is made anew. The caller sees to it that nobody else makes it.
func beginFile(path string) error {
	size := func(path string) int64 {
		info, err := os.Stat(path)
		if err != nil {
			return -1
		}
		return info.Size()
	}
	begun := size(path+newSuffix) >= 0 && size(path) <= fileHeads
	if (begun || size(path) == 0) && size(path+logSuffix) <= 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a database that was not made to its end: %w", err)
		}
	}
	if size(path) > 0 {
		return madeFile(path)
	}
	return writeDurably(path+newSuffix, []byte("The database is being made.\n"))
}

// madeFile is called when DuckDB has opened the database.
func madeFile(path string) error {
	if err := os.Remove(path + newSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the database was made: %w", err)
	}
	return nil
}
