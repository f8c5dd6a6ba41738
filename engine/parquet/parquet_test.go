package parquet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/engine/duck"
)

var ctx = context.Background()

// open returns a database that may read a directory, and the directory.
func open(t *testing.T) (*duck.DB, string) {
	t.Helper()
	dir := t.TempDir()
	db, err := duck.Open("", duck.Options{AllowedDirectories: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db, dir
}

func write(t *testing.T, db *duck.DB, path, sql string) {
	t.Helper()
	conn, err := db.Conn()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Exec(ctx, "COPY ("+sql+") TO '"+strings.ReplaceAll(path, "'", "''")+"' (FORMAT parquet, ROW_GROUP_SIZE 2048)"); err != nil {
		t.Fatal(err)
	}
}

// read returns rows as text, and rejected ones behind "!".
func read(t *testing.T, r *Reader, path string, first, next int64, columns ...string) (string, error) {
	t.Helper()
	schema := batch.NewSchema(batchtest.Columns(t, columns...))
	mem := batch.NewAllocator()
	rec, rejected, err := r.Read(ctx, path, schema, first, next, mem)
	if err != nil {
		if mem.Bytes() != 0 {
			t.Errorf("%d bytes leaked", mem.Bytes())
		}
		return "", err
	}
	var out []string
	for row := range int(rec.NumRows()) {
		var values []string
		for i := range schema.Columns {
			if rec.Column(i).IsNull(row) {
				values = append(values, "NULL")
			} else {
				values = append(values, strings.Clone(rec.Column(i).ValueStr(row)))
			}
		}
		out = append(out, strings.Join(values, " "))
	}
	for _, x := range rejected {
		out = append(out, fmt.Sprintf("!%d %s: %s", x.Offset, x.Value, x.Error))
	}
	if rec.Release(); mem.Bytes() != 0 {
		t.Errorf("%d bytes leaked", mem.Bytes())
	}
	return strings.Join(out, "|"), nil
}

func TestRowsOfAFile(t *testing.T) {
	db, dir := open(t)
	r := New(db)
	path := filepath.Join(dir, "it's [a] *?.parquet")
	write(t, db, path, "SELECT i AS \"ID\", 'n' || i AS name, [i, i] AS list, i::DOUBLE AS other, TIMESTAMP '2026-01-01' + INTERVAL 1 SECOND * i AS ts FROM range(5000) t(i)")
	if n, err := r.Rows(ctx, path); err != nil || n != 5000 {
		t.Errorf("%d rows, %v", n, err)
	}
	for _, c := range []struct {
		first, next int64
		columns     []string
		want        string
	}{
		{0, 2, []string{"id INTEGER", "name VARCHAR", "absent DATE", "list JSON", "ts TIMESTAMPTZ"}, "0 n0 NULL [0,0] 2026-01-01T00:00:00Z|1 n1 NULL [1,1] 2026-01-01T00:00:01Z"},
		{4999, 5000, []string{"id DECIMAL(10,2)"}, "4999"},
		{2047, 2049, []string{"id VARCHAR"}, "2047|2048"},
		{126, 130, []string{"name VARCHAR", "id TINYINT"}, `n126 126|n127 127|!128 {"name":"n128","ID":128}: column "id": 128 is not a TINYINT|!129 {"name":"n129","ID":129}: column "id": 129 is not a TINYINT`},
		{5, 6, []string{"name BIGINT", "id BIGINT"}, `!5 {"name":"n5","ID":5}: column "name": n5 is not a BIGINT`},
		{7, 7, []string{"id BIGINT"}, ""},
	} {
		got, err := read(t, r, path, c.first, c.next, c.columns...)
		if err != nil || got != c.want {
			t.Errorf("%d to %d, %v:\n got %s, %v\nwant %s", c.first, c.next, c.columns, got, err, c.want)
		}
	}
	if _, err := read(t, r, path, 0, 1, "nothing BIGINT"); !errors.Is(err, ErrNoColumn) {
		t.Errorf("no column: %v", err)
	}
	if _, err := read(t, r, path, 4999, 5001, "id BIGINT"); err == nil {
		t.Error("rows beyond the end are read")
	}
	if _, err := r.Rows(ctx, filepath.Join(dir, "absent.parquet")); err == nil {
		t.Error("a file that is not there has rows")
	}
}

func TestRowsKeepTheirOrder(t *testing.T) {
	db, dir := open(t)
	path := filepath.Join(dir, "a.parquet")
	write(t, db, path, "SELECT i AS id, CASE WHEN i % 7 = 0 THEN 'x' ELSE i::VARCHAR END AS text FROM range(100_000) t(i)")
	schema := batch.NewSchema(batchtest.Columns(t, "id BIGINT", "text BIGINT"))
	mem := batch.NewAllocator()
	rec, rejected, err := New(db).Read(ctx, path, schema, 0, 100_000, mem)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	ids := batch.VectorOf(rec.Column(0), schema.Columns[0].Type)
	row := 0
	for id := range int64(100_000) {
		if id%7 == 0 {
			if rejected[0].Offset != id {
				t.Fatalf("rejected is %d, want %d", rejected[0].Offset, id)
			}
			rejected = rejected[1:]
			continue
		}
		if ids.Int64(row) != id {
			t.Fatalf("row %d is %d, want %d", row, ids.Int64(row), id)
		}
		row++
	}
}

func TestSamenessOfNames(t *testing.T) {
	db, dir := open(t)
	path := filepath.Join(dir, "other=7", "b.parquet") // which DuckDB would take for a column
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, db, path, "SELECT 1 AS \"Id\", 2 AS other")
	if got, err := read(t, New(db), path, 0, 1, "ID BIGINT", "other BIGINT", "file_row_number BIGINT"); err != nil || got != "1 2 NULL" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestColumnsOfAFile(t *testing.T) {
	db, dir := open(t)
	path := filepath.Join(dir, "a [1].parquet")
	write(t, db, path, `SELECT 1::TINYINT AS tiny, 1::UINTEGER AS u, 1::UBIGINT AS "U 8", 1::HUGEINT AS huge, 1.5::FLOAT AS f, 1.5::DECIMAL(12,2) AS d, 'x' AS t, '\x00'::BLOB AS b, true AS yes,
		DATE '2026-01-01' AS day, TIME '10:00' AS at, TIMESTAMP '2026-01-01' AS ts, TIMESTAMPTZ '2026-01-01' AS tz, TIMESTAMP_NS '2026-01-01' AS ns, INTERVAL 1 DAY AS i, uuid() AS id,
		[1::UTINYINT] AS list, {a: 1, 'B c': [{u: 1::USMALLINT, ns: TIMESTAMP_NS '2026-01-01'}]} AS parts, MAP {'a': 1::UINTEGER} AS pairs, MAP {1.5::DOUBLE: 1} AS odd, ['a'::ENUM('a')] AS es,
		[1, 2]::INTEGER[2] AS two, 'a'::ENUM('a') AS e, '{}'::JSON AS j, '10:00:00+01'::TIMETZ AS timetz`)
	columns, err := New(db).Columns(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, c := range columns {
		list = append(list, c.Name+" "+c.Type.String())
	}
	const want = "tiny TINYINT, u BIGINT, U 8 UBIGINT, huge DOUBLE, f FLOAT, d DECIMAL(12,2), t VARCHAR, b BLOB, yes BOOLEAN, day DATE, at TIME, ts TIMESTAMP, " +
		"tz TIMESTAMP WITH TIME ZONE, ns TIMESTAMP, i INTERVAL, id UUID, list INTEGER[], parts STRUCT(\"a\" INTEGER, \"B c\" STRUCT(\"u\" INTEGER, \"ns\" TIMESTAMP)[]), pairs MAP(VARCHAR, BIGINT), odd JSON, es VARCHAR[], two INTEGER[], e VARCHAR, j JSON, timetz VARCHAR"
	if got := strings.Join(list, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// Such columns take all values of the file.
	rec, rejected, err := New(db).Read(ctx, path, batch.NewSchema(columns), 0, 1, batch.NewAllocator())
	if err != nil || len(rejected) > 0 {
		t.Fatalf("%v, %+v", err, rejected)
	}
	defer rec.Release()
	for i, c := range rec.Columns() {
		if c.IsNull(0) {
			t.Errorf("column %s is NULL", columns[i].Name)
		}
	}
	if _, err := New(db).Columns(ctx, filepath.Join(dir, "absent.parquet")); err == nil {
		t.Error("a file that is not there has columns")
	}
}

// TestNestedColumns: a value is in a nested column whole, or its row is rejected.
func TestNestedColumns(t *testing.T) {
	db, dir := open(t)
	r := New(db)
	path := filepath.Join(dir, "nested.parquet")
	write(t, db, path, `SELECT i AS id, CASE WHEN i <> 3 THEN {'a': CASE i WHEN 1 THEN 'x' ELSE i::VARCHAR END, 'b': [i, NULL], 'more': i} END AS s,
		[{'n': i * 100}] AS l, MAP {'k' || i: i} AS m FROM range(4) t(i)`)
	got, err := read(t, r, path, 0, 4, "id INT", "s STRUCT(b TINYINT[], a BIGINT)", "l STRUCT(n UTINYINT)[]", "m MAP(VARCHAR, DOUBLE)", "none STRUCT(a INT)")
	want := `0 {"a":0,"b":[0,null]} [{"n":0}] [{"key":"k0","value":0}] NULL|2 {"a":2,"b":[2,null]} [{"n":200}] [{"key":"k2","value":2}] NULL|` +
		`!1 {"id":1,"s":{"a":"x","b":[1,null],"more":1},"l":[{"n":100}],"m":{"k1":1}}: column "s": {'a': x, 'b': [1, NULL], 'more': 1} is not a STRUCT("b" TINYINT[], "a" BIGINT)|` +
		`!3 {"id":3,"s":null,"l":[{"n":300}],"m":{"k3":3}}: column "l": [{'n': 300}] is not a STRUCT("n" UTINYINT)[]`
	if err != nil || got != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}
