package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// startServe runs the whole process on free ports until the test ends.
func startServe(t *testing.T) (pg, web string) {
	t.Helper()
	return startServeWith(t, func(*Config) {})
}

// startServeWith is startServe with other settings.
func startServeWith(t *testing.T, set func(*Config)) (pg, web string) {
	t.Helper()
	cfg := defaultConfig()
	set(cfg)
	cfg.Data, cfg.Pg, cfg.HTTP = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	log := slog.New(slog.DiscardHandler)
	p := newProcess(cfg, log)
	addrs := make(chan map[string]string, 1)
	p.ready = func(_ context.Context, a map[string]string) { addrs <- a }
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, cfg, log, p) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case a := <-addrs:
		return a["postgres"], a["http"]
	case err := <-done:
		t.Fatal(err)
	}
	return "", ""
}

func TestPgxTalksToTheDatabase(t *testing.T) {
	pg, web := startServe(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://me@%s/millstream?default_query_exec_mode=%s", pg, mode))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(ctx, "CREATE SOURCE IF NOT EXISTS s (id BIGINT, name TEXT, at TIMESTAMPTZ)"); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
		var (
			n  int64
			s  string
			at time.Time
		)
		want := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
		err = conn.QueryRow(ctx, "SELECT count(*) + $1::BIGINT, $2::VARCHAR, $3::TIMESTAMPTZ FROM s WHERE id > $1", int64(7), "x'y", want).Scan(&n, &s, &at)
		if err != nil || n != 7 || s != "x'y" || !at.Equal(want) {
			t.Errorf("%s: %d, %q, %s, %v", mode, n, s, at, err)
		}
		var bad *pgconn.PgError
		if err := conn.QueryRow(ctx, "SELECT nope FROM s").Scan(&n); !errors.As(err, &bad) || bad.Code != "42703" || bad.Position != 8 {
			t.Errorf("%s: %#v", mode, bad)
		}
		tx, err := conn.Begin(ctx)
		if err == nil {
			err = tx.QueryRow(ctx, "SELECT count(*) FROM s").Scan(&n)
		}
		if err != nil || tx.Rollback(ctx) != nil {
			t.Errorf("%s: transaction: %v", mode, err)
		}
		short, stop := context.WithTimeout(ctx, 200*time.Millisecond)
		_, err = conn.Exec(short, "SELECT sum(a.i * b.i) FROM range(9000000) a(i), range(9000000) b(i)")
		stop()
		if err == nil {
			t.Errorf("%s: a long query was not cancelled", mode)
		}
		_ = conn.Close(ctx)
	}
	resp, err := http.Post("http://"+web+"/v1/query", "application/json", strings.NewReader(`{"sql": "SELECT 40 + $1 AS n", "params": [2]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), "[42]") {
		t.Errorf("%s, %v", body, err)
	}
}

// TestSessionsHaveTheConfiguredTimes asks for them, and idles in a transaction.
func TestSessionsHaveTheConfiguredTimes(t *testing.T) {
	pg, _ := startServeWith(t, func(c *Config) { c.IdleInTransaction = time.Second })
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	connect := func(options string) *pgx.Conn {
		conn, err := pgx.Connect(ctx, "postgres://me@"+pg+"/millstream?"+options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(ctx) })
		return conn
	}
	configured, own := connect(""), connect("idle_in_transaction_session_timeout=0&statement_timeout=7000")
	for _, c := range []struct {
		conn          *pgx.Conn
		setting, want string
	}{
		{configured, "idle_in_transaction_session_timeout", "1s"}, {configured, "statement_timeout", "5min"},
		{own, "idle_in_transaction_session_timeout", "0"}, {own, "statement_timeout", "7s"},
	} {
		var got string
		if err := c.conn.QueryRow(ctx, "SHOW "+c.setting).Scan(&got); err != nil || got != c.want {
			t.Errorf("%s is %q (%v), want %q", c.setting, got, err, c.want)
		}
		if _, err := c.conn.Exec(ctx, "BEGIN"); err != nil {
			t.Error(err)
		}
	}
	_, err := configured.WaitForNotification(ctx)
	var ended *pgconn.PgError
	if !errors.As(err, &ended) || ended.Code != "25P03" {
		t.Errorf("a transaction that idles: %v", err)
	}
	if _, err := own.Exec(ctx, "COMMIT"); err != nil {
		t.Errorf("one that may: %v", err)
	}
}
