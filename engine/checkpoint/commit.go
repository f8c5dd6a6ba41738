package checkpoint

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/killpoint"
	"github.com/millstream-db/millstream/engine/view"
)

// Commit writes a checkpoint in one transaction. When it returns nil the
// checkpoint is durable, after an error it is not. If DuckDB gives the file up
// meanwhile, Commit waits until it is open again, to find out which; where nobody
// opens it, the error wraps ErrUnknown.
func (s *Store) Commit(ctx context.Context, w *Write) (Summary, error) {
	start := time.Now()
	if err := s.checkDisk(w.Bytes); err != nil {
		return Summary{}, err
	}
	if err := s.connected(ctx); err != nil {
		return Summary{}, err
	}
	if err := s.conn.Exec(ctx, "BEGIN TRANSACTION"); err != nil {
		s.stuck = true
		return Summary{}, err
	}
	// The bookkeeping changes with the transaction and goes back with it.
	tables, segments, generations := maps.Clone(s.tables), maps.Clone(s.segments), cloneGenerations(s.generation)
	staged := maps.Clone(s.staged)
	s.begin()
	killpoint.At(killpoint.CommitBegun)
	rows, err := s.write(ctx, w)
	if err == nil {
		err = s.writeMeta(ctx, w, rows, start)
	}
	committing := err == nil
	if committing {
		killpoint.At(killpoint.Committing)
		err = s.endTransaction(ctx)
		killpoint.At(killpoint.Committed)
	}
	clear(s.names)
	if err != nil {
		s.stuck = s.conn.Exec(context.WithoutCancel(ctx), "ROLLBACK") != nil
		if committing {
			err = s.outcome(ctx, w.Epoch, err)
		}
	}
	if err != nil {
		s.tables, s.segments, s.generation, s.staged = tables, segments, generations, staged
		return Summary{}, fmt.Errorf("checkpoint %d: %w", w.Epoch, err)
	}
	s.committed()
	s.partitions = placesOf(w.Partitions)
	for _, r := range w.Rename {
		delete(s.objects, r.From)
		s.objects[r.To] = true
	}
	for _, name := range w.Drop {
		delete(s.objects, name)
	}
	for _, o := range w.Create { // which may take the place of one that was dropped
		s.objects[o.Name] = true
	}
	if w.changesObjects() {
		killpoint.At(killpoint.ObjectDurable)
	}
	return Summary{Rows: rows, Duration: time.Since(start), WAL: s.WALBytes()}, nil
}

func cloneGenerations(in map[string]*generation) map[string]*generation {
	out := make(map[string]*generation, len(in))
	for k, g := range in {
		c := *g
		out[k] = &c
	}
	return out
}

// endTransaction commits, so that others see all of the transaction or nothing.
func (s *Store) endTransaction(ctx context.Context) error {
	done, err := s.isolate(ctx)
	if err != nil {
		return err
	}
	defer done()
	return s.commit(ctx)
}

func (s *Store) write(ctx context.Context, w *Write) (rows int64, err error) {
	if w.Folds != nil && *w.Folds != s.Folds() {
		return 0, ErrMoved
	}
	if err := s.alter(ctx, w); err != nil {
		return 0, err
	}
	numbers, generations, err := s.drop(ctx, w)
	if err != nil {
		return 0, err
	}
	if err := s.changeTables(ctx, w); err != nil {
		return 0, err
	}
	for i := range w.States {
		if g := generations[w.States[i].View]; g != nil {
			s.generation[w.States[i].View] = g
		}
	}
	for i := range w.Tables {
		t := w.Tables[i]
		seg, err := s.createTable(ctx, &t, numbers[t.Name]+1, w.At)
		if err != nil {
			return 0, err
		}
		s.tables[t.Name], s.segments[t.Name] = &t, []history.Segment{seg}
		s.appending.add(seg.Name(), 0, true, true)
	}
	for i := range w.Rows {
		n, err := s.appendRows(ctx, &w.Rows[i], w.At)
		if err != nil {
			return 0, err
		}
		rows += n
	}
	if w.Stage != nil {
		n, err := s.stage(ctx, w.Stage, w.At)
		if err != nil {
			return 0, err
		}
		rows += n
	}
	for name, t := range s.tables {
		if s.segments[name], err = history.Maintain(ctx, s.conn, t, s.segments[name], w.At); err != nil {
			return 0, err
		}
	}
	killpoint.At(killpoint.HistoryWritten)
	for i := range w.States {
		if err := s.writeState(ctx, &w.States[i]); err != nil {
			return 0, err
		}
		killpoint.At(killpoint.StateWritten)
	}
	return rows, nil
}

