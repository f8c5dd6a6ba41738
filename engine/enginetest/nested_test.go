package enginetest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/enginetest"
	"github.com/millstream-db/millstream/ingest/decode"
)

// nestedRun is records with nested columns, in a database of ours, which decodes
// their JSON, and in plain DuckDB, which casts it.
type nestedRun struct {
	*run
	r       *rand.Rand
	whole   *rand.Rand     // of views that group by nested values and aggregate them
	columns []batch.Column // behind id
	kept    int            // records that a checkpoint has
	selects map[string]string
}

// nestedType returns a type with at most depth others in it.
func nestedType(r *rand.Rand, depth int) string {
	if depth > 0 {
		switch r.IntN(5) {
		case 0, 1:
			var fields []string
			for i := range 1 + r.IntN(3) {
				fields = append(fields, []string{"a", `"B b"`, "c"}[i]+" "+nestedType(r, depth-1))
			}
			return "STRUCT(" + strings.Join(fields, ", ") + ")"
		case 2:
			return nestedType(r, depth-1) + "[]"
		case 3:
			return "MAP(" + pick(r, "VARCHAR", "INTEGER") + ", " + nestedType(r, depth-1) + ")"
		}
	}
	return pick(r, "BIGINT", "VARCHAR", "DOUBLE", "BOOLEAN", "DATE", "DECIMAL(4,1)", "DECIMAL(30,2)", "TIMESTAMP", "UTINYINT", "UUID")
}

var scalarJSON = map[batch.Kind][]string{
	batch.BigInt: {"1", "-9223372036854775808", "7"}, batch.UTinyInt: {"0", "255"}, batch.Double: {"1.5", "-2e300", "0.25"}, batch.Boolean: {"true", "false"},
	batch.Varchar: {`""`, `"short"`, `"a text of more than twelve bytes"`, `"ä \"quoted\" \\ text"`}, batch.Date: {`"2024-02-29"`, `"0001-01-01"`},
	batch.Decimal: {"1.5", "-999.9", "0"}, batch.Timestamp: {`"2024-02-29 12:00:00.123456"`, `"1969-12-31 23:59:59"`},
	batch.UUID: {`"00000000-0000-0000-0000-00000000000f"`, `"ffffffff-0000-4000-8000-00000000000f"`},
}

// nestedJSON returns a value of a type, and the same with null for every field that
// is missing, which DuckDB does not cast.
func nestedJSON(r *rand.Rand, t batch.Type) (value, whole string) {
	if r.IntN(6) == 0 {
		return "null", "null"
	}
	var values, wholes []string
	add := func(key string, t batch.Type) {
		v, w := nestedJSON(r, t)
		if wholes = append(wholes, key+w); key != "" && w == "null" && t.Nested == nil && r.IntN(2) == 0 {
			return
		}
		values = append(values, key+v)
	}
	switch t.Kind {
	case batch.Struct:
		for _, f := range t.Children() {
			add(strconv.Quote(f.Name)+": ", f.Type)
		}
	case batch.List:
		for range r.IntN(4) {
			add("", t.Element())
		}
		return "[" + strings.Join(values, ", ") + "]", "[" + strings.Join(wholes, ", ") + "]"
	case batch.Map:
		for _, key := range r.Perm(4)[:r.IntN(4)] {
			v, w := nestedJSON(r, t.Element().Children()[1].Type)
			values, wholes = append(values, fmt.Sprintf(`"%d": %s`, key, v)), append(wholes, fmt.Sprintf(`"%d": %s`, key, w))
		}
	default:
		value = pick(r, scalarJSON[t.Kind]...)
		return value, value
	}
	return "{" + strings.Join(values, ", ") + "}", "{" + strings.Join(wholes, ", ") + "}"
}

