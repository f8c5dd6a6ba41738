package sqltest

import (
	"fmt"
	"strings"
	"testing"
)

const preamble = `statement ok
CREATE SOURCE s (id BIGINT, name VARCHAR)

statement ok
INSERT INTO s VALUES (1, 'a')

statement ok
INSERT INTO s VALUES (2, NULL), (3, '')

`

// A runner that lets a wrong expectation pass is worth nothing.
func TestWrongExpectationsFail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, record, want string }{
		{"value", "query IT\nSELECT * FROM s ORDER BY id\n----\n1\ta\n2\tNULL\n3\tb", "3\t(empty)"},
		{"null is not empty", "query T\nSELECT name FROM s WHERE id = 2\n----\n(empty)", "NULL"},
		{"missing row", "query I\nSELECT id FROM s ORDER BY id\n----\n1\n2", "got:\n1\n2\n3"},
		{"row too many", "query I\nSELECT id FROM s WHERE id < 2\n----\n1\n2", "got:\n1"},
		{"order", "query I\nSELECT id FROM s ORDER BY id DESC\n----\n1\n2\n3", "got:\n3\n2\n1"},
		{"number", "query R\nSELECT 0.1e0 + 0.2e0\n----\n0.3001", "got:\n0.3"},
		{"text is compared exactly", "query T\nSELECT '0.10'\n----\n0.1", "got:\n0.10"},
		{"columns", "query I\nSELECT 1, 2\n----\n1", "2 columns"},
		{"type", "query I\nSELECT 'a'\n----\na", "which is not I"},
		{"no result", "query I\nSELECT 1", "no result is given"},
		{"values that fill no row", "query II\nSELECT 1, 2\n----\n1", "1 values do not fill"},
		{"statement fails", "statement ok\nSELECT nope", "42703"},
		{"query fails", "query I\nSELECT nope\n----\n1", "42703"},
		{"statement succeeds", "statement error\nSELECT 1\n----\n42703: x", "want an error"},
		{"other code", "statement error 42P01\nSELECT nope", "want SQLSTATE 42P01, got 42703"},
		{"other message", "statement error 42703 yes\nSELECT nope", `column "nope" does not exist`},
		{"other place", "statement error\nSELECT 1, nope\n----\n42703: column \"nope\" does not exist\nat: 1, nope", "at: nope"},
		{"no error given", "statement error\nSELECT nope", "no error is given"},
		{"other count", "statement count 2\nINSERT INTO s (id) VALUES (4), (5), (6)", "3 rows, want 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			script, err := Parse("planted", preamble+c.record+"\n")
			if err != nil {
				t.Fatal(err)
			}
			failures := play(t.Context(), newDatabase(t, "batch1"), script, failuresMax).failures
			if len(failures) != 1 || !strings.HasPrefix(failures[0], "planted:10: ") || !strings.Contains(failures[0], c.want) {
				t.Errorf("%q, want one at line 10 with %q", failures, c.want)
			}
		})
	}
}

// The same records must be different epochs, batches and files. Inserts that do not wait for the disk
// share an epoch where they come close together.
func TestSettingsDiffer(t *testing.T) {
	t.Parallel()
	script, err := Parse("settings", preamble+"statement ok\nINSERT INTO s SELECT i, 'x' FROM range(3) t(i)\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range Settings {
		t.Run(setting, func(t *testing.T) {
			d := newDatabase(t, setting)
			first := d.db
			if f := play(t.Context(), d, script, failuresMax).failures; f != nil {
				t.Fatal(f)
			}
			stats := d.db.Engine().Stats()
			got := fmt.Sprintf("%d inserts, same process %t, checkpoints %t", d.inserts, d.db == first, stats.Checkpoints > 3)
			want := map[string]string{
				"batch1":     "6 inserts, same process true, checkpoints false",
				"batch4096":  "2 inserts, same process true, checkpoints false",
				"restart":    "3 inserts, same process false, checkpoints false",
				"checkpoint": "3 inserts, same process true, checkpoints true",
			}[setting]
			if got != want {
				t.Errorf("%s, want %s", got, want)
			}
			epochs := map[string][2]int64{"batch1": {1, 6}, "batch4096": {1, 2}, "restart": {0, 0}, "checkpoint": {3, 3}}[setting]
			if stats.Epochs < epochs[0] || stats.Epochs > epochs[1] {
				t.Errorf("%d epochs, want %d to %d", stats.Epochs, epochs[0], epochs[1])
			}
		})
	}
}

