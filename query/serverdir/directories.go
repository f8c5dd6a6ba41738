// Package serverdir holds statements to the directories of the server that the operator
// has named.
package serverdir

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Directories are those that statements may use, without links.
type Directories []string

// Resolve returns the places of directories, which must exist.
func Resolve(names []string) (Directories, error) {
	d := make(Directories, len(names))
	for i, name := range names {
		path, err := filepath.Abs(name)
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		if err != nil {
			return nil, fmt.Errorf("directory %s: %w", name, err)
		}
		d[i] = path
	}
	return d, nil
}

// Find returns the place of a file, without links, and whether it lies in one of the
// directories. A name that is not absolute is looked for in each of them.
func (d Directories) Find(name string) (string, bool) {
	return d.find(name, func(path string) (string, error) {
		real, err := filepath.EvalSymlinks(path)
		if errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
		return real, err
	})
}

// Place returns where a name is that need not exist, and whether that is below one of
// the directories; what it is to be made in has no links any more. A name that is not
// absolute belongs to the first directory.
func (d Directories) Place(name string) (string, bool) {
	if !filepath.IsAbs(name) && len(d) > 0 {
		d = d[:1]
	}
	path, ok := d.find(name, func(path string) (string, error) {
		for parent := filepath.Dir(path); ; parent = filepath.Dir(parent) {
			real, err := filepath.EvalSymlinks(parent)
			if errors.Is(err, fs.ErrNotExist) && parent != filepath.Dir(parent) {
				continue
			}
			if err != nil {
				return "", err
			}
			rest, err := filepath.Rel(parent, path)
			return filepath.Join(real, rest), err
		}
	})
	for _, dir := range d {
		ok = ok && path != dir
	}
	return path, ok
}

func (d Directories) find(name string, real func(path string) (string, error)) (string, bool) {
	for _, dir := range d {
		path := filepath.Clean(name)
		if !filepath.IsAbs(name) {
			path = filepath.Join(dir, name)
		}
		path, err := real(path)
		if err != nil {
			continue
		}
		if inside, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(inside) {
			return path, true
		}
	}
	return "", false
}
