package torture

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/shopcheck"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/enginetest/result"
	"github.com/millstream-db/millstream/ingest/broker"
)

var (
	mutations    = flag.Int("mutations", 1, "how often TestFileMutations damages each kind of file in each way")
	mutationKind = flag.String("mutation", "", "the only case of TestFileMutations, such as wal/flip")
)

const (
	mutationRecords = 40_000
	mutationNotes   = 3_000
	// mutationPatience is how long a damaged database may take to start, and then to
	// come to a right answer or to say what is wrong.
	mutationPatience = 60 * time.Second
	walName          = checkpoint.FileName + ".wal"
)

// TestFileMutations damages the files of a database at random places, and starts on
// them. It must be refused with an error that names the file and says what to do, or
// say so when what is damaged is read, or be right: as it was, or as it once was, with
// the rest read from Kafka again. No answer is wrong, no process dies, none hangs.
func TestFileMutations(t *testing.T) {
	seed := seedOf(t)
	m := &mutator{t: t, random: rand.New(rand.NewPCG(seed, 4)), orders: shopcheck.NewOrders(1, time.Now().Add(-48*time.Hour), time.Millisecond), counts: make(map[outcome]int)}
	m.prepare()
	began := time.Now()
	cases := 0
	for _, c := range m.cases() {
		if *mutationKind != "" && *mutationKind != c.name {
			continue
		}
		before := maps.Clone(m.counts)
		for range *mutations {
			m.run(c)
			cases++
		}
		var counts []string
		for _, o := range outcomes {
			if n := m.counts[o] - before[o]; n > 0 {
				counts = append(counts, fmt.Sprintf("%d %s", n, o))
			}
		}
		t.Logf("%-16s %s", c.name, strings.Join(counts, ", "))
	}
	result.Report(t, "file mutations", "%d in %d kinds of files and ways; refused %d, found when read %d, right %d (%d of them from an earlier moment), tables shorter by a cut log %d; wrong answers %d, crashes %d, hangs %d, unclear errors %d; %.0f s; seed %d",
		cases, len(m.cases()), m.counts[refused], m.counts[found], m.counts[right]+m.counts[replayed], m.counts[replayed], m.counts[shorter],
		m.counts[wrong], m.counts[crashed], m.counts[hung], m.counts[unclear], time.Since(began).Seconds(), seed)
}

// outcome is what has come of a damaged database.
type outcome string

const (
	refused  outcome = "refused"
	found    outcome = "found when read"
	right    outcome = "right"
	replayed outcome = "right, from an earlier moment"
	shorter  outcome = "with fewer rows in a table" // which a log that was cut short has lost
	wrong    outcome = "WRONG"
	crashed  outcome = "CRASHED"
	hung     outcome = "HUNG"
	unclear  outcome = "UNCLEAR ERROR"
)

var outcomes = []outcome{refused, found, right, replayed, shorter, wrong, crashed, hung, unclear}

// mutator is the test's state. The directories are never started on: they are copied.
type mutator struct {
	t      *testing.T
	random *rand.Rand
	orders *shopcheck.Orders
	binary string
	// folded was stopped politely, and has all in its file; killed has a log. early is
	// killed at an earlier moment.
	folded, killed, early string
	counts                map[outcome]int
}

// mutation damages a copy of a directory.
type mutation struct {
	name   string
	from   string
	damage func(dir string) string // and says what it has done
	fewer  bool                    // rows of tables may be missing
}

