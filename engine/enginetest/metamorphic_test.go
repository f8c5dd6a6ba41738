package enginetest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/enginetest"
	"github.com/millstream-db/millstream/engine/enginetest/result"
)

// manner is a way in which a log can get into a database.
type manner struct {
	name        string
	log         *enginetest.Log
	batch       int  // records
	checkpoints int  // a checkpoint after so many batches, 0 for none
	restarts    int  // a restart after so many batches, 0 for none
	crash       bool // restarts are crashes
	views       int  // batches before the views are made, -1: all
	compares    func(*enginetest.LiveView) bool
	late        bool // late rows are compared as well
}

// morph is a log, views over it, and what they hold.
type morph struct {
	*run
	setup  []string // makes source, tables and views
	views  []*enginetest.LiveView
	clean  map[string]bool // the views that have no late row, nor do those that they read
	result map[string]enginetest.Rows

	manners, compared int
}

// TestMetamorphic gives the same records to a database in many ways and looks
// whether all views hold the same.
func TestMetamorphic(t *testing.T) {
	n := *seeds
	if testing.Short() {
		n = min(n, 2)
	}
	var sum struct{ records, views, manners, compared, failures int }
	start := time.Now()
	first, last := *from, *from+uint64(n)
	if *oneSeed != 0 {
		first, last = *oneSeed, *oneSeed+1
	}
	done := uint64(0)
	for seed := first; seed < last && int64(sum.failures) < *failuresMax; seed++ {
		m, err := metamorphose(t, seed)
		done++
		if m != nil {
			sum.views += len(m.views)
			sum.manners += m.manners
			sum.compared += m.compared
			sum.records += m.records
		}
		if err != nil {
			sum.failures++
			t.Errorf("seed %d: %v\nrepeat with: go test ./engine/enginetest -run TestMetamorphic -count=1 -args -seed=%d", seed, err, seed)
		}
	}
	result.Report(t, "metamorphic", "%d seeds, %d records in %d ways, %d views, %d comparisons, %d mismatches, in %s",
		done, sum.records, sum.manners, sum.views, sum.compared, sum.failures, time.Since(start).Round(time.Second))
}

func metamorphose(t *testing.T, seed uint64) (*morph, error) {
	ctx, cancel := context.WithTimeout(t.Context(), seedTimeout)
	defer cancel()
	plain, err := openPlain(ctx)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	r := enginetest.NewRand(seed)
	s := enginetest.NewSource(r)
	s.Number()
	calm := seed%2 == 0
	if calm {
		s.Calm()
	}
	m := &morph{run: &run{rand: r, plain: plain, source: s, root: t.TempDir()}, setup: []string{s.CreateSQL()}}
	m.stream = enginetest.NewStream(r, s)
	if m.judge, err = enginetest.NewJudge(ctx, plain, s); err != nil {
		return m, err
	}
	if err := m.makeViews(ctx); err != nil {
		return m, err
	}
	records := pick(r, 200, 400, 1000, 3000)
	if testing.Short() {
		records = 150
	}
	log := enginetest.NewLog(r, m.stream, records)
	m.records = log.Records()
	for i, how := range manners(r, log, calm) {
		if testing.Short() && i > 0 && i%4 != int(seed)%4 {
			continue
		}
		if err := m.try(ctx, &how); err != nil {
			return m, fmt.Errorf("%s: %w", how.name, err)
		}
	}
	return m, nil
}

// makeViews writes the statements that come before the records.
func (m *morph) makeViews(ctx context.Context) error {
	r := m.rand
	for i := range pick(r, 0, 1, 2) {
		t := enginetest.NewTable(r, m.source, fmt.Sprint("t", i))
		m.tables = append(m.tables, t)
		m.setup = append(m.setup, t.CreateSQL(), t.NewChange(r).SQL, t.NewChange(r).SQL)
		if err := m.judge.AddTable(ctx, t); err != nil {
			return fmt.Errorf("judge: %w", err)
		}
	}
	for range 3 + r.IntN(4) {
		v, err := m.newView(ctx)
		if err != nil {
			return err
		}
		m.run.views = append(m.run.views, m.judged(ctx, v))
	}
	m.views = m.run.views
	return nil
}

