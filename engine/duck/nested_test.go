package duck

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
)

// nestedSQL makes rows with nested values of all kinds, NULL at every level.
const nestedSQL = `SELECT
  CASE WHEN i % 7 = 0 THEN NULL ELSE {'a': CASE WHEN i % 3 = 0 THEN NULL ELSE i END, 'b c"': 'text number ' || i} END AS s,
  CASE WHEN i % 5 = 0 THEN NULL ELSE list_transform(range(i % 4), lambda x: CASE WHEN x = 2 THEN NULL ELSE (x * i)::DECIMAL(4,0) END) END AS l,
  CASE WHEN i % 11 = 0 THEN NULL ELSE map_from_entries(list_transform(range(i % 3), lambda x: {'k': 'key ' || x, 'v': [x::DOUBLE, i]})) END AS m,
  list_transform(range(i % 50), lambda x: CASE WHEN x % 4 = 3 THEN NULL ELSE {'u': [{'n': x, 't': TIMESTAMPTZ '2026-01-01 00:00:00Z' + to_seconds(x::BIGINT), 'i': to_months(x::INT)}], 'j': '{"x": 1}'::JSON} END) AS deep,
  list_slice(list_reverse([i, i + 1, i + 2]), 1, 2) AS sliced,
  list_filter([i, NULL, i + 2], lambda x: x % 2 = 0 OR x IS NULL) AS filtered,
  list_sort([{'z': i % 10}, {'z': 5}, NULL]) AS sorted,
  {'inner': {'x': CASE WHEN i % 2 = 0 THEN NULL ELSE {'y': i % 2 = 1, 'id': uuid_nil} END}} AS nest,
  [1, i] AS constant, [[]::VARCHAR[], NULL, ['a longer string than twelve']] AS lists
  FROM (SELECT range AS i, UUID '00000000-0000-0000-0000-0000000000ff' AS uuid_nil FROM range(ROWS))`

// TestNestedValues reads nested results into batches, and has DuckDB read those in
// place again: whole, cut at an offset, and put together.
func TestNestedValues(t *testing.T) {
	for _, rows := range []int{0, 1, 100, 5000} {
		t.Run(fmt.Sprint(rows), func(t *testing.T) { testNestedValues(t, rows) })
	}
}

func testNestedValues(t *testing.T, rows int) {
	_, conn := open(t)
	ctx := context.Background()
	sql := strings.ReplaceAll(nestedSQL, "ROWS", fmt.Sprint(rows))
	if err := conn.Exec(ctx, "CREATE TABLE plain AS "+sql); err != nil {
		t.Fatal(err)
	}
	result, err := conn.Query(ctx, sql)
	if err != nil {
		t.Fatal(err)
	}
	var columns []batch.Column
	for _, c := range result.Columns() {
		typ, err := batch.ParseType(c.Type)
		if err != nil || typ.String() != c.Type {
			t.Fatalf("%s: %s became %s, %v", c.Name, c.Type, typ, err)
		}
		columns = append(columns, batch.Column{Name: c.Name, Type: typ})
	}
	schema := batch.NewSchema(columns)
	mem := batch.NewAllocator()
	var records []arrow.RecordBatch
	err = result.Records(schema, mem, 1000, func(rec arrow.RecordBatch) error {
		half := rec.NumRows() / 3
		records = append(records, rec.NewSlice(0, half), rec.NewSlice(half, rec.NumRows()))
		return nil
	})
	result.Close()
	if err != nil {
		t.Fatal(err)
	}
	conn.SetRelations(Named{"hot": &RecordRelation{Schema: schema, Records: records, InOrder: true}})
	var differs int64
	for _, c := range columns {
		q := fmt.Sprintf(`SELECT count(*) FROM (SELECT %[1]s, row_number() OVER () AS n FROM ms_scan('hot')) a FULL JOIN
			(SELECT %[1]s, row_number() OVER () AS n FROM plain) b USING (n) WHERE a.%[1]s IS DISTINCT FROM b.%[1]s OR a.%[1]s::VARCHAR IS DISTINCT FROM b.%[1]s::VARCHAR`, c.Name)
		scanOne(t, conn, q, &differs)
		if differs != 0 {
			t.Errorf("%d values of %s differ", differs, c.Name)
		}
	}
	// Fields are taken without asking whether their struct is NULL.
	for _, q := range []string{"SELECT count(s.a) FROM %s", "SELECT count(nest.inner.x.y) FROM %s", "SELECT coalesce(sum(len(deep)), 0)::BIGINT FROM %s WHERE s.a % 2 = 0"} {
		var hot, plain int64
		scanOne(t, conn, strings.ReplaceAll(q, "%s", "ms_scan('hot')"), &hot)
		scanOne(t, conn, strings.ReplaceAll(q, "%s", "plain"), &plain)
		if hot != plain {
			t.Errorf("%s: %d, want %d", q, hot, plain)
		}
	}
	for _, rec := range records {
		rec.Release()
	}
	if n := mem.Bytes(); n != 0 {
		t.Errorf("%d bytes leaked", n)
	}
}

func scanOne(t *testing.T, conn *Conn, sql string, to *int64) {
	t.Helper()
	rows, err := conn.Query(context.Background(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	if _, err := rows.Next(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if err := rows.Scan(to); err != nil {
		t.Fatal(err)
	}
}
