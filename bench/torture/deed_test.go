package torture

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/millstream-db/millstream/bench/instance"
)

// deed is something that is asked of a database, and is durable once it is answered. It may
// be asked for again.
type deed struct {
	sql           string // "": rows are pushed
	request, rows int    // rows of the source events that are pushed together
	object        string // that sql makes, or drops
	drops         bool
	account       int // that sql adds; 0: none
	level         int // that sql sets; 0: none

	// Where a journal of the process's calls ended before it was asked for the first time, and
	// when it had been answered. Zero: it was there before the journal began; never: not at all.
	begun, answered int64
}

// never is later than all calls.
const never = int64(1) << 62

// when is how certain a deed's effect is.
type when int

const (
	not   when = iota // it was not asked for
	maybe             // it was not answered
	sure
)

// at returns how certain a deed is when a journal had so many bytes.
func (d *deed) at(end int64) when {
	switch {
	case d.answered <= end:
		return sure
	case d.begun < end:
		return maybe
	default:
		return not
	}
}

// deeds returns what is done in a database that has nothing: a source, a table, views, rows
// that come, so many requests with so many rows each, one of them with a great many, and
// changes of the table.
func deeds(requests, rows, many int) []*deed {
	list := []*deed{
		{sql: "CREATE SOURCE IF NOT EXISTS events (request INTEGER, line INTEGER, note VARCHAR) WITH (connector = 'push')", object: "events"},
		{sql: "CREATE MATERIALIZED VIEW IF NOT EXISTS per_request AS SELECT request, count(*) AS n, max(line) AS last FROM events GROUP BY request", object: "per_request"},
		{sql: "CREATE TABLE IF NOT EXISTS accounts (id INTEGER PRIMARY KEY, level INTEGER)", object: "accounts"},
		{sql: "INSERT INTO accounts VALUES (1, 0)", account: 1},
	}
	for n := 1; n <= requests; n++ {
		list = append(list, &deed{request: n, rows: rows})
		switch {
		case n == requests/2 && many > 0:
			list = append(list, &deed{request: 1000 + n, rows: many})
		case n == requests/4:
			list = append(list, &deed{sql: "CREATE MATERIALIZED VIEW IF NOT EXISTS passing AS SELECT line % 7 AS k, count(*) AS n FROM events GROUP BY k", object: "passing"})
		case n == requests*3/4:
			list = append(list, &deed{sql: "DROP MATERIALIZED VIEW IF EXISTS passing", object: "passing", drops: true})
		}
		list = append(list, &deed{sql: fmt.Sprintf("INSERT INTO accounts VALUES (%d, 0)", n+1), account: n + 1},
			&deed{sql: fmt.Sprintf("UPDATE accounts SET level = %d WHERE id = 1", n), level: n})
	}
	return list
}

// do asks for a deed until it is done.
func (d *deed) do(ctx context.Context, db *instance.Instance, patience time.Duration) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := d.try(ctx, db)
		if err == nil {
			return nil
		}
		if !db.Running() {
			return fmt.Errorf("%s: %w: %w; %s", d, errEnded, db.Err(), lastWords(db))
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not done after %s: %w", d, patience, err)
		}
	}
}

// errEnded is wrapped by the error of a deed while whose doing the process has ended.
var errEnded = errors.New("the process has ended")

// aborted begins what a process says that DuckDB ends, since it can't undo what it has half done.
const aborted = "terminate called after throwing an instance of 'duckdb::"

// lastWords returns what a process said at its end, without all that Go adds.
func lastWords(db *instance.Instance) string {
	const most = 20
	lines := strings.Split(db.Log(2000), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, aborted) || strings.HasPrefix(line, "panic") || strings.HasPrefix(line, "fatal error") || strings.HasPrefix(line, "SIG") {
			return strings.Join(lines[i:min(len(lines), i+most)], "\n")
		}
	}
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}

func (d *deed) try(ctx context.Context, db *instance.Instance) error {
	if d.sql != "" {
		err := db.Exec(ctx, d.sql)
		var refused *instance.Error
		if d.account > 0 && errors.As(err, &refused) && refused.Code == "23505" {
			return nil // it was done when it was not answered
		}
		return err
	}
	var body []byte
	for line := range d.rows {
		body = fmt.Appendf(body, `{"request": %d, "line": %d, "note": "%s"}`+"\n", d.request, line, strings.Repeat("x", line%64))
	}
	done, err := db.Push(ctx, "events", "application/x-ndjson", fmt.Sprint("request-", d.request), body)
	switch {
	case err != nil:
		return err
	case done.Error != nil:
		return done.Error
	case done.Accepted != int64(d.rows):
		return fmt.Errorf("%+v", done)
	}
	return nil
}

func (d *deed) String() string {
	if d.sql != "" {
		return d.sql
	}
	return fmt.Sprintf("request %d of %d rows", d.request, d.rows)
}