// prepare makes the directories.
func (m *mutator) prepare() {
	t := m.t
	m.binary = binary(t)
	b := startBroker(t, broker.Options{})
	feed, err := shopcheck.NewFeed(t.Context(), shopcheck.FeedOptions{Brokers: []string{b.Addr()}, Topic: "orders", Orders: m.orders})
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	o := options(t, "--checkpoint_interval=200ms")
	first := filepath.Join(t.TempDir(), "first.sql")
	if err := os.WriteFile(first, []byte(strings.Join(shopcheck.Statements(b.Addr(), "orders"), ";\n")+";\nCREATE TABLE notes (id BIGINT PRIMARY KEY, note VARCHAR);"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Settings = append(o.Settings, "--init="+first)
	step := func(db *instance.Instance, part int64) {
		if err := feed.Run(t.Context(), mutationRecords/4); err != nil {
			t.Fatal(err)
		}
		waitFor(t, db, feed.Sent())
		mustExec(t, db, fmt.Sprintf("INSERT INTO notes SELECT i, 'note ' || i FROM range(%d, %d) t(i)", 1+part*mutationNotes/4, 1+(part+1)*mutationNotes/4), "CHECKPOINT")
	}
	keep := func(name string) string {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.CopyFS(dir, os.DirFS(o.Data)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	fold := func(db *instance.Instance) *instance.Instance {
		if err := db.Stop(); err != nil {
			t.Fatal(err)
		}
		return start(t, o)
	}
	db := start(t, o)
	step(db, 0)
	db = fold(db)
	step(db, 1)
	db.Kill()
	m.early = keep("early")
	db = fold(start(t, o))
	step(db, 2)
	db = fold(db)
	step(db, 3)
	db.Kill()
	m.killed = keep("killed")
	db = start(t, o)
	if err := db.Stop(); err != nil {
		t.Fatal(err)
	}
	m.folded = keep("folded")
	for _, dir := range []string{m.killed, m.early} {
		if info, err := os.Stat(filepath.Join(dir, walName)); err != nil || info.Size() == 0 {
			t.Fatalf("%s has no log: %v", dir, err)
		}
	}
}

// cases are what is done to what.
func (m *mutator) cases() (list []mutation) {
	add := func(name, from string, fewer bool, damage func(dir string) string) {
		list = append(list, mutation{name: name, from: from, damage: damage, fewer: fewer})
	}
	for _, f := range []struct{ name, from, file string }{
		{"file", m.folded, checkpoint.FileName}, {"file+wal", m.killed, checkpoint.FileName}, {"wal", m.killed, walName},
		{"lock", m.folded, "LOCK"}, {"init", m.folded, checkpoint.InitMarker},
	} {
		wal := f.name == "wal"
		change := func(how func(text []byte) ([]byte, string)) func(dir string) string {
			return func(dir string) string { return m.change(filepath.Join(dir, f.file), how) }
		}
		add(f.name+"/flip", f.from, wal, change(m.flip))
		add(f.name+"/header", f.from, wal, change(m.header))
		add(f.name+"/zero", f.from, wal, change(m.zero))
		add(f.name+"/truncate", f.from, wal, change(m.truncate))
		add(f.name+"/old", f.from, true, func(dir string) string { return m.copyFile(m.early, dir, f.file) })
	}
	add("wal/missing", m.killed, true, func(dir string) string { return m.remove(dir, walName) })
	add("file/missing", m.killed, true, func(dir string) string { return m.remove(dir, checkpoint.FileName) })
	add("folded/missing", m.folded, true, func(dir string) string { return m.remove(dir, checkpoint.FileName) })
	add("wal/added", m.folded, true, func(dir string) string { return m.copyFile(m.early, dir, walName) })
	add("all/swap", m.killed, true, m.swap)
	add("all/old", m.early, true, func(string) string { return "all files are old" })
	add("file/version", m.folded, false, m.version)
	add("tmp/garbage", m.killed, false, m.garbage)
	return list
}

// change changes the text of a file.
func (m *mutator) change(path string, how func(text []byte) ([]byte, string)) string {
	text, err := os.ReadFile(path)
	if err != nil {
		m.t.Fatal(err)
	}
	text, what := how(text)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		m.t.Fatal(err)
	}
	return what
}

func (m *mutator) flip(text []byte) ([]byte, string) {
	if len(text) == 0 {
		return text, "nothing to flip"
	}
	at := m.random.IntN(8 * len(text))
	text[at/8] ^= 1 << (at % 8)
	return text, fmt.Sprintf("bit %d of byte %d of %d", at%8, at/8, len(text))
}

// header flips a bit where formats and versions are written.
func (m *mutator) header(text []byte) ([]byte, string) {
	size := min(len(text), 256)
	if m.random.IntN(2) == 0 {
		size = min(len(text), 12<<10)
	}
	_, what := m.flip(text[:size])
	return text, what
}

func (m *mutator) zero(text []byte) ([]byte, string) {
	at := m.random.IntN(max(1, len(text)))
	clear(text[at:min(len(text), at+4096)])
	return text, fmt.Sprintf("zeros from byte %d of %d on", at, len(text))
}

func (m *mutator) truncate(text []byte) ([]byte, string) {
	at := m.random.IntN(max(1, len(text)))
	return text[:at], fmt.Sprintf("%d bytes of %d", at, len(text))
}

// copyFile takes a file of another directory.
func (m *mutator) copyFile(from, to, name string) string {
	text, err := os.ReadFile(filepath.Join(from, name))
	if err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, name), text, 0o600); err != nil {
		m.t.Fatal(err)
	}
	return "an old " + name
}

func (m *mutator) remove(dir, name string) string {
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		m.t.Fatal(err)
	}
	return "without " + name
}

