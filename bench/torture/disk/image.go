package disk

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sector is what a disk writes whole or not at all, in bytes.
const sector = 4096

// Image is what is below a directory while a process makes its calls: what it sees, and
// what of that would be there if the power failed now. For the latter Image takes of
// file systems only what they all do:
//
//   - What was written before an fsync of the file that succeeded is there.
//   - Of what was written since into what was there, or at a distance from its end, any
//     sector may be there or not, in any order; a change of the size, or a hole, may be there or not.
//   - What was appended since is there up to a sector. Behind that the file ends, or has zeros.
//   - Names are kept by a journal in the order in which they changed. An fsync of any file
//     makes all before it durable (ext4, XFS and btrfs do so for a file that is new). Of
//     those since, the first few may be there.
//   - After an fsync that failed, what it should have made durable is not on the disk until
//     it is written again, although the process reads it (Linux marks such pages clean).
//
// It is not safe for concurrent use.
type Image struct {
	root     string
	names    map[string]*file // as the process sees them, by their path below root; nil: a directory
	durable  map[string]*file // as they are on the disk
	renaming []naming         // what is between them, in order
	open     map[uint32]*file
}

// naming is a change of names.
type naming struct {
	kind         Kind // Open makes a file
	name, second string
	file         *file
}

func (n *naming) apply(names map[string]*file) {
	switch n.kind {
	case Open:
		names[n.name] = n.file
	case MakeDir:
		names[n.name] = nil
	case Remove:
		delete(names, n.name)
	case Rename:
		delete(names, n.name)
		names[n.second] = n.file
	}
}

// file is a file of an image.
type file struct {
	disk    []byte   // what was there at the last fsync
	end     int64    // where the file ends with all changes
	changes []change // since, in order, and what has been lost
	lost    bool     // some of them are
}

// change is a change of a file; a write is one for each of its sectors.
type change struct {
	kind     Kind
	offset   int64
	length   int64 // a truncated file's is its size
	bytes    []byte
	appended bool // at the end
	lost     bool // it was to be made durable by an fsync that failed
}

// Load returns the image of a directory as it lies on the disk, which need not exist.
func Load(root string) (*Image, error) {
	i := &Image{root: root, names: make(map[string]*file), durable: make(map[string]*file), open: make(map[uint32]*file)}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) && path == root {
			return nil
		}
		if err != nil {
			return err
		}
		name := i.relative(path)
		if entry.IsDir() {
			i.names[name], i.durable[name] = nil, nil
			return nil
		}
		bytes, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f := &file{disk: bytes, end: int64(len(bytes))}
		i.names[name], i.durable[name] = f, f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", root, err)
	}
	return i, nil
}

func (i *Image) relative(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, i.root), "/")
}

// Apply has a call take effect. Calls that no process could have made one after the other
// are an error.
func (i *Image) Apply(c Call) error {
	switch c.Kind {
	case Open:
		return i.applyOpen(c)
	case Rename, Remove, MakeDir:
		if name := i.relative(c.Path); c.Error == 0 {
			i.rename(naming{c.Kind, name, i.relative(c.Second), i.names[name]})
		}
		return nil
	case Read:
		return nil
	case Found:
		if name := i.relative(c.Path); i.names[name] == nil { // a file that was made behind the calls' back
			f := &file{disk: slices.Clone(c.Bytes), end: int64(len(c.Bytes))}
			i.names[name], i.durable[name] = f, f
		}
		return nil
	}
	f := i.open[c.File]
	if c.Kind == Forget {
		if f = i.names[i.relative(c.Path)]; f != nil {
			f.end = c.Length
		}
		return nil
	}
	switch {
	case f == nil:
		return fmt.Errorf("a %s of the file %d, which nobody opened", c.Kind, c.File)
	case c.Kind == Sync && c.Error != 0:
		f.lose()
	case c.Kind == Sync:
		f.sync()
		for _, change := range i.renaming {
			change.apply(i.durable)
		}
		i.renaming = nil
	case c.Kind == Write:
		f.write(c.Offset, c.Bytes)
	case c.Error == 0:
		f.resize(c)
	}
	return nil
}

func (i *Image) applyOpen(c Call) error {
	if c.Error != 0 {
		return nil
	}
	name := i.relative(c.Path)
	f := i.names[name]
	switch {
	case c.Made:
		f = new(file)
		i.rename(naming{kind: Open, name: name, file: f})
	case f == nil:
		return fmt.Errorf("an open of %s, which is not there", c.Path)
	case c.Emptied:
		f.resize(Call{Kind: Truncate})
	}
	i.open[c.File] = f
	return nil
}

// rename applies a change of names.
func (i *Image) rename(n naming) {
	n.apply(i.names)
	i.renaming = append(i.renaming, n)
}

