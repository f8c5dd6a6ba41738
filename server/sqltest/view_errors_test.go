package sqltest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// planErrors hold every error that a view's SELECT can have, with its text, and
// at least so many of them.
var planErrors = map[string]int{
	"../../query/plan/testdata/errors": 100, "../../query/plan/testdata/after": 40, "../../query/plan/testdata/grouping_sets": 12,
}

// block is one command of planErrors, which is in datadriven's format.
type block struct{ command, input, want string }

func readBlocks(t *testing.T, path string) []block {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	for part := range strings.SplitSeq(string(text), "\n\n") {
		head, want, ok := strings.Cut(strings.TrimSpace(part)+"\n", "\n----\n")
		if !ok {
			continue // the results of a statement that is meant to be empty
		}
		command, input, _ := strings.Cut(head, "\n")
		blocks = append(blocks, block{command, input, strings.TrimSpace(want)})
	}
	return blocks
}

// createSource is a source of planErrors as a statement.
func (b block) createSource() string {
	var columns []string
	for line := range strings.Lines(b.input) {
		name, typ, _ := strings.Cut(strings.TrimSpace(line), " ")
		columns = append(columns, `"`+name+`" `+typ)
	}
	name, eventTime := "", ""
	for _, word := range strings.Fields(b.command)[1:] {
		key, value, _ := strings.Cut(word, "=")
		if key == "name" {
			name = value
		} else {
			eventTime = value
		}
	}
	if eventTime != "" && !strings.Contains(b.input, eventTime+" DATE") { // which has no watermark
		columns = append(columns, "WATERMARK FOR "+eventTime+" AS "+eventTime+" - INTERVAL '1 second'")
	}
	return "CREATE SOURCE " + name + " (" + strings.Join(columns, ", ") + ")"
}

// elsewhere are errors that the statement's own parser or the gate finds before
// the SELECT is planned, in words of their own. The start of each is here.
var elsewhere = map[string]string{
	"DELETE FROM orders": "ERROR 42601: syntax error at or near \"DELETE\"",
	"SUMMARIZE orders":   "ERROR 42601: syntax error at or near \"SUMMARIZE\"",
	"SELECT 1; SELECT 2": "ERROR 0A000: a materialized view reads from a source", // two statements: the first ends before the semicolon

	"SELECT count(*) FROM read_csv('x')":            "ERROR 42501: function read_csv is not available here",
	"SELECT max(getenv('HOME')) FROM orders":        "ERROR 42501: function getenv is not available here",
	"SELECT nextval('s'), count(*) FROM orders":     "ERROR 42501: function nextval is not available here",
	"SELECT count(*) FROM a.b.orders":               "ERROR 0A000: cross-database references are not implemented",
	"SELECT count(*) FROM orders AT (VERSION => 1)": "ERROR 0A000: AT (VERSION or TIMESTAMP) is not supported",
	"SELECT count(*) FROM nowhere":                  "ERROR 42P01: relation \"nowhere\" does not exist\nAT: nowhere",
	"SELECT count(*) FROM nope.orders":              "ERROR 42P01: relation \"nope.orders\" does not exist\nAT: nope.orders",

	"SELECT count(*) FROM orders WHERE quantity > $limit":                             "ERROR 42P02: there is no parameter $limit",
	"SELECT count(*) FROM TUMBLE(odd, day, INTERVAL 1 DAY) GROUP BY window_start":     "ERROR 42P17: source \"odd\" has no watermark",
	"SELECT count(*) FROM TUMBLE('orders', ts, INTERVAL 1 DAY) GROUP BY window_start": "ERROR 0A000: TUMBLE needs the name of a relation",

	"SELECT every(paid) FROM orders":                                       "ERROR 42883: function every does not exist\nAT: every",
	"SELECT nofunc(country), count(*) FROM orders GROUP BY 1":              "ERROR 42883: function nofunc does not exist\nAT: nofunc",
	"SELECT max(lenght(country)) FROM orders":                              "ERROR 42883: function lenght does not exist\nAT: lenght(country)) FROM orders\nHINT: Did you mean \"length\"?",
	"SELECT country, upper(nofunc(count(*))) FROM orders GROUP BY country": "ERROR 42883: function nofunc does not exist\nAT: nofunc",
	"SELECT nos.func(country) FROM orders GROUP BY country":                "ERROR 42883: function func does not exist\nAT: nos.func",
	"SELECT count(*) FROM orders HAVING nofunc(count(*))":                  "ERROR 42883: function nofunc does not exist\nAT: nofunc",

	"SELECT nope(country) OVER () FROM orders GROUP BY country": "ERROR 42883: function nope does not exist\nAT: nope(country) OVER",

	// The binder in the planner's tests spells types out.
	"SELECT country::ENUM('a','b') AS e, count(*) FROM orders GROUP BY e": "ERROR 0A000: a group key of the type ENUM is not supported",
	"SELECT {'a': count(*)} AS s FROM orders":                             "ERROR 0A000: column \"s\" has the type STRUCT(\"a\" BIGINT), which",
}

// overView is what "revenue_view" stands for.
const overView = "CREATE MATERIALIZED VIEW revenue_view AS SELECT country, count(*) AS n FROM orders GROUP BY country"

// What the planner says must reach the client: message, code, hint, and a place
// in the text that was sent.
func TestErrorsOfViewsReachTheClient(t *testing.T) {
	t.Parallel()
	for path, least := range planErrors {
		t.Run(filepath.Base(path), func(t *testing.T) { checkPlanErrors(t, path, least) })
	}
}

func checkPlanErrors(t *testing.T, path string, least int) {
	d := newDatabase(t, "batch1")
	c, err := d.client(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, b := range readBlocks(t, path) {
		if strings.HasPrefix(b.command, "source") {
			if _, err := d.exec(t.Context(), c, b.createSource()); err != nil {
				t.Fatalf("%s: %v", b.createSource(), err)
			}
			if strings.Contains(b.command, "name=orders") {
				if _, err := d.exec(t.Context(), c, overView); err != nil {
					t.Fatal(err)
				}
			}
			continue
		}
		if !strings.HasPrefix(b.want, "ERROR ") {
			continue
		}
		checked++
		const prefix = "CREATE MATERIALIZED VIEW refused AS "
		_, err := d.exec(t.Context(), c, prefix+b.input)
		if got, ok := sameError(err, prefix+b.input, b.want); !ok {
			want, known := elsewhere[b.input]
			if !known || !strings.HasPrefix(got, want) {
				t.Errorf("%s\nwant:\n%s\ngot:\n%s", b.input, b.want, got)
			}
		} else if _, stale := elsewhere[b.input]; stale {
			t.Errorf("%s: is listed in elsewhere, and need not be", b.input)
		}
	}
	if checked < least {
		t.Errorf("%d errors were checked: is %s in another format?", checked, path)
	}
}

// sameError compares an error with planErrors' text of it, and returns it in
// that form.
func sameError(err error, sql, want string) (string, bool) {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return "no error", false
	}
	got := "ERROR " + e.Code + ": " + e.Message
	if e.Position > 0 {
		got += "\nAT: " + string([]rune(sql)[min(int(e.Position)-1, len([]rune(sql))):])
	}
	if e.Hint != "" {
		got += "\nHINT: " + e.Hint
	}
	var lines []string
	for line := range strings.SplitSeq(want, "\n") {
		if rest, ok := strings.CutPrefix(line, "AT "); ok {
			_, place, _ := strings.Cut(rest, ": ")
			line = "AT: " + place
		}
		lines = append(lines, line)
	}
	return got, got == strings.Join(lines, "\n")
}
