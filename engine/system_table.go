package engine

import (
	"cmp"
	"maps"
	"slices"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/partition"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/engine/watermark"
)

// systemTable is a table of the schema millstream, filled for each read.
type systemTable struct {
	columns []batch.Column
	fill    func(r *Read, b *batch.Builder)
}

func (t *systemTable) schema() *batch.Schema { return batch.NewSchema(t.columns) }

// systemTables is the tables of the schema millstream, by name.
var systemTables = func() map[string]*systemTable {
	tables := make(map[string]*systemTable)
	for name, fill := range map[string]func(*Read, *batch.Builder){
		"sources":       fillSources,
		"partitions":    fillPartitions,
		"tables":        fillTables,
		"table_columns": fillTableColumns,
		"views":         fillViews,
		"jobs":          fillJobs,
		"sessions":      fillSessions,
		"roles":         fillRoles,
		"role_members":  fillRoleMembers,
		"privileges":    fillPrivileges,
		"comments":      fillComments,
	} {
		tables[name] = &systemTable{catalog.SystemColumns[name], fill}
	}
	return tables
}()

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// readerStatus returns a reader's status; a source without a reader runs. An
// engine that can't write checkpoints says so with every source that has no
// worse to report.
func (r *Read) readerStatus(name string) source.Status {
	status := source.Status{State: source.Running}
	if r.snapshot.sources[name].def.Paused {
		status.State = source.Paused
	} else if reader, ok := r.e.readers.Load(name); ok {
		status = reader.(source.Reader).Status()
	}
	if problem := r.e.problem.Load(); problem != nil && status.Error == "" {
		status.Error = *problem
	}
	return status
}

// appendTime appends microseconds, NULL for none.
func appendTime(c *batch.ColumnBuilder, micros int64) {
	if micros == watermark.None {
		c.AppendNull()
		return
	}
	c.AppendInt64(micros)
}

func fillSources(r *Read, b *batch.Builder) {
	for _, name := range sorted(r.snapshot.sources) {
		s := r.snapshot.sources[name]
		status := r.readerStatus(name)
		rows, late, rejected, lag := partition.Totals(s.partitions)
		var hot int64
		for _, segment := range s.rows {
			hot += segment.Record.NumRows()
		}
		b.Column(0).AppendString(name)
		b.Column(1).AppendText(s.def.Connector)
		b.Column(2).AppendString(string(status.State))
		b.Column(3).AppendText(status.Error)
		b.Column(4).AppendInstant(status.Since)
		appendTime(b.Column(5), s.watermark)
		b.Column(6).AppendInt32(int32(len(s.partitions)))
		for i, v := range []int64{rows, late, rejected, status.Duplicates, lag, hot, status.Bytes} {
			b.Column(7 + i).AppendInt64(v)
		}
	}
}

func fillPartitions(r *Read, b *batch.Builder) {
	for _, name := range sorted(r.snapshot.sources) {
		s := r.snapshot.sources[name]
		status := r.readerStatus(name)
		known := make(map[int32]source.PartitionStatus)
		for _, p := range status.Partitions {
			known[p.Partition] = p
		}
		parts := slices.Clone(s.partitions)
		for id, p := range known { // found, but nothing delivered yet
			if !slices.ContainsFunc(parts, func(q partition.State) bool { return q.ID == id }) {
				q := partition.New(id, p.Next)
				q.Found(&p)
				parts = append(parts, *q)
			}
		}
		slices.SortFunc(parts, func(a, b partition.State) int { return cmp.Compare(a.ID, b.ID) })
		for _, p := range parts {
			k, ok := known[p.ID]
			if !ok {
				k = source.PartitionStatus{State: status.State, End: p.End}
			}
			p.Show(b, name, s.def.DelayMicros, &k)
		}
	}
}

func fillViews(r *Read, b *batch.Builder) {
	for _, name := range sorted(r.snapshot.views) {
		v := r.snapshot.views[name]
		b.Column(0).AppendString(name)
		b.Column(1).AppendString(v.def.Plan.Source)
		for i, n := range []int64{int64(v.state.Windows()), int64(v.state.Groups()), v.state.Bytes(), v.late, v.errors} {
			b.Column(2 + i).AppendInt64(n)
		}
		b.Column(7).AppendInstant(v.created)
		b.Column(8).AppendString(v.def.Plan.SQL)
		status := "running"
		if v.paused != "" {
			status = "paused"
		}
		b.Column(9).AppendString(status)
		b.Column(10).AppendText(v.paused)
	}
}

func fillSessions(r *Read, b *batch.Builder) {
	if r.e.opts.Sessions != nil {
		r.e.opts.Sessions(b)
	}
}

// names returns those of all sources, tables and views.
func (s *Snapshot) names() []string {
	return slices.Concat(sorted(s.sources), sorted(s.tables), sorted(s.views))
}

func fillComments(r *Read, b *batch.Builder) {
	for _, name := range r.snapshot.names() {
		comments, _ := r.snapshot.definition(name).About()
		comments.Fill(name, b)
	}
}

// fillJobs lists what is at work and what ended lately, which is no part of an
// epoch.
func fillJobs(r *Read, b *batch.Builder) {
	for _, j := range r.e.jobs.All() {
		j.Fill(b)
	}
}

// SystemTables returns the names of the tables of the schema millstream.
func SystemTables() []string { return append(sorted(systemTables), "checkpoints") }
