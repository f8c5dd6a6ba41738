package file

import (
	"encoding/json"
	"fmt"
	"io/fs"

	"github.com/millstream-db/millstream/engine/source"
)

// identity is what is kept of a file with its offset.
type identity struct {
	Path     string `json:"path"`
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"`     // microseconds since 1970
	At       int64  `json:"at,omitempty"` // bytes that the records so far take, unpacked
	Done     bool   `json:"done,omitempty"`
}

// text is the identity as the engine keeps it.
func (d identity) text() string {
	b, err := json.Marshal(d)
	if err != nil { // a string and numbers can always be marshalled
		panic(err)
	}
	return string(b)
}

// look is a file as a listing found it.
type look struct {
	size, modified int64
}

func lookOf(info fs.FileInfo) look { return look{info.Size(), info.ModTime().UnixMicro()} }

func (d identity) look() look { return look{d.Size, d.Modified} }

// file is a partition. The reader's mu protects it, but for who reads it.
type file struct {
	identity
	partition int32
	next      int64 // the row to deliver next
	end       int64 // number of rows, -1 unknown
	announced bool  // the engine knows it
	gone      bool  // it is not there any more
	problem   error // why it is not read on, nil: nothing is wrong
}

// restore returns the file of a position.
func restore(p source.Position) (*file, error) {
	f := &file{partition: p.Partition, next: p.Next, end: -1, announced: true}
	if err := json.Unmarshal([]byte(p.TopicID), &f.identity); err != nil {
		return nil, fmt.Errorf("partition %d does not say which file it is: %w", p.Partition, err)
	}
	if f.Done {
		f.end = f.next
	}
	return f, nil
}

// begun reports whether rows of the file were delivered.
func (f *file) begun() bool { return f.next > 0 || f.Done }

// waits reports whether there is something to read.
func (f *file) waits() bool { return !f.Done && !f.gone }

func (f *file) status(state source.State) source.PartitionStatus {
	s := source.PartitionStatus{Partition: f.partition, TopicID: "", Name: f.Path, Next: f.next, Start: 0, End: f.end, State: state}
	switch {
	case f.problem != nil:
		s.State, s.Error = source.Stalled, f.problem.Error()
	case f.gone && !f.Done:
		s.End = f.next // nothing more will come
	}
	return s
}