// doAll does all deeds that are not done yet, and notes where the journal was.
func doAll(ctx context.Context, db *instance.Instance, list []*deed, journal string, patience time.Duration) error {
	size := func() int64 {
		info, err := os.Stat(journal)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	for _, d := range list {
		d.begun, d.answered = size(), never
		if err := d.do(ctx, db, patience); err != nil {
			return err
		}
		d.answered = size()
	}
	return nil
}

// traces are what there is of deeds.
type traces struct {
	objects  map[string]bool
	requests map[int64]int64 // rows, by request
	accounts map[int64]int64 // levels, by account
}

// look returns what there is, and an error if it does not fit together.
func look(ctx context.Context, db *instance.Instance) (*traces, error) {
	f := &traces{objects: make(map[string]bool), requests: make(map[int64]int64), accounts: make(map[int64]int64)}
	a, err := db.Query(ctx, "SELECT name FROM millstream.sources UNION ALL SELECT name FROM millstream.views UNION ALL SELECT table_name FROM information_schema.tables WHERE table_name = 'accounts'")
	if err != nil {
		return nil, err
	}
	for _, row := range a.Rows {
		f.objects[fmt.Sprint(row[0])] = true
	}
	rows := func(object, sql string, each func(row []int64) error) {
		if err != nil || !f.objects[object] {
			return
		}
		var list [][]int64
		if list, err = db.Integers(ctx, sql); err != nil {
			err = fmt.Errorf("%s: %w", sql, err)
			return
		}
		for _, row := range list {
			if err == nil {
				err = each(row)
			}
		}
	}
	rows("events", "SELECT request, count(*), count(DISTINCT line), max(line) FROM events WHERE length(note) = line % 64 GROUP BY request", func(r []int64) error {
		f.requests[r[0]] = r[1]
		if r[1] != r[2] || r[1] != r[3]+1 {
			return fmt.Errorf("request %d has %d rows with %d lines up to %d", r[0], r[1], r[2], r[3])
		}
		return nil
	})
	wrong := func(what string) func([]int64) error {
		return func(r []int64) error { return fmt.Errorf("%s: %v", what, r) }
	}
	rows("per_request", `SELECT * FROM (SELECT request, n, last FROM per_request EXCEPT ALL SELECT request, count(*), max(line) FROM events GROUP BY request)
UNION ALL (SELECT request, count(*), max(line) FROM events GROUP BY request EXCEPT ALL SELECT request, n, last FROM per_request)`, wrong("per_request and plain SQL differ"))
	rows("passing", `SELECT * FROM (SELECT k, n FROM passing EXCEPT ALL SELECT line % 7 AS k, count(*) FROM events GROUP BY k)
UNION ALL (SELECT line % 7 AS k, count(*) FROM events GROUP BY k EXCEPT ALL SELECT k, n FROM passing)`, wrong("passing and plain SQL differ"))
	rows("accounts", "SELECT id, level FROM accounts", func(r []int64) error {
		if _, twice := f.accounts[r[0]]; twice {
			return fmt.Errorf("the account %d is there twice", r[0])
		}
		f.accounts[r[0]] = r[1]
		return nil
	})
	return f, err
}

// judge says what is wrong with what there is when a journal had so many bytes.
func (f *traces) judge(list []*deed, end int64) error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	objects := make(map[string][]bool) // which presences are right
	levels := []int64{0}
	requests, accounts := maps.Clone(f.requests), maps.Clone(f.accounts)
	for _, d := range list {
		w := d.at(end)
		switch {
		case w == not:
		case d.object != "" && w == sure:
			objects[d.object] = []bool{!d.drops}
		case d.object != "":
			objects[d.object] = append(objects[d.object], !d.drops, d.drops)
		case d.account > 0:
			if _, there := f.accounts[int64(d.account)]; !there && w == sure {
				problem("the account %d is missing", d.account)
			}
			delete(accounts, int64(d.account))
		case d.level > 0 && w == sure:
			levels = []int64{int64(d.level)}
		case d.level > 0:
			levels = append(levels, int64(d.level))
		default:
			n := f.requests[int64(d.request)]
			if n != int64(d.rows) && (n != 0 || w == sure) {
				problem("%d rows of %s are there, answered: %t", n, d, w == sure)
			}
			delete(requests, int64(d.request))
		}
	}
	for name, right := range objects {
		if !slices.Contains(right, f.objects[name]) {
			problem("%s is there: %t", name, f.objects[name])
		}
	}
	for name := range f.objects {
		if objects[name] == nil {
			problem("%s is there, for which nobody has asked", name)
		}
	}
	if level, there := f.accounts[1]; there && !slices.Contains(levels, level) {
		problem("the level is %d, want one of %d", level, levels)
	}
	if len(requests)+len(accounts) > 0 {
		problem("requests %v and accounts %v are there, for which nobody has asked", requests, accounts)
	}
	return errors.Join(problems...)
}
