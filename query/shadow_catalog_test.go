package query_test

import (
	"errors"
	"testing"

	"github.com/millstream-db/millstream/query"
)

// TestCatalogWhileItIsMade asks for Postgres's catalog as soon as the database is open,
// when it has yet to be made, also behind the first statement of a transaction.
func TestCatalogWhileItIsMade(t *testing.T) {
	t.Parallel()
	for _, statements := range [][]string{
		{"SELECT count(*) FROM pg_class WHERE relname = 't'"},
		{"BEGIN", "SELECT count(*) FROM t", "SELECT relname, relkind FROM pg_catalog.pg_class WHERE oid = 't'::regclass", "COMMIT"},
		{"BEGIN", "SELECT count(*) FROM t", "SELECT has_table_privilege('t', 'SELECT')", "COMMIT"},
		{"SELECT table_name FROM information_schema.tables", "CREATE SOURCE s (a BIGINT)", "SELECT 's'::regclass"},
		{"CREATE SOURCE s (a BIGINT)", "SELECT 's'::regclass"},
		{}, // it is closed at once
	} {
		dir := t.TempDir()
		made, err := query.Open(t.Context(), dir, query.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(made.Exec(t.Context(), "CREATE TABLE t (a BIGINT)"), made.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		db, err := query.Open(t.Context(), dir, query.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := db.NewSession(query.SessionOptions{})
		for _, sql := range statements {
			st, err := s.Prepare(t.Context(), sql, nil)
			if err != nil {
				t.Errorf("%q: %s: %v", statements, sql, err)
				break
			}
			r, err := s.Execute(t.Context(), st, nil)
			if err != nil {
				t.Errorf("%q: %s: %v", statements, sql, err)
				break
			}
			r.Close()
		}
		s.Close()
		if err := db.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
