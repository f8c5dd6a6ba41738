package sqltest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func connect(t *testing.T, d *database, name string) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), "postgres://"+name+"@"+d.addr+"/db?sslmode=disable&application_name="+name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// ask returns the rows of a query with bars between columns and a line each.
func ask(t *testing.T, c *pgconn.PgConn, sql string) string {
	t.Helper()
	results, err := c.Exec(t.Context(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var lines []string
	for _, row := range results[len(results)-1].Rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = string(v)
		}
		lines = append(lines, strings.Join(cells, "|"))
	}
	return strings.Join(lines, "\n")
}

// TestActivity looks at sessions from another one, cancels what one of them runs,
// and ends it.
func TestActivity(t *testing.T) {
	d := newDatabase(t, "batch1")
	watcher, worker := connect(t, d, "watcher"), connect(t, d, "worker")
	if got := ask(t, watcher, "SELECT usename, application_name, client_addr, state, query FROM pg_stat_activity WHERE pid <> pg_backend_pid()"); got != "worker|worker|127.0.0.1|idle|" {
		t.Errorf("a new session: %s", got)
	}
	ask(t, worker, "BEGIN; SELECT 1")
	if got := ask(t, watcher, "SELECT state, query, xact_start <= now() FROM pg_stat_activity WHERE usename = 'worker'"); got != "idle in transaction|SELECT 1|t" {
		t.Errorf("in a transaction: %s", got)
	}
	ask(t, worker, "ROLLBACK")

	run := func() <-chan error {
		failed := make(chan error, 1)
		go func() {
			_, err := worker.Exec(context.Background(), "SELECT pg_sleep(60)").ReadAll()
			failed <- err
		}()
		for ask(t, watcher, "SELECT state FROM millstream.sessions WHERE role = 'worker'") != "active" {
			time.Sleep(5 * time.Millisecond)
		}
		return failed
	}
	code := func(err error) string {
		var e *pgconn.PgError
		if errors.As(err, &e) {
			return e.Code
		}
		return ""
	}
	failed := run()
	if got := ask(t, watcher, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'worker'"); got != "t" {
		t.Errorf("pg_cancel_backend: %s", got)
	}
	if err := <-failed; code(err) != "57014" {
		t.Errorf("a canceled statement: %v", err)
	}
	if got := ask(t, worker, "SELECT 1"); got != "1" {
		t.Errorf("after a canceled statement: %s", got)
	}
	failed = run()
	ask(t, watcher, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'worker'")
	if err := <-failed; code(err) != "57P01" {
		t.Errorf("a terminated session: %v", err)
	}
	for ask(t, watcher, "SELECT count(*) FROM pg_stat_activity") != "1" {
		time.Sleep(5 * time.Millisecond)
	}
	if got := ask(t, watcher, "SELECT pg_terminate_backend(12345), pg_cancel_backend(NULL) IS NULL"); got != "f|t" {
		t.Errorf("no such process: %s", got)
	}
}

// TestSessionSettings reads what a session has set by SQL.
func TestSessionSettings(t *testing.T) {
	d := newDatabase(t, "batch1")
	a, b := connect(t, d, "ann"), connect(t, d, "ben")
	ask(t, a, "SET TimeZone = 'Europe/Berlin'; SET my.thing = 'x''y'")
	for c, want := range map[*pgconn.PgConn]string{a: "ann|ann|Europe/Berlin|x'y|Europe/Berlin|t", b: "ben|ben|UTC||UTC|t"} {
		for range 3 { // the sessions share connections to DuckDB
			if got := ask(t, c, "SELECT current_user, current_setting('application_name'), current_setting('timezone'), current_setting('my.thing', true), "+
				"(SELECT setting FROM pg_settings WHERE name = 'TimeZone'), pg_backend_pid() = (SELECT pid FROM pg_stat_activity WHERE usename = current_user)"); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	}
}
