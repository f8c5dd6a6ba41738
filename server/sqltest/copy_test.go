package sqltest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestCopyFromStdin(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, "batch4096")
	ctx := t.Context()
	c, err := d.client(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	must := func(sql string) [][]string { return d.must(t, c, sql) }
	must("CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR, since TIMESTAMP DEFAULT '2024-01-01', ok BOOLEAN, raw BLOB)")
	for _, step := range []struct{ sql, data, tag, code, message string }{
		{"COPY t FROM STDIN", "1\ta\\tb\\\\\t2020-05-01 10:00:00\tt\t\\\\xdeadBEEF\n2\t\\N\t\\N\tf\t\\N\n", "COPY 2", "", ""},
		{"COPY t (id, name) FROM STDIN (FORMAT csv, HEADER)", "id,name\r\n3,\"x, \"\"y\"\"\nz\"\r\n4,\n5,\"\"", "COPY 3", "", ""},
		{"COPY t (name, id) FROM STDIN CSV DELIMITER ';' NULL 'none'", "none;6\n\\.\nrubbish", "COPY 1", "", ""},
		{"COPY t (id, name) FROM STDIN", "", "COPY 0", "", ""},
		{"COPY t (id, name) FROM STDIN", "7\ta\nx\tb\n", "", "22P02", "row 2, column id"},
		{"COPY t (id, name) FROM STDIN", "7\n", "", "22P04", `missing data for column "name"`},
		{"COPY t (id, name) FROM STDIN", "7\ta\tb\n", "", "22P04", "extra data"},
		{"COPY t (id, name) FROM STDIN CSV", "7,\"a", "", "22P04", "unterminated"},
		{"COPY t (id, name) FROM STDIN", "7\t\xff\n", "", "22021", "UTF8"},
		{"COPY t (id, name) FROM STDIN", "8\ta\n1\tb\n", "", "23505", "t_pkey"},
		{"COPY nothing FROM STDIN", "1\n", "", "42P01", "nothing"},
		{"COPY t (id, nick) FROM STDIN", "1\n", "", "42703", "nick"},
		{"COPY t FROM '/etc/passwd' (FORMAT csv)", "", "", "42501", "is not allowed"},
	} {
		tag, err := c.conn.CopyFrom(ctx, strings.NewReader(step.data), step.sql)
		var e *pgconn.PgError
		switch {
		case step.code == "" && (err != nil || tag.String() != step.tag):
			t.Errorf("%s: %s, %v", step.sql, tag, err)
		case step.code != "" && (!errors.As(err, &e) || e.Code != step.code || !strings.Contains(e.Message+e.Hint, step.message)):
			t.Errorf("%s: %v", step.sql, err)
		}
	}
	got := join(must("SELECT id, name, since, ok, hex(raw) FROM t ORDER BY id"))
	want := []string{ // with tabs between columns, and escapes for those within values
		"1\ta\\tb\\\t2020-05-01 10:00:00\tt\tDEADBEEF", "2\tNULL\tNULL\tf\tNULL", "3\tx, \"y\"\\nz\t2024-01-01 00:00:00\tNULL\tNULL",
		"4\tNULL\t2024-01-01 00:00:00\tNULL\tNULL", "5\t(empty)\t2024-01-01 00:00:00\tNULL\tNULL", "6\tNULL\t2024-01-01 00:00:00\tNULL\tNULL",
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q\nwant %q", got, want)
	}
	// A client that gives up, and many rows in pieces that end anywhere.
	var lines bytes.Buffer
	for i := range 50_000 {
		lines.WriteString(strings.Repeat("1", 1+i%3) + "00000" + strings.Repeat("0", 6-len(itoa(i))) + itoa(i) + "\tname\n")
	}
	if tag, err := c.conn.CopyFrom(ctx, &lines, "COPY t (id, name) FROM STDIN"); err != nil || tag.String() != "COPY 50000" {
		t.Errorf("%s, %v", tag, err)
	}
	if _, err := c.conn.CopyFrom(ctx, brokenReader{}, "COPY t (id, name) FROM STDIN"); err == nil {
		t.Error("a broken input was copied")
	}
	if rows := must("SELECT count(*) FROM t"); rows[0][0] != "50006" {
		t.Errorf("%s rows", rows[0][0])
	}
}

func itoa(i int) string {
	if i < 10 {
		return string(rune('0' + i))
	}
	return itoa(i/10) + string(rune('0'+i%10))
}

// brokenReader gives a row and then fails.
type brokenReader struct{}

func (brokenReader) Read(p []byte) (int, error) { return copy(p, "9\tx\n"), context.DeadlineExceeded }
