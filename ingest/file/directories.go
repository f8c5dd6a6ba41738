package file

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNotAllowed is returned for files outside of the directories that the operator
// has named.
var ErrNotAllowed = errors.New("is not in a directory that the server's copy_from setting lists")

// directories are those whose files may be read.
type directories []string

// inside reports whether a path without links lies in one of the directories.
func (d directories) inside(path string) bool {
	return slices.ContainsFunc(d, func(dir string) bool {
		rel, err := filepath.Rel(dir, path)
		return err == nil && filepath.IsLocal(rel)
	})
}

// real returns the directories without links.
func (d directories) real() (directories, error) {
	var out directories
	for _, dir := range d {
		path, err := filepath.Abs(dir)
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		if err != nil {
			return nil, fmt.Errorf("copy_from: %w", err)
		}
		out = append(out, path)
	}
	return out, nil
}

// patterns returns where to look: an absolute pattern as it is, another one in
// every directory.
func (d directories) patterns(pattern string) ([]string, error) {
	if !filepath.IsAbs(pattern) {
		var out []string
		for _, dir := range d {
			path := filepath.Join(quote(dir), pattern)
			if d.inside(unquoted(path)) {
				out = append(out, path)
			}
		}
		if out == nil {
			return nil, fmt.Errorf("path '%s' %w", pattern, ErrNotAllowed)
		}
		return out, nil
	}
	pattern = filepath.Clean(pattern)
	fixed := pattern
	if i := strings.IndexAny(pattern, `*?[\`); i >= 0 {
		fixed = filepath.Dir(pattern[:i] + "x")
	}
	for path := fixed; ; path = filepath.Dir(path) { // what is there of it may be reached by a link
		real, err := filepath.EvalSymlinks(path)
		if errors.Is(err, fs.ErrNotExist) && path != filepath.Dir(path) {
			continue
		}
		if rest, relErr := filepath.Rel(path, fixed); err != nil || relErr != nil || !d.inside(filepath.Join(real, rest)) {
			return nil, fmt.Errorf("path '%s' %w", pattern, ErrNotAllowed)
		}
		return []string{pattern}, nil
	}
}

// quote makes a pattern of a name.
func quote(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}

// unquoted undoes quote, for what can't be a pattern.
func unquoted(pattern string) string {
	return strings.NewReplacer(`\\`, `\`, `\*`, "*", `\?`, "?", `\[`, "[").Replace(pattern)
}

// glob returns the paths of the files of a pattern that may be read, in the order
// of their names. Names that begin with a dot are passed over, as a shell does.
func (d directories) glob(pattern string) ([]string, error) {
	patterns, err := d.patterns(pattern)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, p := range patterns {
		found, err := filepath.Glob(p)
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			real, err := filepath.EvalSymlinks(path)
			if err == nil && d.inside(real) && !strings.HasPrefix(filepath.Base(path), ".") {
				paths = append(paths, path)
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}
