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
		views = append(views, ViewStats{name, int64(v.state.Windows()), int64(v.state.Groups()), v.state.Bytes(), v.late, v.errors})
	}
	return sources, views
}
