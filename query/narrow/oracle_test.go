package narrow_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/query/narrow"
)

var seeds = flag.Uint64("seeds", 4, "how many seeds TestNarrowedQueries runs")

// keyType is a type of keys, with values as they are written and as parameters.
type keyType struct {
	sql    string
	values []string
	args   []any
}

var keyTypes = []keyType{
	{"BIGINT", []string{"1", "-5", "4711", "9223372036854775807", "CAST('7' AS BIGINT)", "'1'", "1.0", "3 + 1"},
		[]any{int64(1), int64(-5), int64(7), batch.DecimalValue{Unscaled: batch.Int128From(10), Scale: 1}, int64(1 << 62), nil}},
	{"INTEGER", []string{"1", "-5", "2147483647", "'1'", "99999999999", "CAST(7 AS INTEGER)"}, []any{int64(1), int64(-5), nil, int64(7)}},
	{"SMALLINT", []string{"1", "-5", "32767", "40000", "7::SMALLINT"}, []any{int64(1), int64(7), nil}},
	{"TINYINT", []string{"1", "-5", "127", "1000"}, []any{int64(1), int64(-5)}},
	{"UBIGINT", []string{"1", "7", "18446744073709551615", "-1"}, []any{uint64(1), uint64(7), uint64(1 << 63)}},
	{"UTINYINT", []string{"1", "255", "200", "-1"}, []any{int64(1), int64(200)}},
	{"HUGEINT", []string{"1", "-5", "170141183460469231731687303715884105727", "7"}, []any{int64(1), int64(-5), nil}},
	{"DECIMAL(6,2)", []string{"1", "1.5", "1.50", "-2.25", "1.499", "'1.5'", "1e0"},
		[]any{batch.DecimalValue{Unscaled: batch.Int128From(15), Scale: 1}, batch.DecimalValue{Unscaled: batch.Int128From(1499), Scale: 3}, int64(1), nil}},
	{"DECIMAL(30,3)", []string{"1", "1.5", "-2.250", "123456789012345678901234.5"},
		[]any{batch.DecimalValue{Unscaled: batch.Int128From(15), Scale: 1}, int64(1)}},
	{"VARCHAR", []string{"'a'", "'A'", "''", "'a long text that is in no handle'", "'b' || 'c'", "'a '"},
		[]any{"a", "", "a long text that is in no handle", nil, "bc"}},
	{"BOOLEAN", []string{"true", "false", "'t'"}, []any{true, false, nil}},
	{"DATE", []string{"DATE '2026-01-01'", "'2026-01-02'", "DATE '2026-01-01' + 1", "TIMESTAMP '2026-01-01 00:00:00'", "'infinity'"},
		[]any{batch.DateValue(20454), batch.DateValue(20455), nil}},
	{"TIME", []string{"TIME '10:00:00'", "TIME '00:00:00.000001'"}, []any{batch.TimeValue(36_000_000_000), nil}},
	{"TIMESTAMP", []string{"TIMESTAMP '2026-01-01 10:00:00'", "'2026-01-01 11:00:00'", "DATE '2026-01-01'", "TIMESTAMP 'infinity'"},
		[]any{batch.TimestampValue(1767261600000000), nil}},
	{"TIMESTAMPTZ", []string{"TIMESTAMPTZ '2026-01-01 10:00:00+00'", "'2026-01-01 11:00:00+01'", "TIMESTAMPTZ '-infinity'"},
		[]any{batch.TimestampTZValue(1767261600000000), nil}},
	{"UUID", []string{"UUID '6ba7b810-9dad-11d1-80b4-00c04fd430c8'", "'00000000-0000-0000-0000-000000000000'"},
		[]any{batch.UUIDValue{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}, nil}},
	{"BLOB", []string{"'a'::BLOB", "''::BLOB", `'\x00\xff'::BLOB`}, []any{[]byte("a"), []byte{0, 0xff}, []byte{}}},
	{"DOUBLE", []string{"1", "0.5", "'nan'::DOUBLE", "0.0", "-0.0"}, []any{1.0, 0.5}},
	{"REAL", []string{"1", "0.5", "0.1"}, []any{float32(0.5)}},
}

