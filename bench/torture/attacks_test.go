package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/template"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/enginetest/result"
)

const (
	// attackTimeout is the statement timeout of the server that is attacked.
	attackTimeout = 2 * time.Second
	// attackPatience is how much later an attack must have ended, on a busy machine.
	attackPatience = 20 * time.Second
	// neighbourPatience is the longest that a neighbour's query may take meanwhile.
	neighbourPatience = 15 * time.Second
	// outOfMemory is the SQLSTATE of what is refused for want of memory.
	outOfMemory = "53200"
	// secret is in files that nobody may read.
	secret = "canary-4711"
)

// attackGroups is how many attacks there are at least of each kind.
var attackGroups = map[string]int{
	"files": 20, "writes": 12, "network": 8, "extensions": 8, "settings": 20, "functions": 14,
	"memory": 12, "cpu": 8, "parser": 10, "json": 4, "several": 4,
}

// TestAttacks runs every statement of testdata/attacks against a server, as someone
// who has come in over the Postgres protocol. Each is refused, ended, or answered
// because it does no harm. The process lives, a neighbour's queries are answered,
// rows come in, no file is read or written, and nothing is connected to.
func TestAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("which attacks are ended and which answered in time depends on the machine here and there: run it without -short, or make torture")
	}
	s := besiege(t, "--statement_timeout="+attackTimeout.String())
	defer s.lift(t)
	counts, answered, slowest := map[string]int{}, 0, time.Duration(0)
	datadriven.RunTest(t, "testdata/attacks", func(t *testing.T, d *datadriven.TestData) string {
		counts[d.Cmd]++
		started := time.Now()
		outcome := s.attack(t, d)
		slowest = max(slowest, time.Since(started))
		if strings.Contains(outcome, "answered") {
			answered++
		}
		s.stands(t, d.Pos, started)
		return matched(outcome, d.Expected)
	})
	total := 0
	for group, least := range attackGroups {
		if counts[group] < least {
			t.Errorf("%d attacks of the kind %s, want %d", counts[group], group, least)
		}
		total += counts[group]
	}
	if unknown := len(counts) - len(attackGroups); unknown > 0 {
		t.Errorf("%d unknown kinds in %v", unknown, slices.Sorted(maps.Keys(counts)))
	}
	s.unharmed(t)
	result.Report(t, "attacks", "%d in %d groups, %d refused or ended, %d answered; the longest took %s; 0 ends of the process; %d answers for a neighbour, the slowest after %s; %d rows came in; %d of both refused for a moment",
		total, len(counts), total-answered, answered, slowest.Round(time.Millisecond), s.answers.Load(), time.Duration(s.slowest.Load()).Round(time.Millisecond), s.rows.Load(), s.refused.Load())
}

// matched returns what was expected if the outcome is among it: a line of it may
// say "53200 or 57014".
func matched(outcome, expected string) string {
	got, want := strings.Split(outcome, "\n"), strings.Split(expected, "\n")
	if len(got) != len(want) {
		return outcome
	}
	for i := range got {
		if !slices.Contains(strings.Split(want[i], " or "), got[i]) {
			return outcome
		}
	}
	return expected
}

// siege is a server that is attacked, with a neighbour who asks and rows that come in.
type siege struct {
	db      *instance.Instance
	o       instance.Options
	dir     string // of files that nobody may read or change
	allowed string // the directory of files that may be read
	files   map[string]string
	names   string // of all objects
	network net.Listener

	stop    context.CancelFunc
	running sync.WaitGroup
	answers atomic.Int64 // of the neighbour
	refused atomic.Int64 // of the neighbour's queries and of what came in, for want of memory
	slowest atomic.Int64 // of them, in ns
	asking  atomic.Int64 // when the neighbour's query began, in ns
	rows    atomic.Int64 // that came in
	touched atomic.Int64 // connections that somebody made
}

