// Package pause is where a view has stopped, and how a checkpoint keeps that.
package pause

import (
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/checkpoint"
)

// Pause is where a view has stopped. Its state stays as it is, and can be
// read; what comes is for it to read when it goes on, from history.
type Pause struct {
	Reason string
	Epoch  uint64          // the state has the rows of the epochs up to this one
	Next   map[int32]int64 // the offsets that follow them, by partition
	Rows   int64           // the rows that the source had had by then
	Mark   int64           // the watermark that had closed its windows
}

// rewound stands in the offsets for a partition whose offsets have started
// over since: they don't tell any more which rows the view has missed.
const rewound = -1

// Rewind notes that a partition's offsets have started over.
func (p *Pause) Rewind(partition int32) { p.Next[partition] = rewound }

// Rewound returns a partition whose offsets have started over, if there is one.
func (p *Pause) Rewound() (partition int32, ok bool) {
	for id, next := range p.Next {
		if next == rewound {
			return id, true
		}
	}
	return 0, false
}

// The counters that a checkpoint keeps of a paused view; the last is followed
// by a partition.
const (
	counterMark = "paused_mark"
	counterRows = "paused_rows"
	counterNext = "paused_next:"
)

// Counters returns the pause of a view as a checkpoint keeps it; nil: it has none.
func (p *Pause) Counters(view string) []checkpoint.Counter {
	if p == nil {
		return nil
	}
	list := []checkpoint.Counter{
		{Object: view, Name: counterMark, Value: p.Mark}, {Object: view, Name: counterRows, Value: p.Rows},
	}
	for id, next := range p.Next {
		list = append(list, checkpoint.Counter{Object: view, Name: fmt.Sprint(counterNext, id), Value: next})
	}
	return list
}

// Restore returns the pause that a checkpoint kept of a view, nil for none.
func Restore(im *checkpoint.Image, view string) *Pause {
	mark, ok := im.Counter(view, counterMark)
	if !ok {
		return nil
	}
	p := &Pause{Reason: "it was paused before the database was opened", Mark: mark, Next: make(map[int32]int64)}
	p.Rows, _ = im.Counter(view, counterRows)
	for _, c := range im.Counters {
		var id int32
		if c.Object == view && strings.HasPrefix(c.Name, counterNext) {
			if _, err := fmt.Sscan(strings.TrimPrefix(c.Name, counterNext), &id); err == nil {
				p.Next[id] = c.Value
			}
		}
	}
	return p
}
