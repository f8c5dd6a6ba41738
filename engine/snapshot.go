package engine

import (
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/epoch"
	"github.com/millstream-db/millstream/engine/hot"
	"github.com/millstream-db/millstream/engine/partition"
	"github.com/millstream-db/millstream/engine/stat"
	"github.com/millstream-db/millstream/engine/view"
)

// Snapshot is everything as of one epoch. It is immutable and valid while its
// pin is held.
type Snapshot struct {
	pin *epoch.Pin
	// Epoch is its number. They rise by one; a restart goes on after the last
	// checkpoint's.
	Epoch uint64
	// released is the epoch up to which rows and windows were let go of,
	// because a checkpoint has them in history.
	released uint64
	catalog  int64 // the version of the names and columns of what can be read
	at       time.Time
	sources  map[string]*sourceSnapshot
	views    map[string]*viewSnapshot
	tables   map[string]*tableSnapshot
}

type sourceSnapshot struct {
	def                  *catalog.SourceDefinition
	schema, lateSchema   *batch.Schema
	rows, late, rejected []*hot.Segment
	// How many rows each of the three tables has ever been given.
	rowsEnd, lateEnd, rejectedEnd int64
	watermark                     int64
	partitions                    []partition.State
}

type viewSnapshot struct {
	def     *catalog.ViewDefinition
	created time.Time
	state   *view.Snapshot
	out     *sourceSnapshot // the rows of a view without aggregation, else nil
	late    int64
	errors  int64
	work    stat.Work
	paused  string // why it gets no rows; "": it does
}

// Held implements epoch.Snapshot.
func (s *Snapshot) Held() *epoch.Pin { return s.pin }

// pinned is the current snapshot for the writer, between two epochs: it need not wait.
func (e *Engine) pinned() *Snapshot {
	s := e.door.Newest()
	s.pin.Again() // the reclaimer has it
	return s
}

// Epoch returns the current epoch.
func (e *Engine) Epoch() uint64 { return e.door.Newest().Epoch }

// Definition returns the definition of a source, a view or a table, nil if there is
// none: another pointer when it is not the same any more.
func (e *Engine) Definition(name string) any { return e.door.Newest().definition(name) }

func (s *Snapshot) definition(name string) catalog.Object {
	if src := s.sources[name]; src != nil {
		return src.def
	}
	if v := s.views[name]; v != nil {
		return v.def
	}
	if t := s.tables[name]; t != nil {
		return t.def
	}
	return nil
}

// Touched returns a number that is another one when what a source, a table or a
// view shows may have changed, and 0 for what is none of them. It costs little.
func (e *Engine) Touched(name string) uint64 {
	s := e.door.Newest()
	if src := s.sources[name]; src != nil {
		return uint64(src.rowsEnd+src.lateEnd+src.rejectedEnd) + 1
	}
	if t := s.tables[name]; t != nil {
		return t.version + 1
	}
	v := s.views[name]
	if v == nil {
		return 0
	}
	n := uint64(v.work.Rows) + 1
	if v.out != nil {
		n += uint64(v.out.rowsEnd)
	}
	if w := v.def.Plan.Window; w != nil && w.Final || v.def.Plan.TTL != nil { // time alone changes it
		for s.views[name] != nil {
			name = s.views[name].def.Plan.Source
		}
		if src := s.sources[name]; src != nil {
			n += uint64(src.watermark)
		}
	}
	return n
}
