package literal

import (
	"errors"
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func TestWhatIsLiteral(t *testing.T) {
	for sql, want := range map[string]bool{
		"SELECT 1": true, "select 1, 'two', 3.5, NULL, true AS ok": true, `SELECT 1 AS "One"`: true, "SELECT $$x$$": true,
		"/* ping */ SELECT 1": true, "SELECT 1 -- ping": true,

		"": false, "SELECT": false, "SELECT 1,": false, "SELECT 1 AS": false, "SELECT 1 AS 2": false, "SELECT 1 AS x y": false,
		"SELECT 1;": false, "SELECT 1; SELECT 2": false, "SELECT $1": false, "SELECT ?": false,
		"SELECT now()": false, "SELECT current_date": false, "SELECT current_user": false, "SELECT user": false, "SELECT random()": false,
		"SELECT current_setting('TimeZone')": false, "SELECT version()": false, "SELECT getvariable('x')": false,
		"SELECT DATE '2026-01-01'": false, "SELECT TIMESTAMPTZ '2026-01-01'": false, "SELECT 'now'::timestamptz": false,
		"SELECT CAST('2026-01-01' AS TIMESTAMPTZ)": false, "SELECT -1": false, "SELECT 1 + 1": false, "SELECT (1)": false, "SELECT [1]": false,
		"SELECT 1 FROM t": false, "SELECT 1 WHERE true": false, "SELECT 1 LIMIT 0": false, "SELECT 1 UNION ALL SELECT 1": false,
		"SELECT DISTINCT 1": false, "SELECT ALL 1": false, "SELECT 1 x": false, "SELECT *": false, "SELECT x": false, `SELECT "true"`: false,
		"SELECT 1 AS x, y": false, "SELECT 1 AS x FROM t": false, "SELECT 1 INTO t": false, "VALUES (1)": false, "WITH x AS (SELECT 1) SELECT 1": false,
		"EXPLAIN SELECT 1": false, "SELECT 'it''s": false,
	} {
		if got := New(sql) != nil; got != want {
			t.Errorf("%s: %v", sql, got)
		}
	}
}

// TestAnswersOutliveTheirMemory: an answer is a copy, of which nothing is to be released.
func TestAnswersOutliveTheirMemory(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.BinaryTypes.String}, {Name: "b", Type: arrow.PrimitiveTypes.Int32, Nullable: true}}, nil)
	b := array.NewRecordBuilder(mem, schema)
	defer b.Release()
	rows := func(n int) arrow.RecordBatch {
		for range n {
			b.Field(0).(*array.StringBuilder).Append("a longer text than most")
			b.Field(1).AppendNull()
		}
		return b.NewRecordBatch()
	}
	a := New("SELECT 'a longer text than most', NULL")
	for _, n := range []int{0, 2} { // which it can't have
		other := rows(n)
		a.Keep(other)
		other.Release()
	}
	a.Keep(nil)
	if a.Next() != nil {
		t.Error("an answer is not one row")
	}
	one := rows(1)
	a.Keep(one)
	for _, c := range one.Columns() { // what the memory is used for next
		for _, buffer := range c.Data().Buffers() {
			if buffer != nil {
				clear(buffer.Bytes())
			}
		}
	}
	one.Release()
	next := a.Next()
	row, err := next(t.Context())
	if err != nil || row.Column(0).ValueStr(0) != "a longer text than most" || !row.Column(1).IsNull(0) {
		t.Errorf("the answer is %v", row)
	}
	if _, err := next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("behind the answer comes %v", err)
	}
	var none *Answer
	none.Keep(row)
	if none.Next() != nil {
		t.Error("a query that is more than literals is remembered")
	}
}
