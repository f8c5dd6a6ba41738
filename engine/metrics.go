package engine

import (
	"context"
	"time"

	"github.com/millstream-db/millstream/engine/partition"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/engine/stat"
	"github.com/millstream-db/millstream/engine/watermark"
)

// Objects returns the state of every source and view, as of the current epoch.
func (e *Engine) Objects() (sources []stat.Source, views []stat.View) {
	s := e.door.Newest()
	for _, name := range sorted(s.sources) {
		src := s.sources[name]
		st := stat.Source{Name: name, Status: source.Status{State: source.Running}}
		if src.def.Paused {
			st.Status.State = source.Paused
		} else if reader, ok := e.readers.Load(name); ok {
			st.Status = reader.(source.Reader).Status()
		}
		if src.watermark != watermark.None {
			st.Watermark = time.UnixMicro(src.watermark)
		}
		st.Rows, st.Late, st.Rejected, st.Lag = partition.Totals(src.partitions)
		for _, p := range src.partitions {
			st.Partitions = append(st.Partitions, stat.Partition{Partition: p.ID, Next: p.Next, End: p.End, Lost: p.Lost + st.Undecided(p.ID)})
		}
		sources = append(sources, st)
	}
	for _, name := range sorted(s.views) {
		views = append(views, s.views[name].stats(name))
	}
	return sources, views
}

func (v *viewSnapshot) stats(name string) stat.View {
	return stat.View{
		Name: name, Windows: int64(v.state.Windows()), Groups: int64(v.state.Groups()), Bytes: v.state.Bytes(), Late: v.late, Errors: v.errors,
		Work: v.work,
	}
}

// View returns what is known of a view at the read's epoch.
func (r *Read) View(name string) (stat.View, bool) {
	v := r.snapshot.views[name]
	if v == nil {
		return stat.View{}, false
	}
	return v.stats(name), true
}

// DuckDBBytes returns how much DuckDB holds of the memory that it may have.
func (e *Engine) DuckDBBytes(ctx context.Context) (int64, error) {
	return e.store.DB().MemoryBytes(ctx)
}

// Reopened returns how often the file was opened again since the start, because of
// an error after which DuckDB does nothing else.
func (e *Engine) Reopened() int64 { return e.mender.Count() }

// Reopen opens the file again as after such an error.
func (e *Engine) Reopen() { e.mender.Reopen() }
