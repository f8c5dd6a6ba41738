package duck

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
)

// TestPatternsMatchAsDuckDBs compares random texts and patterns with DuckDB's own
// functions.
func TestPatternsMatchAsDuckDBs(t *testing.T) {
	_, ours := open(t)
	own, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(letters []string, most int) string {
		var b strings.Builder
		for range random.IntN(most + 1) {
			b.WriteString(letters[random.IntN(len(letters))])
		}
		return strings.ReplaceAll(b.String(), "'", "''")
	}
	for _, f := range []struct {
		call    string
		letters []string
	}{
		{"s LIKE p", []string{"a", "b", "é", "%", "%", "_", `\`}},
		{"s NOT LIKE p", []string{"a", "b", "日", "%", "_"}},
		{`like_escape(s, p, '\')`, []string{"a", "b", "%", "%", "_", `\\`, `\%`, `\_`, `\a`}},
		{"not_like_escape(s, p, '')", []string{"a", "b", "%", "_", `\`}},
		{`like_escape(s, p, 'x')`, []string{"a", "b", "%", "_", "xx", "x%"}},
		{"s GLOB p", []string{"a", "b", "é", "*", "*", "?", "[ab]", "[!a]", "[a-c]", "[]", "[", "-", "]", "!", `\`, `\*`}},
	} {
		var values []string
		for range 1000 {
			values = append(values, fmt.Sprintf("('%s', '%s')", pick([]string{"a", "b", "c", "é", "日", "%", "_", `\`, "-", "[", "]"}, 12), pick(f.letters, 7)))
		}
		// Each by a row of a column, and by a constant pattern, which is planned otherwise.
		query := "SELECT string_agg(CASE WHEN " + f.call + " THEN 1 WHEN NOT (" + f.call + ") THEN 0 ELSE 2 END::VARCHAR, '' ORDER BY n) FROM (SELECT *, row_number() OVER () AS n FROM (VALUES " + strings.Join(values, ", ") + ", (NULL, 'a'), ('a', NULL)) t(s, p))"
		var want string
		if err := own.QueryRowContext(context.Background(), query).Scan(&want); err != nil {
			t.Fatalf("%s: DuckDB: %v", f.call, err)
		}
		got := one(t, ours, query)
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Errorf("%s of %s: differs from %c", f.call, values[min(i, len(values)-1)], want[i])
			}
		}
		for _, pair := range values[:100] {
			query := "SELECT string_agg(coalesce(" + strings.ReplaceAll(f.call, "p", strings.TrimSuffix(strings.SplitN(pair, ", ", 2)[1], ")")) + ", false)::VARCHAR, '' ORDER BY s) FROM (VALUES ('abc'), ('a'), (''), ('aéb'), ('日本')) t(s)"
			if strings.Contains(f.call, "escape") {
				continue // the name has the letter too
			}
			if err := own.QueryRowContext(context.Background(), query).Scan(&want); err != nil {
				t.Fatalf("%s: DuckDB: %v", query, err)
			}
			if got := one(t, ours, query); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
	}
}

// one runs a query that gives one text.
func one(t *testing.T, c *Conn, sql string) (s string) {
	t.Helper()
	rows, err := c.Query(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	if _, err := rows.Next(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if err := rows.Scan(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPatternsAreQuick has patterns that DuckDB's own functions do not come to an end
// with.
func TestPatternsAreQuick(t *testing.T) {
	_, c := open(t)
	for _, sql := range []string{
		"SELECT s LIKE '%a_%a_%a_%a_%a_%b' FROM (SELECT repeat('a', 99999 + i::INT) AS s FROM range(1, 10) t(i))",
		`SELECT like_escape(s, '%a%a%a%a%a%a%b', '\') FROM (SELECT repeat('a', 99999 + i::INT) AS s FROM range(1, 10) t(i))`,
		"SELECT s GLOB '*a*a*a*a*a*a*b' FROM (SELECT repeat('a', 99999 + i::INT) AS s FROM range(1, 10) t(i))",
		"SELECT s GLOB '*[a]*a*[!b]*a*a*a*b' FROM (SELECT repeat('a', 99999 + i::INT) AS s FROM range(1, 10) t(i))",
	} {
		began := time.Now()
		if err := c.QueryToEnd(t.Context(), sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %s", sql, took)
		}
	}
	for sql, want := range map[string]string{
		`SELECT like_escape('a', 'a\', '\')`: "must not end with escape character", `SELECT like_escape('a', 'a', 'xy')`: "Escape string must be empty or one character",
	} {
		if err := c.QueryToEnd(t.Context(), sql); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