func TestDirectives(t *testing.T) {
	t.Parallel()
	text := preamble + `# a comment
skipif restart
query I
SELECT count(*) FROM s
----
4

onlyif restart
restart

query I valuesort
SELECT id FROM s ORDER BY id DESC
----
1
2
3

query TI rowsort
SELECT name, id FROM s
----
(empty)
3
NULL
2
a
1

connection other
statement ok
BEGIN

connection other
query I
SELECT count(*) FROM s
----
3

statement ok
INSERT INTO s VALUES (4, 'd')

connection other
query I
SELECT count(*) FROM s
----
3

checkpoint

halt

query I
SELECT nope
`
	script, err := Parse("directives", text)
	if err != nil {
		t.Fatal(err)
	}
	if f := play(t.Context(), newDatabase(t, "restart"), script, failuresMax).failures; f != nil {
		t.Error(f)
	}
	if f := play(t.Context(), newDatabase(t, "batch1"), script, failuresMax).failures; len(f) != 1 || !strings.Contains(f[0], "directives:12") {
		t.Errorf("%q, want one failure, of the record that is skipped otherwise", f)
	}
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	text := preamble + "query I\nSELECT id FROM s ORDER BY id\n\nstatement error\nSELECT nope\n----\nold\n\n# the end\nquery T\nSELECT 'a'\n----\nb\nc\n"
	want := preamble + "query I\nSELECT id FROM s ORDER BY id\n----\n1\n2\n3\n\nstatement error\nSELECT nope\n----\n" +
		"42703: column \"nope\" does not exist\nat: nope\n\n# the end\nquery T\nSELECT 'a'\n----\na\n"
	script, err := Parse("rewrite", text)
	if err != nil {
		t.Fatal(err)
	}
	if got := script.Rewrite(play(t.Context(), newDatabase(t, "batch4096"), script, 100).results); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"\n\nstatment ok\nSELECT 1", `x:3: "statment" begins no record`},
		{"statement", "x:1: statement ok, count or error?"},
		{"statement fine\nSELECT 1", `x:1: statement ok, count or error, not "fine"`},
		{"statement ok", "x:1: there is no SQL"},
		{"statement count\nSELECT 1", "x:1: statement count needs a number"},
		{"statement ok\nSELECT 1\n----\n1", "x:1: only queries and errors have results"},
		{"statement error 42P01 (\nSELECT 1", "x:1: error parsing regexp"},
		{"query\nSELECT 1", "x:1: a query names its columns' types"},
		{"query X\nSELECT 1", "x:1: a query names its columns' types"},
		{"query I sorted\nSELECT 1", `x:1: nosort, rowsort or valuesort, not "sorted"`},
		{"halt\nSELECT 1", "x:1: no SQL belongs here"},
		{"skipif never\nhalt", `x:1: setting "never" is not one of batch1, batch4096, restart, checkpoint`},
		{"connection a", "x:1: no record follows"},
		{"advance soon", `x:1: time: invalid duration "soon"`},
	} {
		if _, err := Parse("x", c.text); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

// A restart that kept what was never written would prove nothing.
func TestEverySecondRestartIsACrash(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, "restart")
	run := func(sql string) string {
		c, err := d.client(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.exec(t.Context(), c, sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return strings.Join(join(texts(r.Rows)), "\n")
	}
	run("CREATE SOURCE s (id BIGINT)")
	for i, want := range []string{"1", "1", "2", "2"} {
		run("SET synchronous_commit = off")
		run("INSERT INTO s VALUES (1)")
		if err := d.restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := run("SELECT count(*) FROM s"); got != want {
			t.Errorf("%s rows after restart %d, want %s", got, i+1, want)
		}
	}
}
