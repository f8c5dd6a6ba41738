package sqltest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// listener is a connection that keeps what it is told.
func listener(t *testing.T, d *database) (*pgconn.PgConn, func() string) {
	t.Helper()
	config, err := pgconn.ParseConfig("postgres://ear@" + d.addr + "/db?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	var heard []string
	config.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) { heard = append(heard, n.Channel+"|"+n.Payload) }
	c, err := pgconn.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c, func() string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for len(heard) == 0 {
			if err := c.WaitForNotification(ctx); err != nil {
				t.Fatal(err)
			}
		}
		first := heard[0]
		heard = heard[1:]
		return first
	}
}

// TestListen sends notifications to a client that waits, to one in a transaction,
// and to one that listens no more.
func TestListen(t *testing.T) {
	d := newDatabase(t, "batch1")
	ear, heard := listener(t, d)
	mouth := connect(t, d, "mouth")
	ask(t, ear, "LISTEN news")
	ask(t, mouth, "NOTIFY news, 'one'")
	if got := heard(); got != "news|one" {
		t.Errorf("%s", got)
	}
	// What a transaction tells is told when it ends, and the same thing once.
	ask(t, mouth, "BEGIN; NOTIFY news, 'two'; NOTIFY news, 'two'; ROLLBACK")
	ask(t, mouth, "BEGIN; NOTIFY news, 'three'; NOTIFY news, 'three'; NOTIFY other; COMMIT; NOTIFY news, 'four'")
	for _, want := range []string{"news|three", "news|four"} {
		if got := heard(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	// A client in a transaction is told at its end.
	ask(t, ear, "BEGIN")
	ask(t, mouth, "NOTIFY news, 'five'")
	ask(t, ear, "SELECT 1; COMMIT")
	if got := heard(); got != "news|five" {
		t.Errorf("%s", got)
	}
	ask(t, ear, "UNLISTEN news; LISTEN other")
	ask(t, mouth, "NOTIFY news, 'six'; NOTIFY other, 'seven'")
	if got := heard(); got != "other|seven" {
		t.Errorf("%s", got)
	}
}

// TestListenToRelations is told of changes of a source, a table and a view.
func TestListenToRelations(t *testing.T) {
	d := newDatabase(t, "batch1")
	ear, heard := listener(t, d)
	mouth := connect(t, d, "mouth")
	ask(t, mouth, `CREATE SOURCE s (id BIGINT, ts TIMESTAMPTZ, WATERMARK FOR ts AS ts - INTERVAL '1 second')`)
	ask(t, mouth, "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s")
	ask(t, mouth, "CREATE TABLE t (id BIGINT)")
	for channel, change := range map[string]string{
		"s": "INSERT INTO s VALUES (1, '2030-01-01')", "v": "INSERT INTO s VALUES (2, '2030-01-01')", "t": "INSERT INTO t VALUES (1)",
	} {
		ask(t, ear, "UNLISTEN *; LISTEN "+channel)
		ask(t, mouth, change)
		if got := heard(); got != channel+"|" {
			t.Errorf("%s: %s", channel, got)
		}
	}
}

// TestIdleTimeouts lets a session and a transaction idle for too long.
func TestIdleTimeouts(t *testing.T) {
	d := newDatabase(t, "batch1")
	for setting, test := range map[string]struct{ begin, code string }{
		"idle_session_timeout":                {"SELECT 1", "57P05"},
		"idle_in_transaction_session_timeout": {"BEGIN", "25P03"},
	} {
		c := connect(t, d, "sleeper")
		ask(t, c, "SET "+setting+" = '2s'")
		for range 3 { // what is sent in time is answered
			time.Sleep(300 * time.Millisecond)
			ask(t, c, "SELECT 1")
		}
		ask(t, c, test.begin)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err := c.WaitForNotification(ctx)
		cancel()
		var e *pgconn.PgError
		if !errors.As(err, &e) || e.Code != test.code {
			t.Errorf("%s: %v, want code %s", setting, err, test.code)
		}
	}
}
