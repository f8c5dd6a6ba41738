package pgwire

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/query/parser"
)

// copyOf returns the format that a COPY statement asks for.
func copyOf(t *testing.T, options string) *parser.CopyFormat {
	t.Helper()
	st, err := parser.Parse("COPY t TO STDOUT " + options)
	if err != nil {
		t.Fatal(err)
	}
	return &st.(*parser.CopyTo).Format
}

func textCopy(t *testing.T, options string, values ...string) canned {
	return canned{
		tag: "COPY", copy: copyOf(t, options), columns: []query.Column{{Name: "a b", Type: "VARCHAR"}, {Name: "c", Type: "BIGINT"}},
		batches: func(context.Context, []any) ([]arrow.RecordBatch, error) {
			var out []arrow.RecordBatch
			for _, v := range values {
				out = append(out, record(texts(v).Column(0), numbers(1)[0].Column(0)))
			}
			return out, nil
		},
	}
}

func TestCopyOut(t *testing.T) {
	nasty := []string{"plain", "tab\there", "new\nline", `back\slash`, "", `\N`, `q"uote`, "semi;colon", `\.`}
	db := &fakeDatabase{statements: map[string]canned{
		"text":   textCopy(t, "", nasty...),
		"csv":    textCopy(t, "(FORMAT csv, HEADER, DELIMITER ';')", nasty...),
		"forced": textCopy(t, "CSV QUOTE '''' ESCAPE '\\' FORCE QUOTE c", "it's", `b\s`),
		"empty":  textCopy(t, "(HEADER)"),
		"binary": {tag: "COPY", copy: copyOf(t, "BINARY"), columns: []query.Column{{Name: "i", Type: "BIGINT"}}, batches: func(context.Context, []any) ([]arrow.RecordBatch, error) { return numbers(1), nil }},
		"failing": {tag: "COPY", copy: copyOf(t, ""), columns: []query.Column{{Name: "i", Type: "BIGINT"}}, batches: func(context.Context, []any) ([]arrow.RecordBatch, error) {
			return numbers(2), query.Errorf("22012", "division by zero")
		}},
	}}
	_, addr := startServer(t, db, Options{})
	conn := connectPgx(t, addr).PgConn()
	for _, c := range []struct{ sql, want, tag string }{
		{"text", "plain\t1\ntab\\there\t1\nnew\\nline\t1\nback\\\\slash\t1\n\t1\n\\\\N\t1\nq\"uote\t1\nsemi;colon\t1\n\\\\.\t1\n", "COPY 9"},
		{"csv", "a b;c\nplain;1\ntab\there;1\n\"new\nline\";1\nback\\slash;1\n\"\";1\n\\N;1\n\"q\"\"uote\";1\n\"semi;colon\";1\n\\.;1\n", "COPY 9"},
		{"forced", "'it\\'s','1'\nb\\s,'1'\n", "COPY 2"},
		{"empty", "a b\tc\n", "COPY 0"},
		{"binary", "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01\xff\xff", "COPY 1"},
	} {
		var out bytes.Buffer
		tag, err := conn.CopyTo(context.Background(), &out, c.sql)
		if err != nil || tag.String() != c.tag {
			t.Errorf("%s: %s %v", c.sql, tag, err)
		}
		if diff := cmp.Diff(c.want, out.String()); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.sql, diff)
		}
	}
	var out bytes.Buffer
	var failed *pgconn.PgError
	if _, err := conn.CopyTo(context.Background(), &out, "failing"); !errors.As(err, &failed) || failed.Code != "22012" || out.String() != "1\n2\n" {
		t.Errorf("failing: %q %v", out.String(), err)
	}
	// And in the extended protocol, where it has no columns to describe.
	statement, err := conn.Prepare(context.Background(), "", "text", nil)
	if err != nil || len(statement.Fields) != 0 {
		t.Errorf("prepared: %v %v", statement, err)
	}
}

// TestEndlessStatements checks what ends a statement that has no end: a cancel
// request and the server's end, but not statement_timeout.
func TestEndlessStatements(t *testing.T) {
	db := &fakeDatabase{statements: map[string]canned{"copy stream": {
		tag: "COPY", live: true, copy: copyOf(t, ""), columns: []query.Column{{Name: "i", Type: "BIGINT"}},
		batches: func(context.Context, []any) ([]arrow.RecordBatch, error) { return append(numbers(2), nil), nil },
	}}}
	server, addr := startServer(t, db, Options{})
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		conn := connectPgx(t, addr)
		if _, err := conn.Exec(context.Background(), "set statement_timeout 20"); err != nil {
			t.Fatal(err)
		}
		rows, err := conn.Query(context.Background(), "stream 2", mode)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if !rows.Next() {
				t.Fatalf("%s: %v", mode, rows.Err())
			}
		}
		time.Sleep(60 * time.Millisecond)
		if err := conn.PgConn().CancelRequest(context.Background()); err != nil {
			t.Fatal(err)
		}
		rows.Close()
		if err := rows.Err(); err == nil || !strings.Contains(err.Error(), "57014") || !strings.Contains(err.Error(), "user request") {
			t.Errorf("%s: %v", mode, err)
		}
	}
	conn := connectPgx(t, addr)
	done := make(chan error, 1)
	got := make(chan struct{})
	go func() {
		_, err := conn.PgConn().CopyTo(context.Background(), notifying{got}, "copy stream")
		done <- err
	}()
	<-got
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("shutdown after %s: %v", time.Since(began), err)
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "57P01") {
		t.Errorf("the client was told %v", err)
	}
}

// notifying is a writer that tells of the first write.
type notifying struct{ got chan struct{} }

func (n notifying) Write(p []byte) (int, error) {
	select {
	case <-n.got:
	default:
		close(n.got)
	}
	return len(p), nil
}

// TestBinaryCopyHeader checks that the header of the binary format comes in one
// message with the first row, or with the trailer when there are no rows.
func TestBinaryCopyHeader(t *testing.T) {
	rows := func(n int) canned {
		return canned{
			tag: "COPY", copy: copyOf(t, "BINARY"), columns: []query.Column{{Name: "i", Type: "BIGINT"}},
			batches: func(context.Context, []any) ([]arrow.RecordBatch, error) { return numbers(n), nil },
		}
	}
	db := &fakeDatabase{statements: map[string]canned{"none": rows(0), "two": rows(2)}}
	_, addr := startServer(t, db, Options{})
	client := dialTranscript(t, addr)
	defer client.conn.Close()
	client.write(t, startupBytes(0, "user", "ann"))
	client.readUntil(t, "ReadyForQuery", 1)
	row := func(i int) string { return "\x00\x01\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00" + string(rune(i)) }
	for sql, want := range map[string][]string{
		"none": {binaryCopyHeader + binaryCopyTrailer},
		"two":  {binaryCopyHeader + row(1), row(2), binaryCopyTrailer},
	} {
		client.write(t, encodeMessages(t, `Query {"String":"`+sql+`"}`))
		var got []string
		for done := false; !done; {
			m, err := client.frontend.Receive()
			if err != nil {
				t.Fatal(err)
			}
			switch m := m.(type) {
			case *pgproto3.CopyData:
				got = append(got, string(m.Data))
			case *pgproto3.ReadyForQuery:
				done = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", sql, diff)
		}
	}
}
