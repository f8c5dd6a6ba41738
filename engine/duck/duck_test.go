package duck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
)

// everyType is a schema with one column of each kind.
var everyType = batch.NewSchema([]batch.Column{
	{Name: "b", Type: batch.Type{Kind: batch.Boolean}}, {Name: "i8", Type: batch.Type{Kind: batch.TinyInt}},
	{Name: "i16", Type: batch.Type{Kind: batch.SmallInt}}, {Name: "i32", Type: batch.Type{Kind: batch.Integer}},
	{Name: "i64", Type: batch.Type{Kind: batch.BigInt}}, {Name: "u8", Type: batch.Type{Kind: batch.UTinyInt}},
	{Name: "u64", Type: batch.Type{Kind: batch.UBigInt}}, {Name: "huge", Type: batch.Type{Kind: batch.HugeInt}},
	{Name: "f32", Type: batch.Type{Kind: batch.Real}}, {Name: "f64", Type: batch.Type{Kind: batch.Double}},
	{Name: "d4", Type: batch.Type{Kind: batch.Decimal, Precision: 4, Scale: 2}},
	{Name: "d9", Type: batch.Type{Kind: batch.Decimal, Precision: 9, Scale: 3}},
	{Name: "d18", Type: batch.Type{Kind: batch.Decimal, Precision: 18, Scale: 4}},
	{Name: "d38", Type: batch.Type{Kind: batch.Decimal, Precision: 38, Scale: 6}},
	{Name: "s", Type: batch.Type{Kind: batch.Varchar}}, {Name: "blob", Type: batch.Type{Kind: batch.Blob}},
	{Name: "date", Type: batch.Type{Kind: batch.Date}}, {Name: "time", Type: batch.Type{Kind: batch.Time}},
	{Name: "ts", Type: batch.Type{Kind: batch.Timestamp}}, {Name: "tstz", Type: batch.Type{Kind: batch.TimestampTZ}},
	{Name: "iv", Type: batch.Type{Kind: batch.Interval}}, {Name: "uuid", Type: batch.Type{Kind: batch.UUID}},
	{Name: "j", Type: batch.Type{Kind: batch.JSON}},
})

// fillQuery makes rows of everyType in DuckDB, every seventh all NULL.
const fillQuery = `SELECT * FROM (SELECT
 i%2=0 b, (i%100)::TINYINT i8, i::SMALLINT i16, i::INTEGER i32, -i::BIGINT i64, (i%200)::UTINYINT u8, i::UBIGINT u64,
 i::HUGEINT*1000000000000::HUGEINT*1000000000000 huge, i::FLOAT f32, i/7.0::DOUBLE f64, (i%99)::DECIMAL(4,2) d4,
 (i/8)::DECIMAL(9,3) d9, i::DECIMAL(18,4)*-1 d18, i::DECIMAL(38,6) d38, repeat('x', (i%30)::INT)||i s, ('b'||i)::BLOB blob,
 DATE '2020-01-01' + i::INT date, TIME '01:02:03.000004' + INTERVAL 1 SECOND * (i%1000) AS time, TIMESTAMP '2020-01-01' + INTERVAL 1 SECOND * i ts,
 TIMESTAMPTZ '2020-01-01 00:00:00Z' + INTERVAL 1 SECOND * i tstz, INTERVAL 1 MONTH * (i%5) + INTERVAL 3 DAY + INTERVAL 1 SECOND * i iv,
 md5(i::VARCHAR)::UUID uuid, ('{"a":'||i||'}')::JSON j FROM range({n}) t(i) WHERE i%7<>3)
 UNION ALL BY NAME (SELECT NULL::BOOLEAN b FROM range({n}) t(i) WHERE i%7=3)`

type oneRelation struct{ rel Relation }

func (o oneRelation) Relation(name string) (Relation, error) {
	if name != "r" {
		return nil, fmt.Errorf("relation %q does not exist", name)
	}
	return o.rel, nil
}

func open(t *testing.T) (*DB, *Conn) { return openWith(t, Options{Threads: 2}) }