func besiege(t *testing.T, settings ...string) *siege {
	t.Helper()
	s := &siege{dir: t.TempDir(), allowed: t.TempDir()}
	for name, text := range map[string]string{
		"secret.csv": "a,b\n1," + secret + "\n", "secret.json": `{"a": 1, "b": "` + secret + `"}` + "\n", "secret.txt": secret, "secret.parquet": secret,
		"secret.avsc": secret, "secret.proto": secret, "x.duckdb_extension": secret,
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link.csv": "secret.csv", "link": ""} {
		if err := os.Symlink(filepath.Join(s.dir, to), filepath.Join(s.allowed, link)); err != nil {
			t.Fatal(err)
		}
	}
	s.files = s.listFiles(t)
	s.listen(t)
	s.o = options(t, append(settings, "--pg=127.0.0.1:0", "--duckdb_memory=256MiB", "--copy_from="+s.allowed)...)
	s.db = start(t, s.o)
	mustExec(t, s.db, "CREATE TABLE kept (id BIGINT PRIMARY KEY, note VARCHAR, doc JSON)", `INSERT INTO kept VALUES (1, 'x', '{"a": 1}')`,
		"CREATE SOURCE stream (id BIGINT, note VARCHAR) WITH (connector = 'push')",
		"CREATE MATERIALIZED VIEW per_note AS SELECT note, count(*) AS n FROM stream GROUP BY note")
	s.names = s.objects(t)
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	s.running.Go(func() { s.neighbour(ctx, t) })
	s.running.Go(func() { s.stream(ctx, t) })
	return s
}

// listen counts who connects to an address that attacks name.
func (s *siege) listen(t *testing.T) {
	t.Helper()
	var err error
	if s.network, err = new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.running.Go(func() {
		for {
			conn, err := s.network.Accept()
			if err != nil {
				return
			}
			s.touched.Add(1)
			_ = conn.Close()
		}
	})
}

// neighbour asks the view all the time.
func (s *siege) neighbour(ctx context.Context, t *testing.T) {
	for ctx.Err() == nil {
		began := time.Now()
		s.asking.Store(began.UnixNano())
		_, err := s.db.Query(ctx, "SELECT note, n FROM per_note ORDER BY n DESC LIMIT 10")
		took := time.Since(began)
		if ctx.Err() != nil {
			return
		}
		var e *instance.Error
		if errors.As(err, &e) && e.Code == outOfMemory {
			s.refused.Add(1)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if err != nil {
			t.Errorf("a neighbour's query: %v", err)
		}
		s.slowest.Store(max(s.slowest.Load(), int64(took)))
		s.answers.Add(1)
		time.Sleep(10 * time.Millisecond)
	}
}

// stream sends a few rows at a time.
func (s *siege) stream(ctx context.Context, t *testing.T) {
	for n := 0; ctx.Err() == nil; n++ {
		var body []byte
		for i := range 20 {
			body = fmt.Appendf(body, `{"id": %d, "note": "note %d"}`+"\n", n, i)
		}
		answer, err := s.db.Push(ctx, "stream", "application/x-ndjson", fmt.Sprint(n), body)
		for ctx.Err() == nil && err == nil && (answer.Status == http.StatusTooManyRequests || answer.Status == http.StatusServiceUnavailable) { // as clients do
			s.refused.Add(1)
			time.Sleep(10 * time.Millisecond)
			answer, err = s.db.Push(ctx, "stream", "application/x-ndjson", fmt.Sprint(n), body)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil || answer.Error != nil {
			t.Errorf("rows that came in: %v, %v", err, answer.Error)
		}
		s.rows.Add(answer.Accepted)
		time.Sleep(20 * time.Millisecond)
	}
}

// expand writes out what an attack is.
func (s *siege) expand(t *testing.T, text string) string {
	t.Helper()
	parsed, err := template.New("attack").Funcs(template.FuncMap{"repeat": func(n int, text string) string { return strings.Repeat(text, n) }}).Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := parsed.Execute(&b, map[string]string{
		"Dir": s.dir, "Allowed": s.allowed, "Data": s.o.Data, "Database": filepath.Join(s.o.Data, checkpoint.FileName), "Address": s.network.Addr().String(),
	}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// attack sends the lines of an attack on a connection of its own, and says what
// became of each: answered, or a SQLSTATE. With the argument extended they are
// sent in the extended protocol.
func (s *siege) attack(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), attackTimeout+attackPatience)
	defer cancel()
	return s.run(ctx, t, d)
}

func (s *siege) run(ctx context.Context, t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	conn, err := pgconn.Connect(ctx, fmt.Sprintf("postgres://attacker@%s/millstream?sslmode=disable", s.db.Postgres()))
	if err != nil {
		t.Fatalf("%s: %v", d.Pos, err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // the server may have ended it
	var outcomes []string
	for line := range strings.Lines(d.Input) {
		sql := strings.TrimSuffix(s.expand(t, line), "\n")
		var err error
		if d.HasArg("extended") {
			err = s.look(conn.ExecParams(ctx, sql, nil, nil, nil, nil))
		} else {
			err = s.send(ctx, conn, sql)
		}
		outcomes = append(outcomes, answer(err))
	}
	return strings.Join(outcomes, "\n") + "\n"
}

func answer(err error) string {
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return "answered"
	case errors.As(err, &refused):
		return refused.Code
	}
	return err.Error()
}

// send runs a text in the simple protocol.
func (s *siege) send(ctx context.Context, conn *pgconn.PgConn, sql string) error {
	results := conn.Exec(ctx, sql)
	for results.NextResult() {
		if err := s.look(results.ResultReader()); err != nil {
			_ = results.Close() // the error is known
			return err
		}
	}
	return results.Close()
}

// look reads a result, which must not have what is secret.
func (s *siege) look(r *pgconn.ResultReader) error {
	leaked := false
	for r.NextRow() {
		for _, v := range r.Values() {
			leaked = leaked || bytes.Contains(v, []byte(secret)) || bytes.Contains(v, []byte("root:x:0:0"))
		}
	}
	_, err := r.Close()
	if err != nil && strings.Contains(err.Error(), secret) || leaked {
		return errors.New("what is in a secret file was told")
	}
	return err
}

// stands checks that everybody else is served after an attack.
func (s *siege) stands(t *testing.T, pos string, since time.Time) {
	t.Helper()
	if !s.db.Running() {
		t.Fatalf("%s: the process has ended: %v\n%s", pos, s.db.Err(), s.db.Log(30))
	}
	if took := time.Since(since); took > attackTimeout+attackPatience {
		t.Errorf("%s: it took %s", pos, took)
	}
	answers, rows := s.answers.Load(), s.rows.Load()
	eventually(t, neighbourPatience, pos+": a neighbour is answered and rows come in", func() bool {
		return s.answers.Load() > answers && s.rows.Load() > rows || !s.db.Running()
	}, func() string {
		return fmt.Sprintf("the neighbour waits for %s, %d rows", time.Since(time.Unix(0, s.asking.Load())), s.rows.Load()-rows)
	})
}

// objects lists all that was made by statements.
func (s *siege) objects(t *testing.T) string {
	t.Helper()
	a, err := s.db.Query(t.Context(), `SELECT 'table', name FROM millstream.tables UNION ALL SELECT 'view', name FROM millstream.views
		UNION ALL SELECT 'source', name FROM millstream.sources UNION ALL SELECT 'role', name FROM millstream.roles ORDER BY ALL`)
	if err != nil {
		t.Fatal(err)
	}
	return a.String()
}

func (s *siege) listFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, dir := range []string{s.dir, s.allowed} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			text, err := os.ReadFile(path)
			if err != nil {
				text = []byte(err.Error()) // a directory
			}
			files[path] = string(text)
		}
	}
	return files
}

