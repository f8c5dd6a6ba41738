package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/dimension"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/job"
	"github.com/millstream-db/millstream/engine/rowchange"
)

// liveTable is a table at work. It belongs to the writer. Its rows are in the
// file, where every change of them commits together with a checkpoint of all
// that came before: records that are replayed after a crash so meet the same
// version of the table again.
type liveTable struct {
	def     *catalog.TableDefinition
	created time.Time
	version uint64 // raised by each change
	rows    int64
}

type tableSnapshot struct {
	def     *catalog.TableDefinition
	created time.Time
	version uint64
	rows    int64
	bytes   int64 // of copies in memory
}

// CreateTable makes an empty table, durable when it returns. The error wraps
// ErrExists when the name is taken.
func (e *Engine) CreateTable(ctx context.Context, def *catalog.TableDefinition) error {
	return e.do(ctx, func() error {
		if err := e.free(def.Name); err != nil {
			return err
		}
		t := &liveTable{def: def, created: e.opts.Now()}
		object := checkpoint.Object{Name: def.Name, Kind: catalog.KindTable, SQL: def.SQL, Definition: catalog.Encode(def), Created: t.created}
		err := e.checkpointWith(ctx, []checkpoint.Object{object}, nil, func(w *checkpoint.Write) {
			w.Exec = append(w.Exec, def.CreateSQL())
		})
		if err != nil {
			return err
		}
		e.tables[def.Name] = t
		if err := e.showOverlay(ctx, t); err != nil {
			return err
		}
		e.publish()
		return e.showTable(ctx, t)
	})
}

func (e *Engine) restoreTable(ctx context.Context, o *checkpoint.Object) error {
	def := new(catalog.TableDefinition)
	if err := json.Unmarshal(o.Definition, def); err != nil {
		return err
	}
	rows, err := e.store.Count(ctx, def.Relation())
	if err != nil {
		return err
	}
	t := &liveTable{def: def, created: o.Created, rows: rows}
	e.tables[def.Name] = t
	if err := e.showOverlay(ctx, t); err != nil {
		return err
	}
	return e.showTable(ctx, t)
}

// showTable makes a table readable, and in the schema dml its row ids too.
func (e *Engine) showTable(ctx context.Context, t *liveTable) error {
	from := " FROM history." + t.def.Relation()
	columns := history.Columns(t.def.Schema().Columns)
	if err := e.liveView(ctx, "dml", t.def.Name, "SELECT rowid AS "+history.Quote(catalog.RowID)+", "+columns+from); err != nil {
		return err
	}
	return e.liveView(ctx, "public", t.def.Name, "SELECT "+columns+from)
}

// showOverlay makes a table readable for transactions that change tables. That is
// done before the table itself is shown: who can read the table can read this.
func (e *Engine) showOverlay(ctx context.Context, t *liveTable) error {
	withIDs, plain := rowchange.OverlaySQL(t.def)
	if err := e.live.View(ctx, rowchange.Overlay+".dml", t.def.Name, withIDs); err != nil {
		return err
	}
	return e.live.View(ctx, rowchange.Overlay+".public", t.def.Name, plain)
}

// hideTable takes a table's views out of a catalog, live or rowchange.Overlay.
func (e *Engine) hideTable(ctx context.Context, catalog, name string) error {
	return errors.Join(e.live.Drop(ctx, catalog+".public", name), e.live.Drop(ctx, catalog+".dml", name))
}

