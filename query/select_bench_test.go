package query_test

import (
	"context"
	"errors"
	"io"
	"testing"

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