// unharmed checks what the attacks must not have changed.
func (s *siege) unharmed(t *testing.T) {
	t.Helper()
	if now := s.listFiles(t); !maps.Equal(now, s.files) {
		t.Errorf("files were changed: %v, they were %v", slices.Sorted(maps.Keys(now)), slices.Sorted(maps.Keys(s.files)))
	}
	if n := s.touched.Load(); n > 0 {
		t.Errorf("%d connections were made", n)
	}
	if now := s.objects(t); now != s.names {
		t.Errorf("there is now\n%s\nthere was\n%s", now, s.names)
	}
	if got := text(t, s.db, "SELECT id || ' ' || note || ' ' || doc::VARCHAR FROM kept"); got != `1 x {"a": 1}` {
		t.Errorf("the table has %s", got)
	}
	if slowest := time.Duration(s.slowest.Load()); slowest > neighbourPatience {
		t.Errorf("a neighbour waited for %s", slowest)
	}
	log, err := os.ReadFile(s.o.Log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(log) {
		if !json.Valid(line) {
			t.Errorf("somebody else has written to the server's output: %.200s", line)
		}
	}
}

// rest ends what runs beside the attacks.
func (s *siege) rest() {
	s.stop()
	_ = s.network.Close()
	s.running.Wait()
}

// lift ends the siege; the rows that came in are there, also after a restart.
func (s *siege) lift(t *testing.T) {
	s.rest()
	if t.Failed() || !s.db.Running() {
		return
	}
	if err := s.db.Stop(); err != nil {
		t.Error(err)
	}
	if n := number(t, start(t, s.o), "SELECT count(*) FROM stream"); n < s.rows.Load() {
		t.Errorf("%d rows are there, %d had come in", n, s.rows.Load())
	}
}
