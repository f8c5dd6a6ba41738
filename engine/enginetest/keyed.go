package enginetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
)

// NewKeyedTable returns a random source of FORMAT UPSERT, whose latest rows
// views join as those of a table. Its first column is the key.
func NewKeyedTable(r *rand.Rand, s *Source, name string) *Table {
	t := NewTable(r, s, name)
	for t.of.Type.Kind == batch.JSON { // no key has that type
		t = NewTable(r, s, name)
	}
	t.Columns[0].nulls = 1 << 30
	t.Keyed = true
	return t
}

// Upserts are changes of a keyed table, in their order.
type Upserts struct {
	rows    [][]Value // the key first
	deleted []bool    // without a key: all keys were
}

// NewUpserts returns random changes: of new keys and old ones, some of them
// several times.
func (t *Table) NewUpserts(r *rand.Rand) *Upserts {
	u := &Upserts{}
	for range skewed(r, 40) {
		row := make([]Value, len(t.Columns))
		for i := range t.Columns {
			row[i] = t.Columns[i].value(r)
		}
		switch {
		case len(t.keys) > 0 && chance(r, 2):
			row[0] = pick(r, t.keys...)
		case row[0] == nil:
			continue
		default:
			t.keys = append(t.keys, row[0])
		}
		deleted := chance(r, 4)
		if deleted {
			clear(row[1:])
		}
		u.rows, u.deleted = append(u.rows, row), append(u.deleted, deleted)
	}
	return u
}

// Truncate puts a deletion of all keys somewhere between the changes.
func (u *Upserts) Truncate(r *rand.Rand) {
	at := r.IntN(len(u.rows) + 1)
	u.rows = slices.Insert(u.rows, at, make([]Value, len(u.rows[0])))
	u.deleted = slices.Insert(u.deleted, at, true)
}

// Len returns how many changes there are.
func (u *Upserts) Len() int { return len(u.rows) }

// Batch returns the changes as the engine takes them, from an offset on.
func (u *Upserts) Batch(t *Table, mem *batch.Allocator, first int64, arrival time.Time) *batch.Batch {
	var columns []batch.Column
	for _, c := range t.Columns {
		columns = append(columns, batch.Column{Name: c.Name, Type: c.Type})
	}
	b := batch.NewBuilder(mem, batch.NewSchema(columns).WithMetadata().WithDeleted())
	meta := len(columns)
	for i, row := range u.rows {
		for c, v := range row {
			appendTo(b.Column(c), v)
		}
		b.Column(meta).AppendInt32(0)
		b.Column(meta + 1).AppendInt64(first + int64(i))
		b.Column(meta + 2).AppendInt64(arrival.UnixMicro())
		b.Column(meta + 3).AppendNull()
		b.Column(meta + 4).AppendBool(u.deleted[i])
	}
	next := first + int64(len(u.rows))
	bytes := b.Bytes()
	return &batch.Batch{
		Record: b.Finish(), Arrival: arrival, Bytes: bytes,
		Ranges: []batch.OffsetRange{{First: first, Next: next, Rows: len(u.rows), End: -1, Epoch: -1}},
	}
}

// Upsert makes changes, which hold for the batches that come. It returns the
// tick from which on they do.
func (j *Judge) Upsert(ctx context.Context, t *Table, u *Upserts) (int64, error) {
	tick := j.Tick()
	var defs, own []string
	for _, c := range t.Columns {
		defs, own = append(defs, c.Name+" "+stagedType(c.Type)), append(own, unstaged(c.Name, c.Type)+" AS "+c.Name)
	}
	if err := j.db.Exec(ctx, "CREATE OR REPLACE TABLE upserts ("+strings.Join(defs, ", ")+", deleted BOOLEAN, place BIGINT)"); err != nil {
		return 0, err
	}
	var rows [][]any
	for i, row := range u.rows {
		var values []any
		for c, v := range row {
			values = append(values, staged(v, t.Columns[c].Type))
		}
		rows = append(rows, append(values, u.deleted[i], int64(i)))
	}
	if err := j.db.Load(ctx, "upserts", rows); err != nil {
		return 0, err
	}
	names := strings.Join(t.Names(), ", ")
	typed := "(SELECT " + strings.Join(own, ", ") + ", deleted, place FROM upserts)"
	return tick, j.db.Exec(ctx, fmt.Sprintf(`UPDATE %[1]s SET until = %[2]d WHERE until = %[3]d AND (k IN (SELECT k FROM %[4]s WHERE k IS NOT NULL) OR EXISTS (FROM %[4]s WHERE k IS NULL));
		INSERT INTO %[1]s (%[5]s, since, until) SELECT %[5]s, %[2]d, %[3]d FROM %[4]s AS u
		WHERE NOT deleted AND place = (SELECT max(place) FROM %[4]s AS w WHERE w.k = u.k OR w.k IS NULL)`, t.Name, tick, always, typed, names))
}

// Forget takes the changes after a tick back: a crash has.
func (j *Judge) Forget(ctx context.Context, t *Table, tick int64) error {
	return j.db.Exec(ctx, fmt.Sprintf("DELETE FROM %[1]s WHERE since > %[2]d; UPDATE %[1]s SET until = %[3]d WHERE until > %[2]d AND until < %[3]d", t.Name, tick, always))
}

// TickOf returns when batch number i came, counted from 1; 0 comes before all.
func (j *Judge) TickOf(i int) int64 {
	if i == 0 {
		return 0
	}
	return j.ticks[i-1]
}
