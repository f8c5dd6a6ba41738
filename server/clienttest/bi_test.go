package clienttest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestTools asks what Metabase, Grafana, DBeaver, Tableau, Power BI, Superset and
// Npgsql ask of the catalog, and compares the names of the columns and the number of
// the rows.
func TestTools(t *testing.T) {
	p := needServers(t)
	text, err := os.ReadFile("testdata/bi/queries")
	if err != nil {
		t.Fatal(err)
	}
	queries := parts(string(text))
	compare(t, "bi", answers(t, p.postgres, queries), answers(t, p.millstream, queries))
}

// answers runs each query on its own and says what came.
func answers(t *testing.T, s server, queries []part) []part {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.dsn())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var out []part
	for _, q := range queries {
		results, err := conn.PgConn().Exec(t.Context(), strings.Join(q.lines, "\n")).ReadAll()
		out = append(out, part{q.name, describeResults(results, err)})
	}
	return out
}

func describeResults(results []*pgconn.Result, err error) []string {
	var lines []string
	for _, r := range results {
		var names []string
		for _, f := range r.FieldDescriptions {
			names = append(names, f.Name)
		}
		lines = append(lines, strings.Join(names, ", "), fmt.Sprintf("%d rows", len(r.Rows)))
	}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		lines = append(lines, e.Code+" "+e.Message)
	} else if err != nil {
		lines = append(lines, err.Error())
	}
	return lines
}
