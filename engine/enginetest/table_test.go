package enginetest_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/millstream-db/millstream/engine/enginetest"
	"github.com/millstream-db/millstream/query"
)

// createTables makes the tables that views of the seed may join.
func (u *run) createTables(ctx context.Context) error {
	for i := range pick(u.rand, 0, 1, 1, 2) {
		t := enginetest.NewTable(u.rand, u.source, fmt.Sprint("t", i))
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
	if len(streams) > 0 && u.rand.IntN(2) == 0 {
		s, err := u.judge.Stream(ctx, pick(u.rand, streams...))
		if err != nil {
			return nil, fmt.Errorf("judge: %w", err)
		}
		if len(s.Columns) > 1 {
			return s, nil
		}
	}
	if len(u.tables) == 0 || u.rand.IntN(3) == 0 {
		return u.source, nil
	}
	joined := u.tables[:1+u.rand.IntN(len(u.tables))]
	if u.rand.IntN(4) == 0 { // the same one again
		joined = append([]*enginetest.Table{joined[0]}, joined...)
	}
	return u.source.Join(u.rand, joined), nil
}

// changeTable changes a table. That commits everything before it.
func (u *run) changeTable(ctx context.Context) error {
	return u.change(ctx, pick(u.rand, u.tables...))
}

func (u *run) change(ctx context.Context, t *enginetest.Table) error {
	c := t.NewChange(u.rand)
	u.note("%s", c.SQL)
	if err := u.judge.Change(ctx, t, c); err != nil {
		return fmt.Errorf("judge: %s: %w", c.SQL, err)
	}
	return u.db.Exec(ctx, c.SQL)
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