// manners returns the ways to try; all have to give what the first one gives.
func manners(r *rand.Rand, log *enginetest.Log, calm bool) []manner {
	all := func(*enginetest.LiveView) bool { return true }
	list := []manner{{name: "batches of 100", batch: 100}, {name: "batches of 7", batch: 7}, {name: "batches of 4096", batch: 4096}, {name: "batches of 65536", batch: 65536}}
	if log.Records() <= 400 {
		list = append(list, manner{name: "batches of 1", batch: 1})
	}
	for i, n := range []int{100, 7, 1 + r.IntN(500)} {
		k, restarts := pick(r, 1, 3, 10), pick(r, 2, 5, 20)
		list = append(list,
			manner{name: fmt.Sprintf("batches of %d, a checkpoint after every %d", n, k), batch: n, checkpoints: k},
			manner{name: fmt.Sprintf("batches of %d, a checkpoint after every %d, a restart after every %d", n, k, restarts), batch: n, checkpoints: k, restarts: restarts, crash: i != 1})
	}
	for i := range list {
		list[i].log, list[i].compares, list[i].late = log, all, true
	}
	for _, at := range []int{-1, 3} {
		list = append(list, manner{name: fmt.Sprintf("views made after %d batches", at), log: log, batch: 50, checkpoints: pick(r, 0, 2), views: at})
	}
	if !calm {
		return list
	}
	for _, partitions := range []int{2, 4} {
		list = append(list, manner{
			name: fmt.Sprintf("%d partitions", partitions), log: log.Spread(r, partitions), batch: 500, checkpoints: pick(r, 0, 2),
			compares: func(v *enginetest.LiveView) bool { return !v.Waits() }, late: true,
		})
	}
	for i := range 2 {
		list = append(list, manner{
			name: fmt.Sprintf("order %d", i+1), log: log.Shuffle(r, enginetest.ShuffleBlock), batch: pick(r, 7, 100, 4096), checkpoints: pick(r, 0, 2),
			compares: func(v *enginetest.LiveView) bool { return !v.Expires() }, late: true,
		})
	}
	return list
}

// try gives the records to a new database and compares what comes out.
func (m *morph) try(ctx context.Context, how *manner) error {
	u := &run{rand: m.rand, source: m.source, judge: m.judge}
	u.clock.Store(enginetest.ClockStart.UnixMicro())
	u.root = filepath.Join(m.root, fmt.Sprint("manner", m.manners))
	m.manners++
	u.dir = u.newDir()
	if err := u.open(ctx); err != nil {
		return err
	}
	defer os.RemoveAll(u.root)
	err := m.feed(ctx, u, how)
	var result map[string]enginetest.Rows
	if err == nil {
		result, err = m.read(ctx, u)
	}
	if err != nil {
		_ = u.db.Close(ctx)
		return err
	}
	if err := u.close(ctx); err != nil {
		return err
	}
	if m.result == nil {
		m.result = result
		m.findClean()
		return nil
	}
	return m.compareWith(result, how)
}