// Killed returns the image of another directory, in which is what the process saw that was killed: what was
// not durable still is not.
func (i *Image) Killed(root string) *Image {
	copies := map[*file]*file{nil: nil}
	of := func(f *file) *file {
		if _, there := copies[f]; !there {
			copies[f] = &file{disk: slices.Clone(f.disk), end: f.end, changes: slices.Clone(f.changes), lost: f.lost}
		}
		return copies[f]
	}
	k := &Image{root: root, names: make(map[string]*file), durable: make(map[string]*file), open: make(map[uint32]*file)}
	for name, f := range i.names {
		k.names[name] = of(f)
	}
	for name, f := range i.durable {
		k.durable[name] = of(f)
	}
	for _, n := range i.renaming {
		n.file = of(n.file)
		k.renaming = append(k.renaming, n)
	}
	return k
}

// write notes a write. What was lost of its sectors is written with them again.
func (f *file) write(offset int64, bytes []byte) {
	appended := offset == f.end
	for len(bytes) > 0 {
		n := min(int64(len(bytes)), sector-offset%sector)
		for j := range f.changes {
			if c := &f.changes[j]; f.lost && c.offset/sector == offset/sector {
				c.lost = false
			}
		}
		f.changes = append(f.changes, change{kind: Write, offset: offset, length: n, bytes: bytes[:n], appended: appended})
		offset, bytes = offset+n, bytes[n:]
	}
	f.end = max(f.end, offset)
}

// resize notes a change of the size, or a hole.
func (f *file) resize(c Call) {
	if c.Kind == Truncate {
		f.end = c.Length
	}
	f.changes = append(f.changes, change{kind: c.Kind, offset: c.Offset, length: c.Length})
}

// sync makes what was written durable.
func (f *file) sync() {
	all := func() bool { return true }
	for _, c := range f.changes {
		f.disk = c.apply(f.disk, all)
	}
	f.changes = slices.DeleteFunc(f.changes, func(c change) bool { return !c.lost })
}

// lose notes that an fsync has failed.
func (f *file) lose() {
	for j := range f.changes {
		f.changes[j].lost = f.changes[j].kind == Write
		f.lost = f.lost || f.changes[j].lost
	}
}

// cut returns what is on the disk if the power fails. Each change that was not made durable is there with a
// probability, but of what was appended the first few sectors.
func (f *file) cut(probability float64, random *rand.Rand) []byte {
	disk := slices.Clone(f.disk)
	keep := func() bool { return kept(probability, random) }
	appended := 0
	for _, c := range f.changes {
		if c.appended {
			appended++
		}
	}
	first, short := appended, !keep()
	if short && probability > 0 {
		first = random.IntN(appended + 1)
	} else if short {
		first = 0
	}
	for _, c := range f.changes {
		if !c.appended {
			disk = c.apply(disk, keep)
			continue
		}
		disk = c.apply(disk, func() bool { return first > 0 })
		first--
	}
	if short && keep() { // the size was there before the bytes
		disk = resize(disk, max(f.end, int64(len(disk))))
	}
	return disk
}

// kept reports whether something of a probability is there.
func kept(probability float64, random *rand.Rand) bool {
	return probability >= 1 || probability > 0 && random.Float64() < probability
}

// apply returns the bytes with the change, if it is kept. It may use their memory.
func (c *change) apply(disk []byte, keep func() bool) []byte {
	switch end := c.offset + c.length; {
	case c.lost || !keep():
	case c.kind == Write:
		disk = resize(disk, max(int64(len(disk)), end))
		copy(disk[c.offset:end], c.bytes)
	case c.kind == Truncate:
		disk = resize(disk, c.length)
	case c.kind == Punch:
		size := int64(len(disk))
		clear(disk[min(c.offset, size):min(end, size)])
	}
	return disk
}

// resize returns the bytes with another length, zeros at their end.
func resize(b []byte, n int64) []byte {
	if n <= int64(len(b)) {
		return b[:n]
	}
	b = slices.Grow(b, int(n)-len(b))
	tail := b[len(b):n]
	clear(tail)
	return b[:n]
}

// PowerCut writes to a directory, which it makes, what the disk would hold had the power
// failed: each change that was not durable is there with a probability; 1: all are, as after
// a kill.
func (i *Image) PowerCut(to string, keep float64, random *rand.Rand) error {
	names := maps.Clone(i.durable)
	for _, change := range i.renaming {
		if !kept(keep, random) {
			break
		}
		change.apply(names)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return fmt.Errorf("after a power cut: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) { // a directory before what is in it
		path, f := filepath.Join(to, name), names[name]
		var err error
		if f == nil {
			err = os.MkdirAll(path, 0o700)
		} else {
			err = os.WriteFile(path, f.cut(keep, random), 0o600)
		}
		if err != nil {
			return fmt.Errorf("after a power cut: %w", err)
		}
	}
	return nil
}