// part returns an expression over a value of a type that is a scalar, which has an
// order.
func part(r *rand.Rand, t batch.Type, sql string) string {
	switch t.Kind {
	case batch.Struct:
		if r.IntN(6) == 0 {
			return "(" + sql + " IS NULL)"
		}
		f := pick(r, t.Children()...)
		return part(r, f.Type, sql+"."+strconv.Quote(f.Name))
	case batch.List:
		switch r.IntN(5) {
		case 0:
			return "len(" + sql + ")"
		case 1:
			return "len(list_filter(" + sql + ", lambda x: x IS NOT NULL))"
		}
		return part(r, t.Element(), fmt.Sprintf("(%s)[%d]", sql, 1+r.IntN(2)))
	case batch.Map:
		if r.IntN(4) == 0 {
			return "cardinality(" + sql + ")"
		}
		key := fmt.Sprint(r.IntN(3))
		if t.Element().Children()[0].Type.Kind == batch.Varchar {
			key = "'" + key + "'"
		}
		return part(r, t.Element().Children()[1].Type, fmt.Sprintf("(%s)[%s]", sql, key))
	}
	return sql
}

func (n *nestedRun) part() string {
	c := pick(n.r, n.columns...)
	return part(n.r, c.Type, c.Name)
}

// create makes the source, and its table in plain DuckDB.
func (n *nestedRun) create(ctx context.Context) error {
	items := []string{"id BIGINT"}
	for i := range 1 + n.r.IntN(3) {
		typ, err := batch.ParseType(nestedType(n.r, 4))
		if err != nil {
			return err
		}
		n.columns = append(n.columns, batch.Column{Name: fmt.Sprint("c", i), Type: typ})
		items = append(items, fmt.Sprintf("c%d %s", i, typ))
	}
	items = append(items, "ts TIMESTAMP")
	n.note("%s", strings.Join(items, ", "))
	if err := n.db.Exec(ctx, "CREATE SOURCE s ("+strings.Join(items, ", ")+", WATERMARK FOR ts AS ts)"); err != nil {
		return err
	}
	return n.plain.Exec(ctx, "CREATE OR REPLACE TABLE s ("+strings.Join(items, ", ")+")")
}

// append adds some records to both.
func (n *nestedRun) append(ctx context.Context) error {
	b, err := n.db.NewRows("s")
	if err != nil {
		return err
	}
	defer b.Release()
	d := decode.NewJSON(b.Schema(), decode.Limits{})
	for range 1 + n.r.IntN(30) {
		record, values := fmt.Sprintf(`{"id": %d`, n.records), fmt.Sprint(n.records)
		for _, c := range n.columns {
			value, whole := nestedJSON(n.r, c.Type)
			record += fmt.Sprintf(`, "%s": %s`, c.Name, value)
			values += fmt.Sprintf(", CAST('%s'::JSON AS %s)", whole, c.Type)
		}
		ts := time.Unix(int64(n.records), 0).UTC().Format(time.DateTime)
		record, values = record+fmt.Sprintf(`, "ts": %q`, ts), values+", '"+ts+"'"
		if err := d.Decode([]byte(record+"}"), b); err != nil {
			return fmt.Errorf("%s: %w", record, err)
		}
		if err := n.plain.Exec(ctx, "INSERT INTO s SELECT "+values); err != nil {
			return fmt.Errorf("plain DuckDB: %s: %w", values, err)
		}
		n.records++
	}
	rec := b.Finish()
	defer rec.Release()
	return n.db.AppendRecord(ctx, "s", rec)
}