// world is a random view over random rows.
type world struct {
	t       *testing.T
	random  *rand.Rand
	db      *query.DB
	s       *query.Session
	keys    []keyType
	windows bool // it has window_start and window_end
	orders  []string
}

// TestNarrowedQueries asks random views for keys, windows and first rows, and the
// same of all their rows: a view inside a subquery is never narrowed.
func TestNarrowedQueries(t *testing.T) {
	defer narrow.SetManyGroups(narrow.SetManyGroups(0))
	narrowed := 0
	for seed := range *seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t)
			w.random = rand.New(rand.NewPCG(seed, 11))
			w.make()
			for range 150 {
				narrowed += w.compare()
			}
		})
	}
	if want := int(*seeds) * 30; narrowed < want && !t.Failed() {
		t.Errorf("%d queries were narrowed, fewer than %d", narrowed, want)
	}
}

// newWorld returns an empty database with a session.
func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := query.Open(t.Context(), "", query.Options{NoCatalog: true})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, s: db.NewSession(query.SessionOptions{})}
	t.Cleanup(func() {
		w.s.Close()
		db.Close(context.Background())
	})
	return w
}

func (w *world) exec(sql string) {
	w.t.Helper()
	if err := w.db.Exec(w.t.Context(), sql); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
}

func (w *world) pick(list ...string) string { return list[w.random.IntN(len(list))] }

// make makes a source, a view v and a table t, and fills them; some windows close,
// and some of those go into history.
func (w *world) make() {
	var columns, keys []string
	for i := range 1 + w.random.IntN(3) {
		w.keys = append(w.keys, keyTypes[w.random.IntN(len(keyTypes))])
		columns, keys = append(columns, fmt.Sprintf("k%d %s", i, w.keys[i].sql)), append(keys, fmt.Sprint("k", i))
	}
	w.exec("CREATE SOURCE s (ts TIMESTAMP, x BIGINT, y DOUBLE, u UBIGINT, d DECIMAL(9,2), h HUGEINT, " + strings.Join(columns, ", ") +
		", WATERMARK FOR ts AS ts - INTERVAL '1 minute')")
	from, group := "s", strings.Join(keys, ", ")
	list := group
	switch w.random.IntN(6) {
	case 0:
		from, w.windows = "TUMBLE(s, ts, INTERVAL '2 minutes')", true
	case 1:
		from, w.windows = "HOP(s, ts, INTERVAL '1 minute', INTERVAL '3 minutes')", true
	case 2:
		from, w.windows = "SESSION(TABLE s PARTITION BY "+group+", DESCRIPTOR(ts), INTERVAL '20' SECOND)", true
	case 3:
		group = "GROUPING SETS ((" + group + "), (" + keys[0] + "), ())"
	}
	if w.windows {
		list, group = "window_start, window_end, "+list, "window_start, window_end, "+group
	}
	with := ""
	if from == "s" && list == group && w.random.IntN(2) == 0 {
		with = " WITH (ttl = '3 minutes')"
	}
	w.orders = []string{"n", "sx", "my", "mu", "md", "sh", "e"}
	sql := "CREATE MATERIALIZED VIEW v" + with + " AS SELECT " + list + ", count(*) AS n, sum(x) AS sx, min(y) AS my, max(u) AS mu, max(d) AS md, sum(h) AS sh, sum(x) + 1 AS e"
	if w.random.IntN(3) == 0 {
		sql += ", median(x) AS m"
	}
	sql += " FROM " + from + " GROUP BY " + group
	if w.random.IntN(4) == 0 {
		sql += " HAVING count(*) % 2 = 0"
	}
	w.t.Log(sql)
	w.exec(sql)
	w.exec("CREATE TABLE t (i BIGINT, n BIGINT)")
	w.exec("INSERT INTO t VALUES (1, 1), (2, 2), (3, NULL)")
	for i := range 6 {
		w.fill(i)
		if w.random.IntN(3) == 0 {
			w.exec("CHECKPOINT")
		}
	}
}

