package engine

import (
	"time"

	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/engine/watermark"
)

// SourceStats is what metrics say about a source.
type SourceStats struct {
	Name           string
	Status         source.Status
	Watermark      time.Time // zero: none yet
	Rows, Late     int64
	Rejected, Lag  int64
	PartitionStats []PartitionStats
}

// PartitionStats is what metrics say about a partition.
type PartitionStats struct {
	Partition int32
	Next, End int64 // End -1: unknown
}

// ViewStats is what metrics say about a view.
type ViewStats struct {
	Name                   string
	Windows, Groups, Bytes int64
	Late, Errors           int64

	// Since the view was made or restored: the source's rows that it was given,
	// what joins have made of them, and the time for it.
	Rows, Joined        int64
	Join, Compute, Fold time.Duration
}

// Objects returns the state of every source and view, as of the current epoch.
func (e *Engine) Objects() (sources []SourceStats, views []ViewStats) {
	s := e.current.Load()
	for _, name := range sorted(s.sources) {
		src := s.sources[name]
		st := SourceStats{Name: name, Status: source.Status{State: source.Running}}
		if src.def.Paused {
			st.Status.State = source.Paused
		} else if reader, ok := e.readers.Load(name); ok {
			st.Status = reader.(source.Reader).Status()
		}
		if src.watermark != watermark.None {
			st.Watermark = time.UnixMicro(src.watermark)
		}
		for _, p := range src.partitions {
			st.Rows, st.Late, st.Rejected = st.Rows+p.rows, st.Late+p.late, st.Rejected+p.rejected
			st.Lag += max(0, p.end-p.next)
			st.PartitionStats = append(st.PartitionStats, PartitionStats{p.partition, p.next, p.end})
		}
		sources = append(sources, st)
	}
	for _, name := range sorted(s.views) {
		v := s.views[name]
		views = append(views, v.stats(name))
	}
	return sources, views
}

func (v *viewSnapshot) stats(name string) ViewStats {
	return ViewStats{
		Name: name, Windows: int64(v.state.Windows()), Groups: int64(v.state.Groups()), Bytes: v.state.Bytes(), Late: v.late, Errors: v.errors,
		Rows: v.work.rows, Joined: v.work.joined, Join: v.work.join, Compute: v.work.compute, Fold: v.work.fold,
	}
}

// View returns what is known of a view at the read's epoch.
func (r *Read) View(name string) (ViewStats, bool) {
	v := r.snapshot.views[name]
	if v == nil {
		return ViewStats{}, false
	}
	return v.stats(name), true
}

// Reopened returns how often the file was opened again since the start, because of
// an error after which DuckDB does nothing else.
func (e *Engine) Reopened() int64 { return e.mender.Count() }

// Reopen opens the file again as after such an error.
func (e *Engine) Reopen() { e.mender.Reopen() }
