package subscription

import (
	"context"
	"fmt"

	"github.com/millstream-db/millstream/engine/duck"
)

// Results is what a query has given that is run again and again: what it gave the last time, and
// what it gives now, in two temporary tables of one connection. The zero value has none.
type Results struct{ told int }

func resultTable(n int) string { return fmt.Sprintf("temp.main.told%d", n&1) }

// Told is the table of what the query gave the last time that it was kept.
func (r *Results) Told() string { return resultTable(r.told) }

// New is the table that Evaluate fills.
func (r *Results) New() string { return resultTable(r.told + 1) }

// Keep makes what is new what was told.
func (r *Results) Keep() { r.told++ }

// Evaluate runs the query. More rows than the limit are a TooManyRowsError.
func (r *Results) Evaluate(ctx context.Context, conn *duck.Conn, sql string, args []any, limit int64) error {
	create := fmt.Sprintf("CREATE OR REPLACE TEMP TABLE told%d AS SELECT * FROM (%s\n) AS q LIMIT %d", (r.told+1)&1, sql, limit+1)
	if err := conn.QueryToEnd(ctx, create, args...); err != nil {
		return err
	}
	var n int64
	err := conn.Each(ctx, "SELECT count(*) FROM "+r.New(), func(scan func(...any) error) error { return scan(&n) })
	if err == nil && n > limit {
		err = &TooManyRowsError{Max: limit}
	}
	return err
}
