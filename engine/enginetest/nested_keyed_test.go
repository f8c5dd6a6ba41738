package enginetest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/enginetest"
	"github.com/millstream-db/millstream/ingest/decode"
)

// keyedRun is changes of rows with nested columns, as records of a keyed source d, and
// facts that views join with the latest of them, beside plain DuckDB over the log of
// both.
type keyedRun struct {
	*run
	r        *rand.Rand
	debezium bool
	columns  []batch.Column // of d, behind id
	decoder  interface {
		Decode(key, value []byte, b *batch.Builder) (deleted bool, err error)
	}
	facts  int
	before []int // by change: the facts that came before it
	kept   [2]int
	views  []joinedView
}

// joinedView is a view over f and d. Facts from before it are joined with the rows that
// d had then.
type joinedView struct {
	sql, join      string
	facts, changes int
}

// create makes the sources, and the tables of plain DuckDB.
func (k *keyedRun) create(ctx context.Context) error {
	items := []string{"id BIGINT"}
	k.columns = []batch.Column{{Name: "id", Type: batch.Type{Kind: batch.BigInt}}}
	for i := range 1 + k.r.IntN(3) {
		typ, err := batch.ParseType(nestedType(k.r, 3))
		if err != nil {
			return err
		}
		k.columns = append(k.columns, batch.Column{Name: fmt.Sprint("c", i), Type: typ})
		items = append(items, fmt.Sprintf("c%d %s", i, typ))
	}
	schema := batch.NewSchema(k.columns)
	format := "UPSERT"
	if k.debezium {
		format = "DEBEZIUM"
		k.decoder = decode.NewDebezium(schema, []int{0}, decode.JSONOptions{}, decode.Limits{})
	} else {
		key := decode.NewKey(schema, []int{0}, decode.KeyJSON, decode.JSONOptions{}, decode.Limits{})
		k.decoder = decode.NewKeyed(schema, []int{0}, key, decode.NewJSONColumns(schema, decode.Others(schema, []int{0}), decode.JSONOptions{}, decode.Limits{}))
	}
	columns := strings.Join(items, ", ")
	k.note("%s: %s", format, columns)
	return errors.Join(
		k.db.Exec(ctx, "CREATE SOURCE d ("+columns+", PRIMARY KEY (id)) FORMAT "+format+" ENCODE JSON"),
		k.db.Exec(ctx, "CREATE SOURCE f (n BIGINT, id BIGINT)"),
		k.plain.Exec(ctx, "CREATE OR REPLACE TABLE log ("+columns+", deleted BOOLEAN, place BIGINT); CREATE OR REPLACE TABLE f (n BIGINT, id BIGINT, place BIGINT)"))
}

// record returns a change as a record, and its row in the log.
func (k *keyedRun) record() (key, value []byte, row string) {
	id := k.r.IntN(8)
	key = fmt.Appendf(nil, `{"id": %d}`, id)
	place := len(k.before)
	nulls := strings.Repeat(", NULL", len(k.columns)-1)
	deletion := fmt.Sprintf("%d%s, true, %d", id, nulls, place)
	switch n := k.r.IntN(12); {
	case n < 2:
		return key, nil, deletion
	case n == 2 && k.debezium:
		return key, fmt.Appendf(nil, `{"op": "d", "before": {"id": %d}, "after": null}`, id), deletion
	case n == 3 && k.debezium:
		return nil, []byte(`{"op": "t", "before": null, "after": null}`), fmt.Sprintf("NULL%s, true, %d", nulls, place)
	}
	fields, casts := fmt.Sprintf(`{"id": %d`, id), strconv.Itoa(id)
	for _, c := range k.columns[1:] {
		text, whole := nestedJSON(k.r, c.Type)
		fields += fmt.Sprintf(`, "%s": %s`, c.Name, text)
		casts += fmt.Sprintf(", CAST('%s'::JSON AS %s)", whole, c.Type)
	}
	fields += "}"
	if k.debezium {
		fields = fmt.Sprintf(`{"op": %q, "before": null, "after": %s}`, pick(k.r, "c", "u", "r"), fields)
	}
	return key, []byte(fields), fmt.Sprintf("%s, false, %d", casts, place)
}

