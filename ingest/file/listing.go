package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

var (
	errChangedLater = errors.New("it was changed after it was read, and is not read again: what was added belongs into a file of its own")
	errChangedEarly = errors.New("it was changed while it was read, and is not read on")
	errGone         = errors.New("it is gone before it was read to its end")
)

// list looks for files: it notes new ones, in the order of their names, and what
// has become of those that are known.
func (r *reader) list() error {
	paths, err := r.dirs.glob(r.settings.pattern)
	if err != nil {
		return err
	}
	looks := make(map[string]look, len(paths))
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue // it has just gone, or is a directory
		}
		looks[path] = lookOf(info)
		r.note(path, looks[path])
	}
	for path, f := range r.files {
		if _, there := looks[path]; !there {
			r.miss(f)
		}
	}
	r.looks = looks
	return nil
}

// note compares a file with what is known of it. r.mu is held.
func (r *reader) note(path string, now look) {
	f := r.files[path]
	if f == nil {
		if r.settled(path, now) {
			f = &file{identity: identity{Path: path, Size: now.size, Modified: now.modified}, partition: r.nextPartition, end: -1}
			r.nextPartition++
			r.files[path] = f
			r.order = append(r.order, f)
		}
		return
	}
	f.gone = false
	switch same := f.look() == now; {
	case same && f.Done:
		f.problem = nil
	case same:
		if errors.Is(f.problem, errChangedEarly) || errors.Is(f.problem, errGone) {
			f.problem = nil // what was there is back
		}
	case f.Done:
		r.trouble(f, errChangedLater)
	case f.begun():
		r.trouble(f, errChangedEarly)
	case r.settled(path, now): // nothing of it was read
		f.Size, f.Modified, f.problem = now.size, now.modified, nil
	}
}

// miss notes that a file is not there any more. r.mu is held.
func (r *reader) miss(f *file) {
	f.gone = true
	f.problem = nil
	if f.begun() && !f.Done {
		r.trouble(f, errGone)
	}
}

// settled reports whether a file has stood still for an interval. r.mu is held.
func (r *reader) settled(path string, now look) bool {
	before, seen := r.looks[path]
	return seen && before == now || now.modified <= time.Now().Add(-r.settings.poll).UnixMicro()
}

// trouble notes why a file is not read, and logs it once. r.mu is held.
func (r *reader) trouble(f *file, err error) {
	err = fmt.Errorf("file %s: %w", f.Path, err)
	if f.problem == nil || f.problem.Error() != err.Error() {
		r.logger.Warn("a file is not read", "file", f.Path, "err", err)
	}
	f.problem = err
}

// unchanged reports whether a file is still as it was when it was begun.
func unchanged(f *file) error {
	info, err := os.Stat(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errGone
	case err != nil:
		return err
	case lookOf(info) != f.look():
		return errChangedEarly
	}
	return nil
}