// DropTable removes a table. One that views join is refused with
// ErrDependents, or goes with them if cascade.
func (e *Engine) DropTable(ctx context.Context, name string, cascade bool) error {
	return e.do(ctx, func() error {
		t := e.tables[name]
		if t == nil {
			return fmt.Errorf("table %q %w", name, ErrNotFound)
		}
		if j := e.jobs.Find(func(j *job.Job) bool { return slices.Contains(j.Tables, name) }); j != nil {
			return fmt.Errorf("table %q %w: job %d builds materialized view %s with it", name, ErrInUse, j.ID, j.View)
		}
		views := e.tableViews(name)
		if len(views) > 0 {
			if !cascade {
				return dependents("drop", "table", name, views)
			}
			if err := e.drop(ctx, nil, e.withDependents(views)); err != nil {
				return err
			}
		}
		e.awaitCheckpoint()
		if err := e.hideTable(ctx, "live", name); err != nil {
			return err
		}
		err := e.checkpointWith(ctx, nil, []string{name}, func(w *checkpoint.Write) {
			w.Exec = append(w.Exec, "DROP TABLE "+t.def.Relation())
		})
		if err != nil {
			if shown := e.showTable(ctx, t); shown != nil {
				e.opts.Logger.Error("a table that could not be dropped is not readable", "table", name, "err", shown)
			}
			return err
		}
		delete(e.tables, name)
		e.publish()
		return e.hideTable(ctx, rowchange.Overlay, name)
	})
}

func dependents(verb, kind, name string, views []*liveView) error {
	names := make([]string, len(views))
	for i, v := range views {
		names[i] = v.def.Plan.Name
	}
	slices.Sort(names)
	return fmt.Errorf("cannot %s %s %s because %w: materialized view %s", verb, kind, name, ErrDependents, strings.Join(names, ", "))
}

// Tables returns the definitions of all tables, by name.
func (e *Engine) Tables() map[string]*catalog.TableDefinition {
	return definitions(e.door.Newest().tables, func(t *tableSnapshot) *catalog.TableDefinition { return t.def })
}

// Table returns the definition of a table that the read sees, or nil.
func (r *Read) Table(name string) *catalog.TableDefinition {
	if t := r.snapshot.tables[name]; t != nil {
		return t.def
	}
	return nil
}

func (t *liveTable) snapshot(bytes int64) *tableSnapshot {
	return &tableSnapshot{def: t.def, created: t.created, version: t.version, rows: t.rows, bytes: bytes}
}

// copiesBytes is the memory of the copies of each table.
func (e *Engine) copiesBytes() map[string]int64 {
	out := make(map[string]int64)
	seen := make(map[*dimension.Copy]bool)
	for _, src := range e.sources {
		for _, v := range src.views {
			for _, s := range v.Enrich.Steps() {
				if !seen[s.Copy] {
					seen[s.Copy] = true
					out[s.Join.Table] += s.Copy.Bytes()
				}
			}
		}
	}
	return out
}

func fillTables(r *Read, b *batch.Builder) {
	for _, name := range sorted(r.snapshot.tables) {
		t := r.snapshot.tables[name]
		b.Column(0).AppendString(name)
		b.Column(1).AppendInt64(t.rows)
		key := make([]string, len(t.def.Key))
		for i, k := range t.def.Key {
			key[i] = t.def.Columns[k].Name
		}
		b.Column(2).AppendText(strings.Join(key, ", "))
		b.Column(3).AppendInt64(t.bytes)
		b.Column(4).AppendInstant(t.created)
	}
}

// fillTableColumns lists the columns of tables as CREATE TABLE says them, and
// those of keyed sources.
func fillTableColumns(r *Read, b *batch.Builder) {
	tables := make(map[string]*catalog.TableDefinition)
	for name, t := range r.snapshot.tables {
		tables[name] = t.def
	}
	for name, s := range r.snapshot.sources {
		if s.def.Keyed() {
			tables[name] = s.def.Latest()
			tables[name].Columns = tables[name].Columns[:len(s.def.Columns)]
		}
	}
	for _, name := range sorted(tables) {
		d := tables[name]
		for i, c := range d.Columns {
			b.Column(0).AppendString(name)
			b.Column(1).AppendInt32(int32(i + 1))
			b.Column(2).AppendString(c.Name)
			b.Column(3).AppendBool(c.NotNull)
			b.Column(4).AppendText(c.Default)
			if at := slices.Index(d.Key, i); at >= 0 {
				b.Column(5).AppendInt32(int32(at + 1))
			} else {
				b.Column(5).AppendNull()
			}
		}
	}
}
