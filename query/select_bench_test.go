package query_test

import (
	"context"
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/millstream-db/millstream/query"
)

// BenchmarkSelect measures small queries: prepared each time, as by the simple
// protocol, and prepared once.
func BenchmarkSelect(b *testing.B) {
	ctx := b.Context()
	db, err := query.Open(ctx, "", query.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close(context.Background())
	for _, sql := range []string{
		"CREATE TABLE points (id BIGINT PRIMARY KEY, name VARCHAR)", "INSERT INTO points SELECT i, 'n' || i FROM range(100000) t(i)",
		"CREATE SOURCE s (id BIGINT, g VARCHAR)", "CREATE MATERIALIZED VIEW v AS SELECT g, count(*) AS n FROM s GROUP BY g",
		"INSERT INTO s SELECT i, 'g' || i % 1000 FROM range(10000) t(i)",
	} {
		if err := db.Exec(ctx, sql); err != nil {
			b.Fatal(err)
		}
	}
	for name, sql := range map[string]string{
		"one": "SELECT 1", "point": "SELECT name FROM points WHERE id = 4711", "view": "SELECT n FROM v WHERE g = 'g17'",
	} {
		s := db.NewSession(query.SessionOptions{PostgresNames: true})
		defer s.Close()
		prepare := func() *query.Statement {
			st, err := s.Prepare(ctx, sql, nil)
			if err != nil {
				b.Fatal(err)
			}
			return st
		}
		run := func(st *query.Statement) {
			r, err := s.Execute(ctx, st, nil)
			if err != nil {
				b.Fatal(err)
			}
			for err == nil {
				_, err = r.Next(ctx)
			}
			if !errors.Is(err, io.EOF) {
				b.Fatal(err)
			}
			r.Close()
		}
		b.Run(name+"/simple", func(b *testing.B) {
			for b.Loop() {
				run(prepare())
			}
		})
		b.Run(name+"/prepared", func(b *testing.B) {
			st := prepare()
			for b.Loop() {
				run(st)
			}
		})
	}
}

// BenchmarkLargeView measures what reads a view of many groups: a few of them, or
// all of them. cpu-µs is what the process used for one, by all its threads.
func BenchmarkLargeView(b *testing.B) {
	ctx := b.Context()
	db, err := query.Open(ctx, "", query.Options{NoCatalog: true})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close(context.Background())
	for _, sql := range []string{
		`CREATE SOURCE s ("user" VARCHAR, cents BIGINT)`,
		`CREATE MATERIALIZED VIEW users AS SELECT "user", count(*) AS n, sum(cents) AS total, min(cents) AS least FROM s GROUP BY "user"`,
		"INSERT INTO s SELECT 'user-' || i, (hash(i) & 1048575)::BIGINT FROM range(1000000) t(i)",
	} {
		if err := db.Exec(ctx, sql); err != nil {
			b.Fatal(err)
		}
	}
	for _, q := range []struct {
		name, sql string
		args      []any
	}{
		{"lookup", `SELECT n, total, least FROM users WHERE "user" = $1`, []any{"user-4711"}},
		{"list", `SELECT n, total, least FROM users WHERE "user" IN ($1, 'user-1', 'user-2')`, []any{"user-4711"}},
		{"top", `SELECT "user", total FROM users ORDER BY total DESC LIMIT 10`, nil},
		{"all", `SELECT max(n), max(total), max(least) FROM users WHERE total % 2 = 1`, nil},
	} {
		b.Run(q.name, func(b *testing.B) {
			s := db.NewSession(query.SessionOptions{PostgresNames: true})
			defer s.Close()
			st, err := s.Prepare(ctx, q.sql, nil)
			if err != nil {
				b.Fatal(err)
			}
			used := cpuTime(b)
			for b.Loop() {
				r, err := s.Execute(ctx, st, q.args)
				if err != nil {
					b.Fatal(err)
				}
				for err == nil {
					_, err = r.Next(ctx)
				}
				r.Close()
			}
			b.ReportMetric(float64((cpuTime(b)-used).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// cpuTime returns the time that the process has used.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
