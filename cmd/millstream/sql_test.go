package main

import (
	"bytes"
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// fakePostgres answers the simple query protocol by a script.
type fakePostgres struct {
	ln      net.Listener
	ready   chan struct{}
	clients sync.WaitGroup

	mu  sync.Mutex
	sql []string
}

func newFakePostgres() *fakePostgres { return &fakePostgres{ready: make(chan struct{})} }

func (f *fakePostgres) Serve(_ context.Context, ln net.Listener) error {
	f.ln = ln
	close(f.ready)
	for {
		conn, err := ln.Accept()
		if err != nil {
			return nil // closed by Shutdown
		}
		f.clients.Go(func() { f.serve(conn) })
	}
}

func (f *fakePostgres) Shutdown(context.Context) error {
	<-f.ready
	err := f.ln.Close()
	f.clients.Wait()
	return err
}

func (f *fakePostgres) serve(conn net.Conn) {
	defer conn.Close()
	b := pgproto3.NewBackend(conn, conn)
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return
	}
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	for b.Flush() == nil {
		m, err := b.Receive()
		if err != nil {
			return
		}
		q, ok := m.(*pgproto3.Query)
		if !ok {
			return
		}
		f.mu.Lock()
		f.sql = append(f.sql, q.String)
		f.mu.Unlock()
		answer(b, q.String)
		b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	}
}

func answer(b *pgproto3.Backend, sql string) {
	switch {
	case strings.Contains(sql, "missing"):
		b.Send(&pgproto3.ErrorResponse{Severity: "ERROR", Code: "42P01", Message: "there is no table missing",
			Position: int32(len([]rune(sql[:strings.Index(sql, "missing")])) + 1), Hint: "SHOW TABLES lists them"})
	case strings.HasPrefix(sql, "CREATE"):
		b.Send(&pgproto3.NoticeResponse{Severity: "NOTICE", Message: "made"})
		b.Send(&pgproto3.CommandComplete{CommandTag: []byte("CREATE SOURCE")})
	default:
		b.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{
			{Name: []byte("country"), DataTypeOID: 1043}, {Name: []byte("n"), DataTypeOID: 20},
		}})
		b.Send(&pgproto3.DataRow{Values: [][]byte{[]byte("日本"), []byte("1234")}})
		b.Send(&pgproto3.DataRow{Values: [][]byte{nil, []byte("5")}})
		b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 2")})
	}
}

// startPostgres returns a running fakePostgres and its address.
func startPostgres(t *testing.T) (*fakePostgres, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := newFakePostgres()
	var serving sync.WaitGroup
	serving.Go(func() { _ = f.Serve(context.Background(), ln) })
	t.Cleanup(func() {
		_ = f.Shutdown(context.Background())
		serving.Wait()
	})
	return f, ln.Addr().String()
}

const twoRows = ` country |  n   
---------+------
 日本    | 1234
         |    5
(2 rows)

`

func runSQLCommand(t *testing.T, addr, input string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	args = append([]string{"sql", "--addr", addr}, args...)
	code = run(context.Background(), invocation{args, nil, strings.NewReader(input), &out, &errs})
	return code, out.String(), errs.String()
}

func TestSQLPrintsTables(t *testing.T) {
	t.Parallel()
	f, addr := startPostgres(t)
	if code, out, errs := runSQLCommand(t, addr, "", "-c", "SELECT 1; CREATE x"); code != exitOK || out != twoRows+"CREATE SOURCE\n" || errs != "NOTICE:  made\n" {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	want := "-[ RECORD 1 ]-\ncountry | 日本\nn       | 1234\n-[ RECORD 2 ]-\ncountry | \nn       | 5\n(2 rows)\n\n"
	if code, out, _ := runSQLCommand(t, addr, "", "-x", "-c", `\d orders`); code != exitOK || out != want {
		t.Errorf("%d\n%s", code, out)
	}
	if want := []string{"SELECT 1", "CREATE x", "DESCRIBE orders"}; !slices.Equal(f.sql, want) {
		t.Errorf("ran %q, want %q", f.sql, want)
	}
}

func TestSQLErrorShowsThePlace(t *testing.T) {
	t.Parallel()
	_, addr := startPostgres(t)
	code, out, errs := runSQLCommand(t, addr, "", "-c", "SELECT 'é',\n  * FROM missing WHERE x; SELECT 2")
	want := "ERROR:  42P01: there is no table missing\nLINE 2:   * FROM missing WHERE x\n                 ^\nHINT:  SHOW TABLES lists them\n"
	if code != exitFailed || out != "" || errs != want {
		t.Errorf("%d\n%s%s\nwant\n%s", code, out, errs, want)
	}
}

func TestSQLReadsStatementsFromInput(t *testing.T) {
	t.Parallel()
	f, addr := startPostgres(t)
	code, _, errs := runSQLCommand(t, addr, "SELECT ';',\n 1 -- not yet;\n; SELECT\n2;\n\\d\nSELECT 3\n")
	if code != exitOK {
		t.Errorf("%d %s", code, errs)
	}
	if want := []string{"SELECT ';',\n 1", "SELECT\n2", "SHOW TABLES", "SELECT 3"}; !slices.Equal(f.sql, want) {
		t.Errorf("ran %q, want %q", f.sql, want)
	}
	f.sql = nil
	if code, _, _ := runSQLCommand(t, addr, "SELECT missing;\nSELECT 2;\n"); code != exitFailed || len(f.sql) != 1 {
		t.Errorf("%d, ran %q", code, f.sql)
	}
	f.sql = nil
	if code, _, _ := runSQLCommand(t, addr, "\\q\nSELECT 2;\n"); code != exitOK || len(f.sql) != 0 {
		t.Errorf("%d, ran %q", code, f.sql)
	}
}

func TestTableWidthsAreFixedAfterTheFirstRows(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	table := newTable(&out, []tableColumn{{name: "a"}, {name: "b"}}, false)
	for range widthRows {
		if err := table.row([]string{"x", "y"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.row([]string{"wider", "z"}); err != nil {
		t.Fatal(err)
	}
	if err := table.end(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasSuffix(got, " x | y\n wider | z\n(1001 rows)\n\n") {
		t.Errorf("ends with %q", got[max(0, len(got)-60):])
	}
}

func TestControlCharactersStayAwayFromTheTerminal(t *testing.T) {
	t.Parallel()
	if got := printable("a\x1b[2J\n\u009bé"); got != `a\x1b[2J\n\x9bé` {
		t.Error(got)
	}
}
