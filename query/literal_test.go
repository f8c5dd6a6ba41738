package query_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/millstream-db/millstream/query"
)

// TestRememberedAnswers asks queries of literals, whose answers are remembered, and
// those that look like them again and again, while what others depend on changes.
func TestRememberedAnswers(t *testing.T) {
	ctx := t.Context()
	db, err := query.Open(ctx, "", query.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	plain, named := db.NewSession(query.SessionOptions{}), db.NewSession(query.SessionOptions{PostgresNames: true})
	defer plain.Close()
	defer named.Close()
	ask := func(s *query.Session, sql string) string {
		t.Helper()
		_, r := execute(t, s, sql)
		text := ""
		for _, c := range r.Columns {
			text += c.Name + " " + c.Type + "; "
		}
		for row, err := range r.Rows(ctx) {
			if err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			text += fmt.Sprint(row)
		}
		if r.Tag == "SELECT" && r.Epoch != db.Engine().Epoch() {
			t.Errorf("%s: epoch %d, want %d", sql, r.Epoch, db.Engine().Epoch())
		}
		return text
	}
	exec := func(sql string) {
		t.Helper()
		if err := db.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	const literals = "SELECT 1, 'it''s a longer text', 2.50, NULL, TRUE AS ok"
	for i := range 3 {
		if got, want := ask(named, literals), `?column? INTEGER; ?column? VARCHAR; ?column? DECIMAL(3,2); ?column? INTEGER; ok BOOLEAN; `+
			`[1 it's a longer text 2.50 <nil> true]`; got != want {
			t.Errorf("%d: %s\nwant %s", i, got, want)
		}
		if got, want := ask(plain, "SELECT 1"), "1 INTEGER; [1]"; got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
		ask(plain, "BEGIN")
		if got, want := ask(plain, "SELECT 1"), "1 INTEGER; [1]"; got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
		ask(plain, "ROLLBACK")
		exec(fmt.Sprintf("CREATE TABLE t%d (id BIGINT)", i)) // another epoch
	}
	const zoned = "SELECT CAST(TIMESTAMPTZ '2026-07-01 00:00:00+00' AS VARCHAR) AS t"
	ask(plain, "SET TimeZone = 'UTC'")
	before := ask(plain, zoned)
	ask(plain, "SET TimeZone = 'Asia/Tokyo'")
	if after := ask(plain, zoned); after == before {
		t.Errorf("%s, in another time zone %s", before, after)
	}
	const random = "SELECT random() AS r"
	if first := ask(plain, random); first == ask(plain, random) {
		t.Error("random() is remembered")
	}
}
