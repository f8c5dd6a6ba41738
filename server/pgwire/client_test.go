package pgwire

import (
	"context"
	"fmt"
	"math/big"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query"
)

var queryExecModes = []pgx.QueryExecMode{
	pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
	pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
}

func connectPgx(t testing.TB, addr string) *pgx.Conn {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, "postgres://ann@"+addr+"/main?sslmode=prefer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(ctx) })
	return conn
}

// TestPgxReadsEveryType reads every value with every mode of pgx and compares
// what the modes, which use different messages and formats, make of it.
func TestPgxReadsEveryType(t *testing.T) {
	db := &fakeDatabase{statements: make(map[string]canned)}
	for i, v := range values {
		columns := []query.Column{{Name: "v", Type: v.typ}}
		db.statements[fmt.Sprintf("value %d", i)] = canned{
			tag: "SELECT", columns: columns,
			batches: func(context.Context, []any) ([]arrow.RecordBatch, error) {
				return []arrow.RecordBatch{record(arrayOfValues(t, v.arrow, v.value, nil))}, nil
			},
		}
	}
	_, addr := startServer(t, db, Options{})
	conn := connectPgx(t, addr)
	for i, v := range values {
		var first []string
		for _, mode := range queryExecModes {
			rows, err := conn.Query(context.Background(), fmt.Sprintf("value %d", i), mode)
			if err != nil {
				t.Fatalf("%s %s, %s: %v", v.typ, v.postgres, mode, err)
			}
			got, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
				all, err := row.Values()
				if err != nil {
					return "", err
				}
				if at, ok := all[0].(time.Time); ok {
					all[0] = at.UTC()
				}
				if n, ok := all[0].(pgtype.Numeric); ok {
					all[0], _ = n.Float64Value()
				}
				return fmt.Sprint(all[0]), nil
			})
			if err != nil {
				t.Errorf("%s %s, %s: %v", v.typ, v.postgres, mode, err)
			}
			if first == nil {
				first = got
			}
			if diff := cmp.Diff(first, got); diff != "" || len(got) != 2 {
				t.Errorf("%s %s, %s (-cached +this):\n%s", v.typ, v.postgres, mode, diff)
			}
		}
	}
}

// TestPgxSendsEveryType sends parameters with the types that the planner says.
func TestPgxSendsEveryType(t *testing.T) {
	at := time.Date(2020, 1, 31, 4, 5, 6, 789000, time.UTC)
	micros := at.UnixMicro()
	tests := []struct {
		typ  string
		send any
		want any
	}{
		{"BOOLEAN", true, true},
		{"SMALLINT", int16(-3), int64(-3)},
		{"INTEGER", int32(1 << 30), int64(1 << 30)},
		{"BIGINT", int64(-1 << 60), int64(-1 << 60)},
		{"FLOAT", float32(1.5), float32(1.5)},
		{"DOUBLE", 1.5, 1.5},
		{"DECIMAL(12,2)", pgtype.Numeric{Int: big.NewInt(-150), Exp: -2, Valid: true}, batch.DecimalValue{Unscaled: batch.Int128From(-150), Scale: 2}},
		{"HUGEINT", pgtype.Numeric{Int: big.NewInt(12), Exp: 3, Valid: true}, batch.DecimalValue{Unscaled: batch.Int128From(12000)}},
		{"VARCHAR", "grüße", "grüße"},
		{"JSON", map[string]int{"a": 1}, `{"a":1}`},
		{"BLOB", []byte{0, 255}, []byte{0, 255}},
		{"DATE", at, batch.DateValue(18292)},
		{"TIME", pgtype.Time{Microseconds: 5, Valid: true}, batch.TimeValue(5)},
		{"TIMESTAMP", at, batch.TimestampValue(micros)},
		{"TIMESTAMP WITH TIME ZONE", at.In(time.FixedZone("", 3600)), batch.TimestampTZValue(micros)},
		{"TIMESTAMP WITH TIME ZONE", pgtype.Infinity, batch.TimestampTZValue(batch.InfinityMicros)},
		{"INTERVAL", pgtype.Interval{Months: 1, Days: -2, Microseconds: 3, Valid: true}, batch.IntervalValue{Months: 1, Days: -2, Micros: 3}},
		{"UUID", [16]byte{1, 2}, batch.UUIDValue{1, 2}},
		{"BIGINT[]", []int64{1, 2}, []any{int64(1), int64(2)}},
		{"VARCHAR[]", []string{"a b", "", `"`}, []any{"a b", "", `"`}},
		{"BIGINT", nil, nil},
	}
	db := &fakeDatabase{statements: make(map[string]canned)}
	for _, test := range tests {
		db.statements["send "+test.typ] = canned{tag: "INSERT 0 1", params: []string{test.typ}}
	}
	_, addr := startServer(t, db, Options{})
	conn := connectPgx(t, addr)
	for _, test := range tests {
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeDescribeExec} {
			tag, err := conn.Exec(context.Background(), "send "+test.typ, mode, test.send)
			if err != nil || tag.RowsAffected() != 1 {
				t.Errorf("%s: %s, %v", test.typ, tag, err)
				continue
			}
			db.mu.Lock()
			got := db.args[len(db.args)-1]
			db.mu.Unlock()
			if diff := cmp.Diff([]any{test.want}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.typ, diff)
			}
		}
	}
}