// fill adds rows of one minute after the other.
func (w *world) fill(minute int) {
	var rows []string
	for range 60 {
		row := []string{
			fmt.Sprintf("TIMESTAMP '2026-01-01 00:%02d:%02d'", minute, w.random.IntN(60)),
			w.pick("1", "2", "3", "NULL", "-9000000000"), w.pick("1", "0.5", "NULL", "-0.0", "0.0", "'nan'", "'-infinity'"),
			w.pick("1", "18446744073709551615", "NULL"), w.pick("1.5", "2", "-7.25", "NULL"),
			w.pick("1", "-1", "NULL", "99999999999999999999", "-99999999999999999999", "99999999999999999998"),
		}
		for _, k := range w.keys {
			row = append(row, fmt.Sprintf("TRY_CAST(%s AS %s)", w.pick(append(k.values, "NULL")...), k.sql))
		}
		rows = append(rows, "("+strings.Join(row, ", ")+")")
	}
	w.exec("INSERT INTO s VALUES " + strings.Join(rows, ", "))
}

// condition returns a random one, and the arguments that come after those given.
func (w *world) condition(args []any) (string, []any) {
	if w.windows && w.random.IntN(3) == 0 {
		return w.windowCondition(args)
	}
	i := w.random.IntN(len(w.keys))
	k := w.keys[i]
	value := func() string {
		if w.random.IntN(3) > 0 {
			return w.pick(k.values...)
		}
		args = append(args, k.args[w.random.IntN(len(k.args))])
		return fmt.Sprint("$", len(args))
	}
	column := fmt.Sprint(w.pick("", "v."), "k", i)
	switch w.random.IntN(10) {
	case 0, 1, 2:
		return column + " = " + value(), args
	case 3:
		return value() + " = " + column, args
	case 4, 5:
		list := []string{value(), value(), w.pick(k.values...), w.pick("NULL", k.values[0])}
		return column + " IN (" + strings.Join(list, ", ") + ")", args
	case 6:
		return column + " IS NULL", args
	case 7:
		return column + " IS NOT DISTINCT FROM " + value(), args
	case 8:
		return fmt.Sprintf("(%s = %s OR n = 2)", column, value()), args
	}
	return w.pick(column+" <> "+w.pick(k.values...), "n > 1", "NOT "+column+" = "+w.pick(k.values...)), args
}

// windowCondition is a condition on the bounds of windows alone.
func (w *world) windowCondition(args []any) (string, []any) {
	start := w.pick("TIMESTAMP '2026-01-01 00:04:00'", "'2026-01-01 00:05:00'", "TIMESTAMP '2026-01-01 00:02:00' + INTERVAL '2 minutes'")
	if w.random.IntN(3) == 0 {
		args = append(args, batch.TimestampValue(1767225600000000+int64(w.random.IntN(6))*60_000_000))
		start = fmt.Sprint("$", len(args))
	}
	return w.pick("window_start = ", "window_start >= ", start+" > window_start AND window_end <> ", "window_start NOT IN (TIMESTAMP '2026-01-01 00:02:00') AND window_end > ") + start, args
}