func openWith(t *testing.T, o Options) (*DB, *Conn) {
	t.Helper()
	db, err := Open("", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	c, err := db.Conn()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return db, c
}

func number(t *testing.T, c *Conn, sql string) (n int64) {
	t.Helper()
	rows, err := c.Query(context.Background(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	if ok, err := rows.Next(); !ok || err != nil {
		t.Fatalf("%s: %v, %v", sql, ok, err)
	}
	if err := rows.Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Every type goes DuckDB → builder → ms_scan → DuckDB and must come back equal.
func TestScanRoundTripsEveryType(t *testing.T) {
	_, c := open(t)
	mem := batch.NewAllocator()
	const n = 10000
	fill := strings.ReplaceAll(fillQuery, "{n}", fmt.Sprint(n))
	if err := c.Exec(context.Background(), "CREATE TABLE t AS "+fill); err != nil {
		t.Fatal(err)
	}
	rows, err := c.Query(context.Background(), "SELECT * FROM t")
	if err != nil {
		t.Fatal(err)
	}
	b := batch.NewBuilder(mem, everyType)
	var records []arrow.RecordBatch
	for i := 0; ; i++ {
		k, err := rows.NextChunk()
		if err != nil {
			t.Fatal(err)
		}
		if k > 0 {
			if err := rows.AppendTo(b, 0); err != nil {
				t.Fatal(err)
			}
		}
		if k == 0 || i%2 == 1 {
			records = append(records, b.Finish())
		}
		if k == 0 {
			break
		}
	}
	rows.Close()
	// A slice tests bit and value offsets.
	last := records[0]
	records[0] = last.NewSlice(0, 5)
	records = append(records, last.NewSlice(5, last.NumRows()))
	last.Release()
	c.SetRelations(oneRelation{&RecordRelation{Schema: everyType, Records: records}})
	for _, sql := range []string{
		"(SELECT * FROM t EXCEPT ALL SELECT * FROM ms_scan('r'))", "(SELECT * FROM ms_scan('r') EXCEPT ALL SELECT * FROM t)",
		"(SELECT s, i32 FROM t WHERE b EXCEPT ALL SELECT s, i32 FROM ms_scan('r') WHERE b)",
	} {
		if got := number(t, c, "SELECT count(*) FROM "+sql); got != 0 {
			t.Errorf("%s: %d rows differ", sql, got)
		}
	}
	if got := number(t, c, "SELECT count(*) FROM ms_scan('r')"); got != n {
		t.Errorf("count(*) = %d, want %d", got, n)
	}
	if got := number(t, c, "SELECT count(*) FROM ms_scan('r') a JOIN ms_scan('r') b ON a.i64=b.i64"); got != n-(n+3)/7 {
		t.Errorf("self join gives %d rows", got)
	}
	for _, r := range records {
		r.Release()
	}
	if mem.Bytes() != 0 {
		t.Errorf("%d bytes leaked", mem.Bytes())
	}
}

func TestPreparedScanReadsTheRelationOfEachExecution(t *testing.T) {
	_, c := open(t)
	schema := batch.NewSchema([]batch.Column{{Name: "n", Type: batch.Type{Kind: batch.BigInt}}})
	b := batch.NewBuilder(batch.NewAllocator(), schema)
	rel := &RecordRelation{Schema: schema}
	c.SetRelations(oneRelation{rel})
	stmt, err := c.Prepare("SELECT coalesce(sum(n), 0)::BIGINT FROM ms_scan('r') WHERE n > $1")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	for want := range int64(4) {
		rows, err := stmt.Query(context.Background(), int64(0))
		if err != nil {
			t.Fatal(err)
		}
		var got int64
		if ok, _ := rows.Next(); !ok || rows.Scan(&got) != nil || got != want*10 {
			t.Errorf("sum = %d, want %d", got, want*10)
		}
		rows.Close()
		b.Column(0).AppendInt64(10)
		rel.Records = append(rel.Records, b.Finish())
	}
}

// brokenRelation panics in Columns or in Scan.
type brokenRelation struct{ inScan bool }

func (b brokenRelation) Columns() []batch.Column {
	if !b.inScan {
		panic("no columns")
	}
	return everyType.Columns[:1]
}
func (brokenRelation) Rows() int          { return 1 }
func (brokenRelation) Ordered() bool      { return false }
func (brokenRelation) Scan([]int) []Chunk { panic("no rows") }

func TestAPanicIsTheErrorOfItsStatement(t *testing.T) {
	_, c := open(t)
	for _, inScan := range []bool{false, true} {
		c.SetRelations(oneRelation{brokenRelation{inScan}})
		rows, err := c.Query(context.Background(), "SELECT count(b) FROM ms_scan('r')")
		if err == nil {
			_, err = rows.Next()
			rows.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "internal error: no ") {
			t.Errorf("inScan %v: %v", inScan, err)
		}
		if err := c.Exec(context.Background(), "SELECT 1"); err != nil {
			t.Errorf("after it: %v", err)
		}
	}
}

func TestErrorsCarryTypeAndPosition(t *testing.T) {
	_, c := open(t)
	for sql, want := range map[string]Error{
		"SELECT nope FROM (SELECT 1 AS a)": {Type: "Binder", Position: 7},
		"SELECT 1 FROM nowhere":            {Type: "Catalog", Position: 14},
		"SELEC 1":                          {Type: "Parser", Position: 0},
	} {
		_, err := c.Prepare(sql)
		var e *Error
		if !errors.As(err, &e) || e.Type != want.Type || e.Position != want.Position {
			t.Errorf("%s: %#v, want %+v", sql, err, want)
		}
	}
	if _, err := c.Prepare("SELECT 1; SELECT 2"); err == nil {
		t.Error("two statements were prepared as one")
	}
}

func TestCancelInterrupts(t *testing.T) {
	_, c := open(t)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	rows, err := c.Query(ctx, "SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(10000000) b(i)")
	if err == nil {
		_, err = rows.NextChunk()
		rows.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v, want deadline exceeded", err)
	}
	if number(t, c, "SELECT 42::BIGINT") != 42 {
		t.Error("the connection is not usable afterwards")
	}
}

func TestRecordsCarryDuckDBsArrow(t *testing.T) {
	_, c := open(t)
	rows, err := c.Query(context.Background(), "SELECT i::INTEGER i, 'v'||i s, [i] l, {'a': i} st FROM range(5000) t(i)")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	total := int64(0)
	for {
		rec, err := rows.NextRecord()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		total += rec.NumRows()
	}
	if total != 5000 {
		t.Errorf("%d rows, want 5000", total)
	}
	if got := rows.Columns()[3].Type; got != `STRUCT("a" BIGINT)` {
		t.Errorf("type %s", got)
	}
}

func TestLockHoldsWhatItShould(t *testing.T) {
	db, c := open(t)
	if err := db.Lock(Options{}); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"SELECT * FROM read_text('/etc/hostname')", "SET threads=1", "INSTALL httpfs", "COPY (SELECT 1) TO '/tmp/x.csv'"} {
		if err := c.Exec(context.Background(), sql); err == nil {
			t.Errorf("%s was allowed", sql)
		}
	}
	for _, sql := range []string{"SET TimeZone='Europe/Berlin'", "ATTACH ':memory:' AS live", "CREATE SCHEMA live.public", "USE live.public", "CREATE TABLE live.public.x(a INT)"} {
		if err := c.Exec(context.Background(), sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestParametersWithoutATypeAreUnknown(t *testing.T) {
	_, c := open(t)
	for sql, want := range map[string]string{"SELECT $1": "", "SELECT 40 + $1": "", "SELECT 1 WHERE 1 = $1": "INTEGER", "SELECT $1::DATE": "DATE"} {
		s, err := c.Prepare(sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		if len(s.Params) != 1 || s.Params[0] != want {
			t.Errorf("%s: parameters %q, want %q", sql, s.Params, want)
		}
		s.Close()
	}
}

// TestParametersThatDuckDBCantHold binds values for which DuckDB makes none.
func TestParametersThatDuckDBCantHold(t *testing.T) {
	_, c := open(t)
	s, err := c.Prepare("SELECT CAST($1 AS VARCHAR)")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Query(context.Background(), []any{"\xff"}); err == nil || !strings.Contains(err.Error(), "parameter $1") {
		t.Errorf("a list of invalid text: %v", err)
	}
	for _, v := range []batch.DecimalValue{
		{Unscaled: batch.Int128Value{Lo: 1}, Scale: 39}, {Unscaled: batch.Int128Value{Hi: math.MaxInt64}, Scale: 1},
	} {
		rows, err := s.Query(context.Background(), v)
		if err != nil {
			t.Errorf("%v: %v", v, err)
			continue
		}
		rows.Close()
	}
}

// TestListParameters binds lists of values that have no text of Go's.
func TestListParameters(t *testing.T) {
	_, c := open(t)
	for _, test := range []struct {
		typeName string
		list     []any
		want     string
	}{
		{"BLOB[]", []any{[]byte{0, 0xff}, nil, []byte("a")}, `[\x00\xFF, NULL, a]`},
		{"DATE[]", []any{batch.DateValue(1), nil}, "[1970-01-02, NULL]"},
		{"DATE[]", []any{batch.DateValue(1), "2024-02-01"}, "[1970-01-02, 2024-02-01]"},
		{"TIMESTAMP[]", []any{nil, batch.TimestampValue(1_000_000)}, "[NULL, '1970-01-01 00:00:01']"},
		{"TIME[]", []any{batch.TimeValue(1_000_000)}, "['00:00:01']"},
		{"INTERVAL[]", []any{batch.IntervalValue{Months: 1, Micros: 1_000_000}}, "['1 month 00:00:01']"},
		{"INTEGER[]", []any{int64(1), nil, "2"}, "[1, NULL, 2]"},
		{"INTEGER[]", []any{nil}, "[NULL]"},
	} {
		s, err := c.Prepare("SELECT ($1::" + test.typeName + ")::VARCHAR")
		if err != nil {
			t.Fatal(err)
		}
		rows, err := s.Query(context.Background(), test.list)
		if err != nil {
			t.Errorf("%v: %v", test.list, err)
			s.Close()
			continue
		}
		var got string
		if ok, err := rows.Next(); err != nil || !ok || rows.Scan(&got) != nil || got != test.want {
			t.Errorf("%v: %q, %v; want %q", test.list, got, err, test.want)
		}
		rows.Close()
		s.Close()
	}
}