// TestPgxBatch pipelines.
func TestPgxBatch(t *testing.T) {
	_, addr := startServer(t, &fakeDatabase{}, Options{})
	conn := connectPgx(t, addr)
	b := &pgx.Batch{}
	for i := range 20 {
		b.Queue(fmt.Sprintf("rows %d", i+1))
	}
	results := conn.SendBatch(context.Background(), b)
	for i := range 20 {
		rows, err := results.Query()
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil || len(got) != i+1 {
			t.Errorf("%d: %v, %v", i, got, err)
		}
	}
	if err := results.Close(); err != nil {
		t.Error(err)
	}
}

// TestPlanChange: a statement that gives other columns than the client was told
// is an error that drivers know.
func TestPlanChange(t *testing.T) {
	typ := "INTEGER"
	db := &fakeDatabase{statements: map[string]canned{}}
	set := func() {
		db.statements["q"] = canned{tag: "SELECT", columns: []query.Column{{Name: "v", Type: typ}},
			batches: func(context.Context, []any) ([]arrow.RecordBatch, error) { return numbers(1), nil }}
	}
	set()
	_, addr := startServer(t, db, Options{})
	conn := connectPgx(t, addr)
	ctx := context.Background()
	if _, err := conn.Prepare(ctx, "q", "q"); err != nil {
		t.Fatal(err)
	}
	typ = "BIGINT"
	set()
	var n int64
	err := conn.QueryRow(ctx, "q").Scan(&n)
	if err == nil || !strings.Contains(err.Error(), "cached plan must not change result type") {
		t.Errorf("got %v, %v", n, err)
	}
}

// TestLargeResult crosses many flushes.
func TestLargeResult(t *testing.T) {
	_, addr := startServer(t, &fakeDatabase{}, Options{})
	conn := connectPgx(t, addr)
	rows, err := conn.Query(context.Background(), "rows 100000")
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(got) != 100000 || got[99999] != 100000 {
		t.Errorf("%d rows, %v", len(got), err)
	}
}

// TestPsql runs the real psql, if there is one.
func TestPsql(t *testing.T) {
	path, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("SKIPPED: psql is not installed, so nothing is tested with it")
	}
	db := &fakeDatabase{statements: map[string]canned{"counts": {
		tag: "SELECT", columns: []query.Column{{Name: "count_star()", Type: "BIGINT"}, {Name: "sum(x)", Type: "HUGEINT"}},
		batches: func(context.Context, []any) ([]arrow.RecordBatch, error) {
			return []arrow.RecordBatch{record(
				arrayOfValues(t, arrow.PrimitiveTypes.Int64, "7"), arrayOfValues(t, decimalOf(38, 0), "-12345678901234567890"))}, nil
		},
	}}}
	_, addr := startServer(t, db, Options{})
	host, port, _ := strings.Cut(addr, ":")
	cmd := exec.Command(path, "-X", "-h", host, "-p", port, "-U", "ann", "-d", "main", "-A",
		"-c", "counts", "-c", "fail nothing", "-c", "warn")
	cmd.Env = []string{"PGSSLMODE=prefer", "PGOPTIONS=-c search_path=x\\ y"}
	out, _ := cmd.CombinedOutput()
	want := "count|sum(x)\n7|-12345678901234567890\n(1 row)\n" +
		"ERROR:  relation \"nothing\" does not exist\nLINE 1: fail nothing\n             ^\nHINT:  create it\n" +
		"NOTICE:  the topic is empty\nCREATE SOURCE\n"
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := db.options[0]; got.Settings["search_path"] != "x y" || got.Application != "psql" || got.Database != "main" {
		t.Errorf("session options %+v", got)
	}
}