// feed makes everything and appends the log.
func (m *morph) feed(ctx context.Context, u *run, how *manner) error {
	for _, sql := range m.setup {
		if err := u.db.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	made := false
	for batches, at := 0, 0; ; batches++ {
		end := at == how.log.Records()
		if !made && (batches == how.views || end) {
			made = true
			for _, v := range m.views {
				if err := u.db.Exec(ctx, v.CreateSQL()); err != nil {
					return fmt.Errorf("%s: %w", v.CreateSQL(), err)
				}
			}
		}
		if end {
			return nil
		}
		var d *enginetest.Delivery
		d, at = how.log.Delivery(at, how.batch, enginetest.ClockStart)
		if err := u.db.Append(ctx, m.source.Name, d.Batch(m.source, u.db.Engine().Allocator())); err != nil {
			return err
		}
		if how.checkpoints > 0 && batches%how.checkpoints == 0 {
			if err := u.db.Checkpoint(ctx); err != nil {
				return err
			}
		}
		if how.restarts > 0 && batches%how.restarts == how.restarts-1 {
			var err error
			if at, err = u.again(ctx, how); err != nil {
				return err
			}
		}
	}
}

// again closes the database, or leaves it, and returns from where the log has
// to be read on.
func (u *run) again(ctx context.Context, how *manner) (int, error) {
	left := u.dir
	if how.crash {
		u.dir = u.newDir()
		if err := os.CopyFS(u.dir, os.DirFS(left)); err != nil {
			return 0, err
		}
	}
	if err := u.close(ctx); err != nil {
		return 0, err
	}
	if err := u.open(ctx); err != nil {
		return 0, fmt.Errorf("restart: %w", err)
	}
	offsets, err := u.offsets(ctx)
	if err != nil {
		return 0, err
	}
	at := how.log.Find(offsets)
	if at < 0 {
		return 0, fmt.Errorf("the offsets %v after the restart are at no place of the log", offsets)
	}
	how.restarts *= 2 // so that it ends, if nothing becomes durable in between
	return at, nil
}

// read returns what all views hold, and all tables of late rows and counters.
func (m *morph) read(ctx context.Context, u *run) (map[string]enginetest.Rows, error) {
	result := make(map[string]enginetest.Rows)
	ask := func(name, sql string) (err error) {
		result[name], err = u.text(ctx, nil, sql)
		return err
	}
	late := func(of *enginetest.LiveView, name string) error {
		columns := []string{`"view"`, "window_start", "window_end", "watermark", "n"}
		if of != nil {
			if _, err := m.judge.Stream(ctx, of); err != nil {
				return err
			}
			columns = m.judge.LateColumns(of)
		}
		return ask(name+"$late", enginetest.AsText(columns, `"`+name+`$late"`))
	}
	for _, v := range m.views {
		if err := ask(v.Name, enginetest.AsText(v.Columns, v.Name)); err != nil {
			return nil, err
		}
		if v.AppendOnly() {
			if err := late(v, v.Name); err != nil {
				return nil, err
			}
		}
	}
	if err := late(nil, m.source.Name); err != nil {
		return nil, err
	}
	if err := ask("", counters(m.views)); err != nil {
		return nil, err
	}
	return result, ask("$", "SELECT rows::VARCHAR, late::VARCHAR FROM millstream.sources")
}

// findClean finds the views that do not depend on when they are made.
func (m *morph) findClean() {
	late := make(map[string]bool)
	for _, row := range m.result[""] {
		late[row[0]] = row[1] != "0"
	}
	m.clean = make(map[string]bool)
	for _, v := range m.views {
		m.clean[v.Name] = !late[v.Name] && !v.Expires() && (v.Of() == nil || m.clean[v.Of().Name])
	}
}

func (m *morph) compareWith(result map[string]enginetest.Rows, how *manner) error {
	for _, v := range m.views {
		if how.compares == nil && !m.clean[v.Name] || how.compares != nil && !how.compares(v) {
			continue
		}
		m.compared++
		if difference := enginetest.Differ(result[v.Name], m.result[v.Name], v.Approx); difference != "" {
			return fmt.Errorf("view %s: %s\n%s", v.Name, difference, m.statements())
		}
	}
	if !how.late {
		return nil
	}
	for name, want := range m.result {
		if name != "" && !strings.HasSuffix(name, "$") && !strings.HasSuffix(name, "$late") {
			continue
		}
		m.compared++
		if difference := enginetest.Differ(result[name], want, nil); difference != "" {
			return fmt.Errorf("%q: %s\n%s", name, difference, m.statements())
		}
	}
	return nil
}

func (m *morph) statements() string {
	all := slices.Clone(m.setup)
	for _, v := range m.views {
		all = append(all, v.CreateSQL())
	}
	return strings.Join(all, "\n")
}
