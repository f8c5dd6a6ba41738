// Package parquettest makes Parquet files for tests.
package parquettest

import (
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/duck"
)

// Write writes the rows of a query of DuckDB's into a file.
func Write(tb testing.TB, path, query string) {
	tb.Helper()
	db, err := duck.Open("", duck.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn()
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Exec(tb.Context(), "COPY ("+query+") TO '"+strings.ReplaceAll(path, "'", "''")+"' (FORMAT parquet)"); err != nil {
		tb.Fatal(err)
	}
}