// query returns a random query with %s for the view.
func (w *world) query() (sql string, args []any, ordered bool) {
	var conditions []string
	for range w.random.IntN(4) {
		var c string
		c, args = w.condition(args)
		conditions = append(conditions, c)
	}
	where := ""
	if len(conditions) > 0 {
		where = " WHERE " + strings.Join(conditions, " AND ")
	}
	all := "k0"
	if w.windows {
		all = "window_start, window_end, k0"
	}
	for i := 1; i < len(w.keys); i++ {
		all += fmt.Sprint(", k", i)
	}
	all += ", " + strings.Join(w.orders, ", ")
	switch w.random.IntN(9) {
	case 0:
		return "SELECT count(*), sum(n), max(sx) FROM %s" + where, args, false
	case 1:
		return "SELECT v.*, t.i FROM %s " + w.pick("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN") + " t ON v.n = t.n" + where2(where), args, false
	case 2:
		return "WITH c AS (SELECT * FROM %s" + where + ") SELECT a.n, b.sx FROM c a JOIN c b ON a.n = b.n", args, false
	case 3, 4:
		return "SELECT " + all + " FROM %s" + where, args, false
	}
	switch {
	case w.windows && w.random.IntN(2) == 0:
		where, args = w.windowCondition(nil)
		where = " WHERE " + where
	case w.random.IntN(2) == 0:
		where, args = "", nil
	}
	order := w.pick(w.orders...)
	sql = "SELECT " + w.pick(all, "v.*", all+", n + 1 AS more", all+", -n AS x", "k0, n AS sx, sx AS n", "n, sx AS my") + " FROM %s" + where +
		" ORDER BY " + order + w.pick("", " ASC", " DESC", " DESC") + w.pick("", " NULLS FIRST", " NULLS LAST") + ", " + all + w.pick(" LIMIT 3", " LIMIT 1", " LIMIT 10", " LIMIT 0")
	if w.random.IntN(4) == 0 {
		args = append(args, int64(w.random.IntN(12)))
		sql = sql[:strings.LastIndex(sql, " ")] + fmt.Sprint(" $", len(args))
	}
	if w.random.IntN(3) == 0 {
		sql += w.pick(" OFFSET 2", " OFFSET 0", " OFFSET 1000")
	}
	return sql, args, true
}

// where2 makes names that a table has too those of the view.
func where2(where string) string {
	return strings.ReplaceAll(strings.ReplaceAll(where, " n ", " v.n "), "(n ", "(v.n ")
}

// compare asks a random query in both ways, and returns 1 if it was narrowed.
func (w *world) compare() int {
	sql, args, ordered := w.query()
	narrowed, whole := fmt.Sprintf(sql, "v"), fmt.Sprintf(sql, "(SELECT * FROM v) v")
	got, err := w.ask(narrowed, args, ordered)
	want, wantErr := w.ask(whole, args, ordered)
	for range w.random.IntN(3) { // by a plan that is kept, and by one that is there
		again, errAgain := w.ask(narrowed, args, ordered)
		if (err == nil) != (errAgain == nil) || !slices.Equal(got, again) {
			w.t.Errorf("%s %v:\nonce more %v: %v\nbefore %v: %v", narrowed, args, errAgain, again, err, got)
		}
	}
	if (err == nil) != (wantErr == nil) {
		// Rows that a condition drops may still fail in the other conditions.
		if err != nil || !strings.Contains(wantErr.Error(), "onver") {
			w.t.Errorf("%s %v: %v, but %v over all rows", narrowed, args, err, wantErr)
		}
		return 0
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("%s %v:\n got %d rows: %v\nwant %d rows: %v", narrowed, args, len(got), got, len(want), want)
	}
	if len(args) > 0 {
		return 0
	}
	plan, err := w.ask("EXPLAIN "+narrowed, nil, true)
	if err == nil && strings.Contains(strings.Join(plan, "\n"), "In memory, of v") {
		return 1
	}
	return 0
}

// ask returns the rows of a query as text.
func (w *world) ask(sql string, args []any, ordered bool) (rows []string, err error) {
	ctx := w.t.Context()
	st, err := w.s.Prepare(ctx, sql, nil)
	if err != nil {
		return nil, err
	}
	r, err := w.s.Execute(ctx, st, args)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for {
		rec, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for i := range int(rec.NumRows()) {
			var cells []string
			for _, c := range rec.Columns() {
				cells = append(cells, c.ValueStr(i))
			}
			rows = append(rows, strings.Join(cells, "|"))
		}
	}
	if !ordered {
		slices.Sort(rows)
	}
	return rows, nil
}
