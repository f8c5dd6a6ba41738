package query_test

import (
	"strings"
	"testing"

	"github.com/millstream-db/millstream/query"
)

// TestNoCatalog asks a database without pg_catalog what it has, and what it lacks.
func TestNoCatalog(t *testing.T) {
	t.Parallel()
	db, err := query.Open(t.Context(), "", query.Options{NoCatalog: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	for _, tt := range []struct{ sql, want string }{
		{"CREATE TABLE t (a INTEGER)", ""},
		{"INSERT INTO t VALUES (7)", ""},
		{"SELECT a / 2, to_char(now(), 'YYYY') FROM t", ""},
		{"SELECT * FROM pg_class", "without pg_catalog"},
		{"SELECT 't'::regclass", "without pg_catalog"},
		{"SELECT * FROM information_schema.tables", "without pg_catalog"},
		{"SELECT nothing FROM t", `column "nothing" does not exist`},
		{"SELECT count(*) FROM millstream.tables WHERE true", ""},
	} {
		err := db.Exec(t.Context(), tt.sql)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.sql, err, tt.want)
		}
	}
}