// drop drops what is to go. Numbers go on when something takes the place of what is dropped:
// DuckDB need not make a table anew in the transaction that dropped it.
func (s *Store) drop(ctx context.Context, w *Write) (numbers map[string]int64, generations map[string]*generation, err error) {
	numbers, generations = make(map[string]int64), make(map[string]*generation)
	if err := s.unstage(ctx, w.Unstage); err != nil {
		return nil, nil, err
	}
	for _, name := range w.DropTables {
		for _, seg := range s.segments[name] {
			numbers[name] = seg.Number
		}
		if err := s.dropTable(ctx, name); err != nil {
			return nil, nil, err
		}
	}
	for _, name := range w.Drop {
		if g := s.generation[name]; g != nil {
			generations[name] = &generation{number: g.number}
		}
		if err := s.dropObject(ctx, name); err != nil {
			return nil, nil, err
		}
	}
	return numbers, generations, nil
}

// changeTables makes, drops and changes users' tables.
func (s *Store) changeTables(ctx context.Context, w *Write) error {
	for _, sql := range w.Exec {
		if err := s.conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	for _, c := range w.Changes {
		if c.From != nil {
			s.names["rows"] = c.From
		}
		n, err := s.insert(ctx, c.SQL)
		if err != nil {
			return fmt.Errorf("change of a table: %w", err)
		}
		s.appending.add(c.Table, n, !s.filled[c.Table], false)
	}
	return nil
}

func (s *Store) appendRows(ctx context.Context, r *Rows, at time.Time) (int64, error) {
	segments := slices.Clone(s.segments[r.Table])
	if len(segments) == 0 {
		return 0, fmt.Errorf("history table %s does not exist", r.Table)
	}
	n, err := s.appendTo(ctx, &segments[len(segments)-1], s.tables[r.Table], r, at)
	if err == nil {
		s.segments[r.Table] = segments
	}
	return n, err
}

// appendTo appends rows to a segment of a table.
func (s *Store) appendTo(ctx context.Context, g *history.Segment, t *history.Table, r *Rows, at time.Time) (int64, error) {
	maps.Copy(s.names, r.From)
	n, err := s.insert(ctx, "INSERT INTO "+g.Name()+" ("+history.Columns(t.Columns)+") "+r.SQL)
	if err != nil {
		return 0, fmt.Errorf("history of %s: %w", t.Name, err)
	}
	s.appending.add(g.Name(), n, g.Rows == 0, g.Number == 0)
	if n > 0 && g.Rows == 0 {
		g.Created = at
	}
	g.Rows += n
	g.Last = at
	return n, nil
}

// insert runs an INSERT and returns its number of rows.
func (s *Store) insert(ctx context.Context, sql string) (n int64, err error) {
	err = s.conn.Each(ctx, sql, func(scan func(...any) error) error { return scan(&n) })
	return n, err
}

func stateName(view string, generation int64, suffix string) string {
	return fmt.Sprintf("%s#%d%s", view, generation, suffix)
}

func stateTable(view string, generation int64, suffix string) string {
	return "state." + history.Quote(stateName(view, generation, suffix))
}

const detailSuffix = "#detail"

// writeState appends changed groups to the view's state tables. A whole state
// goes into new tables, and the old ones are dropped: so they never hold more
// than a few times what is live.
func (s *Store) writeState(ctx context.Context, st *State) error {
	g := s.generation[st.View]
	if g == nil {
		g = &generation{}
		s.generation[st.View] = g
	}
	if g.number == 0 || st.Whole {
		if err := s.newGeneration(ctx, st, g); err != nil {
			return err
		}
	}
	if st.Groups != nil && st.Groups.Rows() > 0 {
		s.names["rows"] = st.Groups
		if _, err := s.insert(ctx, "INSERT INTO "+stateTable(st.View, g.number, "")+" SELECT * FROM ms_scan('rows')"); err != nil {
			return fmt.Errorf("state of %s: %w", st.View, err)
		}
	}
	if st.Details != nil && st.Details.Rows() > 0 {
		s.names["rows"] = st.Details
		if _, err := s.insert(ctx, "INSERT INTO "+stateTable(st.View, g.number, detailSuffix)+" SELECT * FROM ms_scan('rows')"); err != nil {
			return fmt.Errorf("state of %s: %w", st.View, err)
		}
	}
	g.rows += int64(st.Rows)
	return nil
}

func (s *Store) newGeneration(ctx context.Context, st *State, g *generation) error {
	if err := s.dropState(ctx, st.View); err != nil {
		return err
	}
	g.number++
	g.rows = 0
	for suffix, columns := range map[string][]batch.Column{"": st.Schema.Columns, detailSuffix: view.DetailSchema().Columns} {
		defs := make([]string, len(columns))
		for i, c := range columns {
			defs[i] = history.Quote(c.Name) + " " + c.Type.String()
		}
		if err := s.conn.Exec(ctx, fmt.Sprintf("CREATE TABLE %s (%s)", stateTable(st.View, g.number, suffix), strings.Join(defs, ", "))); err != nil {
			return fmt.Errorf("state of %s: %w", st.View, err)
		}
	}
	return nil
}

func (s *Store) dropState(ctx context.Context, view string) error {
	g := s.generation[view]
	if g == nil || g.number == 0 {
		return nil
	}
	for _, suffix := range []string{"", detailSuffix} {
		if err := s.conn.Exec(ctx, "DROP TABLE IF EXISTS "+stateTable(view, g.number, suffix)); err != nil {
			return fmt.Errorf("drop state of %s: %w", view, err)
		}
	}
	return nil
}

// StateRows returns how many state rows a view's tables hold, live or outdated.
func (s *Store) StateRows(view string) int64 {
	if g := s.generation[view]; g != nil {
		return g.rows
	}
	return 0
}

func (s *Store) dropTable(ctx context.Context, name string) error {
	if err := history.Drop(ctx, s.conn, name, s.segments[name]); err != nil {
		return err
	}
	delete(s.tables, name)
	delete(s.segments, name)
	return nil
}

func (s *Store) dropObject(ctx context.Context, name string) error {
	if err := s.dropState(ctx, name); err != nil {
		return err
	}
	delete(s.generation, name)
	return s.conn.Exec(ctx, fmt.Sprintf("DELETE FROM internal.receipts WHERE source = %s; DELETE FROM internal.objects WHERE name = %[1]s", history.Literal(name)))
}

// keepCheckpoints is how many rows of internal.checkpoints are kept.
const keepCheckpoints = 1000

// writeMeta replaces the small tables, whose contents always fit the epoch.
func (s *Store) writeMeta(ctx context.Context, w *Write, rows int64, start time.Time) error {
	var sql strings.Builder
	values := func(table string, tuples []string) {
		fmt.Fprintf(&sql, "DELETE FROM internal.%s;\n", table)
		if len(tuples) > 0 {
			fmt.Fprintf(&sql, "INSERT INTO internal.%s VALUES %s;\n", table, strings.Join(tuples, ", "))
		}
	}
	for _, o := range w.Create {
		fmt.Fprintf(&sql, "INSERT INTO internal.objects SELECT coalesce(max(ordinal), 0) + 1, %s, %s, %s, %s, %s FROM internal.objects;\n",
			history.Literal(o.Name), history.Literal(o.Kind), history.Literal(o.SQL), history.Literal(string(o.Definition)), timestamp(o.Created))
	}
	var counters, segments, states []string
	for _, c := range w.Counters {
		counters = append(counters, fmt.Sprintf("(%s, %s, %d)", history.Literal(c.Object), history.Literal(c.Name), c.Value))
	}
	for _, list := range s.segments {
		for _, g := range list {
			segments = append(segments, fmt.Sprintf("(%s, %d, %s, %s, %d)", history.Literal(g.Table), g.Number, timestamp(g.Created), timestamp(g.Last), g.Rows))
		}
	}
	for name, g := range s.generation {
		states = append(states, fmt.Sprintf("(%s, %d, %d)", history.Literal(name), g.number, g.rows))
	}
	if w.Roles != nil {
		values("roles", []string{"(" + history.Literal(string(w.Roles)) + ")"})
	}
	receiptsSQL(&sql, w)
	s.partitionsSQL(&sql, w.Partitions)
	values("counters", counters)
	values("segments", segments)
	values("states", states)
	values("epoch", []string{fmt.Sprintf("(%d, %d)", w.Epoch, w.Catalog)})
	fmt.Fprintf(&sql, "INSERT INTO internal.checkpoints VALUES (%d, %s, %d, %f);\n", w.Epoch, timestamp(w.At), rows, time.Since(start).Seconds()*1000)
	if w.Epoch%keepCheckpoints == 0 {
		fmt.Fprintf(&sql, "DELETE FROM internal.checkpoints WHERE committed_at < (SELECT min(committed_at) FROM (SELECT committed_at FROM internal.checkpoints ORDER BY committed_at DESC LIMIT %d));\n", keepCheckpoints)
	}
	err := s.conn.Exec(ctx, sql.String())
	if w.changesObjects() {
		killpoint.At(killpoint.ObjectWritten)
	}
	return err
}