// change adds some changes to both.
func (k *keyedRun) change(ctx context.Context) error {
	schema := batch.NewSchema(k.columns).WithMetadata().WithDeleted()
	b := batch.NewBuilder(k.db.Engine().Allocator(), schema)
	defer b.Release()
	first, meta, now := len(k.before), len(k.columns), time.UnixMicro(k.clock.Load())
	for range 1 + k.r.IntN(12) {
		key, value, row := k.record()
		deleted, err := k.decoder.Decode(key, value, b)
		if errors.Is(err, decode.ErrTruncated) { // a deletion without a key, as the reader has it
			deleted, err = true, nil
			for i := range k.columns {
				b.Column(i).AppendNull()
			}
		}
		if err != nil {
			return fmt.Errorf("%s, %s: %w", key, value, err)
		}
		b.Column(meta).AppendInt32(0)
		b.Column(meta + 1).AppendInt64(int64(len(k.before)))
		b.Column(meta + 2).AppendInt64(now.UnixMicro())
		b.Column(meta + 3).AppendNull()
		b.Column(meta + 4).AppendBool(deleted)
		if err := k.plain.Exec(ctx, "INSERT INTO log SELECT "+row); err != nil {
			return fmt.Errorf("plain DuckDB: %s: %w", row, err)
		}
		k.before = append(k.before, k.facts)
	}
	size := b.Bytes()
	next := int64(len(k.before))
	return k.db.Append(ctx, "d", &batch.Batch{Record: b.Finish(), Arrival: now, Bytes: size,
		Ranges: []batch.OffsetRange{{First: int64(first), Next: next, Rows: int(next) - first, End: -1, Epoch: -1}}})
}

// append adds some facts to both.
func (k *keyedRun) append(ctx context.Context) error {
	b, err := k.db.NewRows("f")
	if err != nil {
		return err
	}
	defer b.Release()
	for range 1 + k.r.IntN(20) {
		id := k.r.IntN(9)
		b.Column(0).AppendInt64(int64(k.facts))
		b.Column(1).AppendInt64(int64(id))
		if err := k.plain.Exec(ctx, fmt.Sprintf("INSERT INTO f VALUES (%d, %d, %d)", k.facts, id, len(k.before))); err != nil {
			return err
		}
		k.facts++
	}
	rec := b.Finish()
	defer rec.Release()
	return k.db.AppendRecord(ctx, "f", rec)
}

// createView makes a view that has nested values of d, or groups by them.
func (k *keyedRun) createView(ctx context.Context) error {
	column := func() batch.Column { return pick(k.r, k.columns[1:]...) }
	some := func() string {
		c := column()
		return part(k.r, c.Type, "d."+c.Name)
	}
	v := joinedView{join: pick(k.r, "JOIN", "LEFT JOIN"), facts: k.facts, changes: len(k.before)}
	if k.r.IntN(2) == 0 {
		v.sql = fmt.Sprintf("SELECT f.n, d.%s AS whole, %s AS x, d.id AS key FROM {{joined}}", column().Name, some())
	} else {
		key := pick(k.r, "d."+column().Name, "[d."+column().Name+"]", some())
		v.sql = fmt.Sprintf("SELECT %s AS k, count(*) AS c, count(DISTINCT d.%s) AS u, list(d.%s ORDER BY f.n) AS l, arg_max(d.%s, f.n) AS m, max(%s) AS x FROM {{joined}} GROUP BY ALL",
			key, column().Name, column().Name, column().Name, some())
	}
	name := fmt.Sprint("v", len(k.views))
	sql := strings.Replace(v.sql, "{{joined}}", "f "+v.join+" d ON f.id = d.id", 1)
	k.note("%s: %s", name, sql)
	k.views = append(k.views, v)
	return k.db.Exec(ctx, "CREATE MATERIALIZED VIEW "+name+" AS "+sql)
}

// latest is the rows of the log that hold before a place, by the ids of a relation.
const latest = "(SELECT a.*, max(l.place) AS last FROM %s AS a LEFT JOIN log AS l ON (l.id = a.id OR l.id IS NULL) AND l.place < a.at GROUP BY ALL) AS f %s (SELECT * FROM log WHERE NOT deleted) AS d ON d.place = f.last AND d.id = f.id"