// swap exchanges two files.
func (m *mutator) swap(dir string) string {
	names := []string{checkpoint.FileName, walName, "LOCK", checkpoint.InitMarker}
	m.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	a, b := filepath.Join(dir, names[0]), filepath.Join(dir, names[1])
	for _, move := range [][2]string{{a, a + ".aside"}, {b, a}, {a + ".aside", b}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			m.t.Fatal(err)
		}
	}
	return names[0] + " is " + names[1]
}

// version has the file say that it is of another format.
func (m *mutator) version(dir string) string {
	db, err := sql.Open("duckdb", filepath.Join(dir, checkpoint.FileName))
	if err != nil {
		m.t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // the version is looked at
	what := []string{"version = 1", "version = 3", "version = NULL", "version = -1"}[m.random.IntN(4)]
	if _, err := db.Exec("UPDATE internal.format SET " + what); err != nil {
		m.t.Fatal(err)
	}
	return what
}

// garbage leaves what a process that has spilled may leave.
func (m *mutator) garbage(dir string) string {
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o700); err != nil {
		m.t.Fatal(err)
	}
	text := make([]byte, 1+m.random.IntN(1<<20))
	for _, name := range []string{"duckdb_temp_storage-0.tmp", "duckdb_temp_block-1.block", "x"} {
		if err := os.WriteFile(filepath.Join(dir, "tmp", name), text, 0o600); err != nil {
			m.t.Fatal(err)
		}
	}
	return fmt.Sprintf("%d bytes in each of three files", len(text))
}

// run damages a copy and starts on it.
func (m *mutator) run(c mutation) {
	m.t.Helper()
	parent, err := os.MkdirTemp("", "mutation-")
	if err != nil {
		m.t.Fatal(err)
	}
	defer os.RemoveAll(parent) //nolint:errcheck // it is a temporary directory
	dir := filepath.Join(parent, "data")
	if err := os.CopyFS(dir, os.DirFS(c.from)); err != nil {
		m.t.Fatal(err)
	}
	what := c.damage(dir)
	o := instance.Options{Binary: m.binary, Data: dir, Log: filepath.Join(parent, "log"), Settings: []string{"--checkpoint_interval=200ms"}, Timeout: mutationPatience}
	got, why := m.start(o, c)
	m.counts[got]++
	if slices.Contains([]outcome{wrong, crashed, hung, unclear}, got) {
		m.t.Errorf("%s (%s): %s: %v", c.name, what, got, why)
	}
}