// createView makes a view: groups, or rows that keep nested values.
func (n *nestedRun) createView(ctx context.Context) error {
	name := fmt.Sprint("v", len(n.selects))
	sql := fmt.Sprintf("SELECT %s AS k, count(*) AS n, count(%s) AS c, max(%s) AS m, first(%s ORDER BY id) AS f FROM s", n.part(), n.part(), n.part(), n.part())
	rows := n.r.IntN(2) == 0
	if rows {
		c := pick(n.r, n.columns...)
		sql = fmt.Sprintf("SELECT id, %s AS whole, %s AS x FROM s", c.Name, n.part())
		if c.Type.Kind == batch.Struct {
			sql = fmt.Sprintf("SELECT id, %s.a AS whole, [%s] AS x FROM s", c.Name, n.part())
		}
	}
	if n.r.IntN(2) == 0 {
		sql += " WHERE " + n.part() + " IS NOT NULL"
	}
	if !rows {
		sql += " GROUP BY ALL"
	}
	n.note("%s: %s", name, sql)
	n.selects[name] = sql
	return n.db.Exec(ctx, "CREATE MATERIALIZED VIEW "+name+" AS "+strings.Replace(sql, "GROUP BY ALL", "GROUP BY k", 1))
}

// nested returns an expression that is a nested value, or was to be one.
func (n *nestedRun) nested() string {
	c := pick(n.whole, n.columns...)
	typ, sql := c.Type, c.Name
	for typ.Nested != nil && n.whole.IntN(3) == 0 {
		switch typ.Kind {
		case batch.Struct:
			f := pick(n.whole, typ.Children()...)
			typ, sql = f.Type, sql+"."+strconv.Quote(f.Name)
		case batch.List:
			typ, sql = typ.Element(), "("+sql+")[1]"
		default:
			return "map_values(" + sql + ")"
		}
	}
	return pick(n.whole, sql, sql, "["+sql+"]", "{'x': "+sql+", 'n': id % 2}")
}

// createWhole makes a view that groups by nested values and aggregates them.
func (n *nestedRun) createWhole(ctx context.Context) error {
	name := fmt.Sprint("w", len(n.selects))
	key := n.nested()
	items := []string{key + " AS k"}
	if n.whole.IntN(2) == 0 {
		items = append(items, "time_bucket(INTERVAL '20 seconds', ts) AS w")
	}
	for i := range 1 + n.whole.IntN(4) {
		x := n.nested()
		items = append(items, fmt.Sprintf(pick(n.whole, "count(%s)", "count(DISTINCT %s)", "list(%s ORDER BY id)", "first(%s ORDER BY id DESC)", "arg_max(%s, id)", "arg_min(%s, id)",
			"arg_max_null(%s, id)", "max(%s)", "min(%s) FILTER (WHERE id %% 3 > 0)", "len(list(DISTINCT %s))", "array_agg(%s ORDER BY id DESC)[1]",
			"arg_max(id, (%s, id))", "arg_min(id, {'a': %s, 'b': id})", "last(id ORDER BY %s DESC, id)", "first(%[1]s ORDER BY %[1]s NULLS FIRST, id DESC)"), x)+" AS a"+strconv.Itoa(i))
	}
	items = append(items, pick(n.whole, "any_value", "first", "last")+"("+key+") AS same", "count(*) AS n")
	sql := "SELECT " + strings.Join(items, ", ") + " FROM s GROUP BY ALL"
	n.note("%s: %s", name, sql)
	n.selects[name] = sql
	return n.db.Exec(ctx, "CREATE MATERIALIZED VIEW "+name+" AS "+sql)
}

// compareAll compares the source and all views with plain DuckDB.
func (n *nestedRun) compareAll(ctx context.Context) error {
	of := map[string]string{"s": "SELECT * FROM s"}
	for name, sql := range n.selects {
		of[name] = sql
	}
	for name, sql := range of {
		columns := "* EXCLUDE (_partition, _offset, _timestamp, _key)"
		if strings.HasSuffix(sql, "GROUP BY ALL") {
			columns = "*"
		}
		if err := n.compareWith(ctx, name, columns, sql); err != nil {
			return err
		}
	}
	return nil
}

