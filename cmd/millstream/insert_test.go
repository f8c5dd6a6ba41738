package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestInsertByEveryProtocol(t *testing.T) {
	pg, web := startServe(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	at := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	for i, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://me@%s/millstream?default_query_exec_mode=%s", pg, mode))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			for _, sql := range []string{
				"CREATE SOURCE s (id BIGINT, name TEXT, price DECIMAL(10,2), ts TIMESTAMPTZ, ok BOOLEAN)",
				"CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n, sum(price) AS total FROM s",
			} {
				if _, err := conn.Exec(ctx, sql); err != nil {
					t.Fatal(err)
				}
			}
		}
		tag, err := conn.Exec(ctx, "INSERT INTO s (ts, id, name, price, ok) VALUES ($1, $2, $3, $4, $5), ($1, DEFAULT, 'b', 2, NULL)", at, int64(i), "it's", "1.25", true)
		if err != nil || tag.String() != "INSERT 0 2" {
			t.Errorf("%s: VALUES: %q, %v", mode, tag, err)
		}
		tag, err = conn.Exec(ctx, "INSERT INTO s (id, name) SELECT id, $1 FROM s WHERE id = $2", "copy", int64(i))
		if err != nil || tag.RowsAffected() != 1 {
			t.Errorf("%s: SELECT: %q, %v", mode, tag, err)
		}
		var (
			n     int64
			total string
			when  time.Time
		)
		err = conn.QueryRow(ctx, "SELECT n, total::TEXT, (SELECT max(ts) FROM s) FROM n").Scan(&n, &total, &when)
		if want := fmt.Sprintf("%.2f", 3.25*float64(i+1)); err != nil || n != int64(3*(i+1)) || total != want || !when.Equal(at) {
			t.Errorf("%s: %d rows, %s, want %s; %s, %v", mode, n, total, want, when, err)
		}
		_ = conn.Close(ctx)
	}
	post := func(body string) string {
		resp, err := http.Post("http://"+web+"/v1/query", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(resp.StatusCode, " ", string(text))
	}
	for _, c := range []struct{ body, want string }{
		{`{"sql": "INSERT INTO s (id, name, ts) VALUES ($1, $2, $3)", "params": [7, "web", "2024-03-01 00:00:00Z"]}`, "INSERT 0 1"},
		{`{"sql": "SELECT name, epoch(ts)::BIGINT AS e FROM s WHERE id = 7"}`, `["web",1709251200]`},
		{`{"sql": "INSERT INTO s (id) VALUES ('x')"}`, `"22P02"`},
		{`{"sql": "INSERT INTO n VALUES (1, 2)"}`, `"42809"`},
	} {
		if got := post(c.body); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", c.body, got, c.want)
		}
	}
}