// start starts on a directory, lets it go on to the end of the topic, and looks at
// everything that it says.
func (m *mutator) start(o instance.Options, c mutation) (outcome, error) {
	ctx, cancel := context.WithTimeout(m.t.Context(), mutationPatience)
	defer cancel()
	db, err := instance.Start(ctx, o)
	if errors.Is(err, instance.ErrRefused) {
		return judgeRefusal(err, o.Data), err
	}
	if err != nil {
		return hung, err
	}
	defer db.Kill()
	earlier := false
	a, err := db.Query(ctx, "SELECT coalesce(sum(next_offset), 0)::BIGINT FROM millstream.partitions WHERE source = 'orders'")
	if err == nil {
		earlier = fmt.Sprint(a.Rows[0][0]) != fmt.Sprint(mutationRecords)
		err = m.goOn(ctx, db, c)
	}
	switch {
	case !db.Running():
		return judgeRefusal(fmt.Errorf("%w: %w\n%s", err, db.Err(), db.Log(20)), o.Data), err
	case errors.Is(err, errFewer):
		return shorter, err
	case errors.Is(err, shopcheck.ErrWrong):
		return wrong, err
	case errors.Is(err, context.DeadlineExceeded):
		return hung, fmt.Errorf("%w\n%s", err, db.Log(20))
	case err != nil:
		return clearly(err.Error(), o.Data, found), err
	case earlier:
		return replayed, nil
	}
	return right, nil
}

// judgeRefusal looks at how a process has ended that did not want to start.
func judgeRefusal(err error, dir string) outcome {
	text := err.Error()
	for _, sign := range []string{"signal:", "panic:", "SIGSEGV", "SIGABRT", "goroutine ", "terminate called"} {
		if strings.Contains(text, sign) {
			return crashed
		}
	}
	return clearly(text, dir, refused)
}

// clearly returns an outcome if an error names the file and says what to do.
func clearly(text, dir string, clear outcome) outcome {
	if strings.Contains(text, filepath.Join(dir, checkpoint.FileName)) && strings.Contains(text, "backup") {
		return clear
	}
	return unclear
}

// errFewer says that a table has lost its last rows.
var errFewer = errors.New("a table has fewer rows")

// goOn waits for the end of the topic and compares everything, twice: also behind a
// checkpoint.
func (m *mutator) goOn(ctx context.Context, db *instance.Instance, c mutation) error {
	var fewer error
	for range 2 {
		for {
			rows, err := db.Integers(ctx, "SELECT coalesce(sum(next_offset), 0)::BIGINT FROM millstream.partitions WHERE source = 'orders'")
			if err != nil {
				return err
			}
			if rows[0][0] == mutationRecords {
				break
			}
			if err := m.problem(ctx, db); err != nil {
				return err
			}
			time.Sleep(20 * time.Millisecond)
		}
		f, err := shopcheck.Verify(ctx, db)
		if err == nil {
			err = shopcheck.VerifyContent(ctx, db, m.orders, f.Next)
		}
		if err == nil {
			err = m.notes(ctx, db, c)
		}
		if errors.Is(err, errFewer) {
			fewer, err = err, nil
		}
		if err == nil {
			err = db.Exec(ctx, "CHECKPOINT")
		}
		if err != nil {
			return err
		}
	}
	return fewer
}

// problem returns what keeps a source from going on, if the server says so.
func (m *mutator) problem(ctx context.Context, db *instance.Instance) error {
	a, err := db.Query(ctx, "SELECT error FROM millstream.sources WHERE name = 'orders' AND error IS NOT NULL")
	if err != nil || len(a.Rows) == 0 {
		return err
	}
	return fmt.Errorf("%v", a.Rows[0][0])
}

// notes compares the table, whose rows are nowhere else.
func (m *mutator) notes(ctx context.Context, db *instance.Instance, c mutation) error {
	rows, err := db.Integers(ctx, "SELECT count(*), coalesce(max(id), 0), count(*) FILTER (WHERE note IS DISTINCT FROM 'note ' || id) FROM notes")
	if err != nil {
		return err
	}
	n, top, others := rows[0][0], rows[0][1], rows[0][2]
	switch {
	case n != top || others > 0 || n > mutationNotes || n < mutationNotes && !c.fewer:
		return fmt.Errorf("%w: the table has %d rows up to %d, %d of them others than were written", shopcheck.ErrWrong, n, top, others)
	case n < mutationNotes:
		return errFewer
	}
	return nil
}