// reopen closes the database and opens it again, as it is or as a crash would have
// left it: what no checkpoint had is gone then.
func (n *nestedRun) reopen(ctx context.Context, crash bool) error {
	if err := n.openAgain(ctx, crash); err != nil {
		return err
	}
	count, err := n.text(ctx, nil, "SELECT count(*)::VARCHAR FROM s")
	if err != nil {
		return err
	}
	left, err := strconv.Atoi(count[0][0])
	if err != nil || left < n.kept || !crash && left != n.records {
		return fmt.Errorf("%d records are left of %d, of which %d were durable", left, n.records, n.kept)
	}
	n.note("%d records are left of %d", left, n.records)
	n.records, n.kept = left, left
	return n.plain.Exec(ctx, fmt.Sprint("DELETE FROM s WHERE id >= ", left))
}

func (n *nestedRun) all(ctx context.Context) error {
	if err := n.create(ctx); err != nil {
		return err
	}
	for range 25 {
		var err error
		switch n.r.IntN(9) {
		case 0:
			if len(n.selects) < 12 {
				err = n.createView(ctx)
			}
			if err == nil && len(n.selects) < 12 {
				err = n.createWhole(ctx)
			}
		case 1:
			n.note("checkpoint")
			err = n.db.Checkpoint(ctx)
			n.kept = n.records
		case 2:
			crash := n.r.IntN(2) == 0
			n.note("reopen, crash: %t", crash)
			err = n.reopen(ctx, crash)
		case 3, 4:
			err = n.compareAll(ctx)
		default:
			err = n.append(ctx)
		}
		if err != nil {
			return err
		}
	}
	return n.compareAll(ctx)
}

// TestNestedOracle: nested columns, and views over them and their parts, are what plain
// DuckDB makes of the same records, through checkpoints, restarts and crashes.
func TestNestedOracle(t *testing.T) {
	t.Parallel()
	nestedSeeds(t, 3, func(seed uint64, base *run) func(context.Context) error {
		n := &nestedRun{run: base, r: rand.New(rand.NewPCG(seed, 77)), whole: rand.New(rand.NewPCG(seed, 78)), selects: make(map[string]string)}
		return n.all
	})
}

// nestedSeeds plays 12 seeds, or the first few in the short form, each with a database of
// ours and a plain DuckDB that are open.
func nestedSeeds(t *testing.T, few uint64, player func(seed uint64, base *run) (play func(context.Context) error)) {
	ctx, last := context.Background(), uint64(12)
	if testing.Short() {
		last = few
	}
	for seed := uint64(1); seed <= last; seed++ {
		plain, err := openPlain(ctx)
		if err != nil {
			t.Fatal(err)
		}
		u := &run{root: t.TempDir(), plain: plain}
		play := player(seed, u)
		u.dir = u.newDir()
		if err = u.open(ctx); err == nil {
			err = play(ctx)
			err = errors.Join(err, u.close(ctx))
		}
		plain.Close()
		if err != nil {
			t.Errorf("seed %d: %v\n  %s", seed, err, strings.Join(u.trace, "\n  "))
		}
	}
}

// openAgain closes the database and opens it as it is, or as a crash would have left it.
func (u *run) openAgain(ctx context.Context, crash bool) error {
	copied := u.newDir()
	if err := os.CopyFS(copied, os.DirFS(u.dir)); err != nil {
		return err
	}
	if err := u.close(ctx); err != nil {
		return err
	}
	if crash {
		u.dir = copied
	}
	return u.open(ctx)
}

// compareWith compares columns of a relation with what plain DuckDB says.
func (u *run) compareWith(ctx context.Context, name, columns, want string) error {
	have, err := u.text(ctx, nil, "SELECT COLUMNS(*)::VARCHAR FROM (SELECT "+columns+" FROM "+name+")")
	if err != nil {
		return err
	}
	rows, err := u.plain.Text(ctx, "SELECT COLUMNS(*)::VARCHAR FROM ("+want+")")
	if err != nil {
		return fmt.Errorf("plain DuckDB: %s: %w", want, err)
	}
	if diff := enginetest.Differ(have, rows, nil); diff != "" {
		return fmt.Errorf("%s: %s: %s", name, want, diff)
	}
	return nil
}