// compareAll compares the rows of d and all views with plain DuckDB.
func (k *keyedRun) compareAll(ctx context.Context) error {
	names := make([]string, len(k.columns))
	for i, c := range k.columns {
		names[i] = c.Name
	}
	ids := fmt.Sprintf("(SELECT DISTINCT id, %d AS at FROM log)", len(k.before))
	err := k.compareWith(ctx, "d", strings.Join(names, ", "), "SELECT d."+strings.Join(names, ", d.")+" FROM "+fmt.Sprintf(latest, ids, "JOIN"))
	for i, v := range k.views {
		facts := fmt.Sprintf("(SELECT n, id, CASE WHEN n < %d THEN %d ELSE place END AS at FROM f)", v.facts, v.changes)
		err = errors.Join(err, k.compareWith(ctx, fmt.Sprint("v", i), "*", strings.Replace(v.sql, "{{joined}}", fmt.Sprintf(latest, facts, v.join), 1)))
	}
	return err
}

// reopen closes the database and opens it again, as it is or as a crash would have left
// it. What is left of both sources must be what there was at one moment.
func (k *keyedRun) reopen(ctx context.Context, crash bool) error {
	if err := k.openAgain(ctx, crash); err != nil {
		return err
	}
	rows, err := k.text(ctx, nil, "SELECT coalesce((SELECT next_offset FROM millstream.partitions WHERE source = 'd'), 0)::VARCHAR, (SELECT count(*) FROM f)::VARCHAR")
	if err != nil {
		return err
	}
	changes, err1 := strconv.Atoi(rows[0][0])
	facts, err2 := strconv.Atoi(rows[0][1])
	k.note("%d changes and %d facts are left of %d and %d", changes, facts, len(k.before), k.facts)
	torn := changes > 0 && facts < k.before[changes-1] || changes < len(k.before) && facts > k.before[changes]
	if err1 != nil || err2 != nil || torn || changes < k.kept[0] || facts < k.kept[1] || !crash && (changes < len(k.before) || facts < k.facts) {
		return fmt.Errorf("%d changes and %d facts are left of %d and %d, of which %v were durable", changes, facts, len(k.before), k.facts, k.kept)
	}
	k.before, k.facts, k.kept = k.before[:changes], facts, [2]int{changes, facts}
	return k.plain.Exec(ctx, fmt.Sprintf("DELETE FROM log WHERE place >= %d; DELETE FROM f WHERE n >= %d", changes, facts))
}

func (k *keyedRun) all(ctx context.Context) error {
	if err := k.create(ctx); err != nil {
		return err
	}
	for range 25 {
		var err error
		switch k.r.IntN(10) {
		case 0:
			if len(k.views) < 5 {
				err = k.createView(ctx) // which is a checkpoint
				k.kept = [2]int{len(k.before), k.facts}
			}
		case 1:
			k.note("checkpoint")
			err = k.db.Checkpoint(ctx)
			k.kept = [2]int{len(k.before), k.facts}
		case 2:
			crash := k.r.IntN(2) == 0
			k.note("reopen, crash: %t", crash)
			err = k.reopen(ctx, crash)
		case 3:
			err = k.compareAll(ctx)
		case 4, 5, 6:
			err = k.append(ctx)
		default:
			err = k.change(ctx)
		}
		if err != nil {
			return err
		}
	}
	return k.compareAll(ctx)
}

// TestNestedKeyedOracle: sources of FORMAT UPSERT and DEBEZIUM with nested columns have
// the rows, and views that join them the values, that the log of their changes says,
// through checkpoints, restarts and crashes.
func TestNestedKeyedOracle(t *testing.T) {
	t.Parallel()
	nestedSeeds(t, 4, func(seed uint64, base *run) func(context.Context) error {
		k := &keyedRun{run: base, r: rand.New(rand.NewPCG(seed, 79)), debezium: seed%2 == 0}
		k.clock.Store(enginetest.ClockStart.UnixMicro())
		return k.all
	})
}
