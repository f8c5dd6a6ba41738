package enginetest_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/millstream-db/millstream/engine/enginetest"
	"github.com/millstream-db/millstream/query"
)

// createTables makes the tables that views of the seed may join.
func (u *run) createTables(ctx context.Context) error {
	n := pick(u.rand, 0, 1, 1, 2)
	if u.source.Focus == enginetest.Lookups {
		n = max(n, 1)
	}
	for i := range n {
		make := pick(u.rand, enginetest.NewTable, enginetest.NewKeyedTable)
		t := make(u.rand, u.source, fmt.Sprint("t", i))
		u.tables = append(u.tables, t)
		u.note("%s", t.CreateSQL())
		if err := u.db.Exec(ctx, t.CreateSQL()); err != nil {
			return err
		}
		if err := u.judge.AddTable(ctx, t); err != nil {
			return fmt.Errorf("judge: %w", err)
		}
		if err := u.change(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// newView returns a view over the source, joined or not, or over another view.
func (u *run) newView(ctx context.Context) (*enginetest.View, error) {
	name := fmt.Sprint("v", len(u.views))
	reads, err := u.readable(ctx)
	if err != nil {
		return nil, err
	}
	if u.rand.IntN(4) == 0 {
		return enginetest.NewRowView(u.rand, reads, name), nil
	}
	return enginetest.NewView(u.rand, reads, name), nil
}

// readable returns something that a view can read.
func (u *run) readable(ctx context.Context) (*enginetest.Source, error) {
	streams := slices.DeleteFunc(u.live(), func(v *enginetest.LiveView) bool { return !v.Readable() || v.Depth() > 2 })
	if len(streams) > 0 && u.often(enginetest.Streams) {
		s, err := u.judge.Stream(ctx, pick(u.rand, streams...))
		if err != nil {
			return nil, fmt.Errorf("judge: %w", err)
		}
		if len(s.Columns) > 1 {
			return s, nil
		}
	}
	if len(u.tables) == 0 || !u.often(enginetest.Lookups) {
		return u.source, nil
	}
	joined := u.tables[:1+u.rand.IntN(len(u.tables))]
	if u.rand.IntN(4) == 0 { // the same one again
		joined = append([]*enginetest.Table{joined[0]}, joined...)
	}
	pairs := int64(1)
	for i, t := range joined {
		n, err := u.judge.Matches(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("judge: %w", err)
		}
		if pairs *= max(n, 1); i > 0 && pairs > pairsMax {
			joined = joined[:i]
			break
		}
	}
	return u.source.Join(u.rand, joined), nil
}

// pairsMax is how often a record may come out of several joins, by the tables as they are when the
// view is made: both sides would compute for minutes. TestManyToManyJoins of package query has
// larger ones.
const pairsMax = 500

// changeTable changes a table. That commits everything before it.
func (u *run) changeTable(ctx context.Context) error {
	return u.change(ctx, pick(u.rand, u.tables...))
}

func (u *run) change(ctx context.Context, t *enginetest.Table) error {
	if t.Keyed {
		return u.upsert(ctx, t)
	}
	c := t.NewChange(u.rand)
	u.note("%s", c.SQL)
	if err := u.judge.Change(ctx, t, c); err != nil {
		return fmt.Errorf("judge: %s: %w", c.SQL, err)
	}
	return u.db.Exec(ctx, c.SQL)
}

// upserted is changes of a keyed table that were made.
type upserted struct {
	tick int64
	next int64 // the offset that follows them
}

// upsert changes a keyed table. That commits nothing.
func (u *run) upsert(ctx context.Context, t *enginetest.Table) error {
	c := t.NewUpserts(u.rand)
	if c.Len() == 0 {
		return nil
	}
	first := int64(0)
	if made := u.upserts[t.Name]; len(made) > 0 {
		first = made[len(made)-1].next
	}
	if u.truncates.IntN(8) == 0 {
		c.Truncate(u.truncates)
	}
	u.note("upsert %d rows of %s", c.Len(), t.Name)
	tick, err := u.judge.Upsert(ctx, t, c)
	if err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	if u.upserts == nil {
		u.upserts = make(map[string][]upserted)
	}
	u.upserts[t.Name] = append(u.upserts[t.Name], upserted{tick, first + int64(c.Len())})
	return u.db.Append(ctx, t.Name, c.Batch(t, u.db.Engine().Allocator(), first, time.UnixMicro(u.clock.Load())))
}

// resumeKeyed finds out which changes of keyed tables the database has kept.
// They must be just those that came before what it has not kept: batch at+1 of
// the source, and each other.
func (u *run) resumeKeyed(ctx context.Context, at int, whole bool) error {
	low, high := u.judge.TickOf(at), int64(math.MaxInt64)
	if at < u.judge.Batches() {
		high = u.judge.TickOf(at + 1)
	}
	for _, t := range u.tables {
		if !t.Keyed {
			continue
		}
		rows, err := u.text(ctx, nil, "SELECT next_offset::VARCHAR FROM millstream.partitions WHERE source = '"+t.Name+"'")
		if err != nil {
			return err
		}
		next := int64(0)
		if len(rows) > 0 {
			if _, err := fmt.Sscan(rows[0][0], &next); err != nil {
				return err
			}
		}
		made := u.upserts[t.Name]
		kept := slices.IndexFunc(made, func(c upserted) bool { return c.next > next })
		if kept < 0 {
			kept = len(made)
		}
		if kept == 0 && next > 0 || kept > 0 && made[kept-1].next != next || whole && kept < len(made) {
			return fmt.Errorf("after the restart %s is at offset %d", t.Name, next)
		}
		last := int64(0)
		if kept > 0 {
			last = made[kept-1].tick
			low = max(low, last)
		}
		if kept < len(made) {
			high = min(high, made[kept].tick)
		}
		u.upserts[t.Name] = made[:kept]
		if err := u.judge.Forget(ctx, t, last); err != nil {
			return err
		}
	}
	if low > high || high <= u.settled {
		return fmt.Errorf("after the restart the sources are at no common epoch: %d to %d, %d was durable", low, high, u.settled)
	}
	return nil
}

func (u *run) compareTables(ctx context.Context, s *query.Session, tick int64) error {
	for _, t := range u.tables {
		have, err := u.text(ctx, s, enginetest.AsText(t.Names(), t.Name))
		if err != nil {
			return err
		}
		want, err := u.judge.Table(ctx, t, tick)
		if err != nil {
			return fmt.Errorf("judge: %w", err)
		}
		if difference := enginetest.Differ(have, want, nil); difference != "" {
			return fmt.Errorf("table %s: %s", t.Name, difference)
		}
	}
	return nil
}
