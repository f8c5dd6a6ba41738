package enginetest_test

import (
	"context"
	"fmt"

	"github.com/millstream-db/millstream/engine/enginetest"
	"github.com/millstream-db/millstream/query"
)

// compare holds everything that can be read now against the judge.
func (u *run) compare(ctx context.Context) error {
	u.note("compare")
	if err := u.compareTables(ctx, nil, u.judge.Tick()); err != nil {
		return err
	}
	if err := u.compareFollowed(ctx); err != nil {
		return err
	}
	return u.compareAt(ctx, nil, u.judge.Batches(), u.live())
}

func (u *run) compareAt(ctx context.Context, s *query.Session, at int, views []*enginetest.LiveView) error {
	u.reads++
	for _, v := range views {
		if err := u.compareView(ctx, s, at, v); err != nil {
			return err
		}
	}
	if err := u.compareSource(ctx, s, at); err != nil {
		return err
	}
	return u.compareLate(ctx, s, at, views)
}

func (u *run) compareView(ctx context.Context, s *query.Session, at int, v *enginetest.LiveView) error {
	have, err := u.text(ctx, s, enginetest.AsText(v.Columns, v.Name))
	if err != nil {
		return err
	}
	if v.AppendOnly() {
		if err := u.compareText(ctx, s, "SELECT (count(DISTINCT _offset) = count(*))::VARCHAR FROM "+v.Name, enginetest.Rows{{"true"}}); err != nil {
			return err
		}
	}
	want, err := u.judge.View(ctx, v, at)
	if err != nil {
		return fmt.Errorf("judge: %s: %w", v.SQL, err)
	}
	if difference := enginetest.Differ(have, want, v.Approx); difference != "" {
		return fmt.Errorf("view %s, created after batch %d, at batch %d: %s\n%s", v.Name, v.Created, at, difference, v.SQL)
	}
	return nil
}

// compareSource compares digests first: there are many rows.
func (u *run) compareSource(ctx context.Context, s *query.Session, at int) error {
	for _, ask := range []func([]string, string) string{enginetest.Digest, enginetest.AsText} {
		have, err := u.text(ctx, s, ask(u.judge.SourceColumns(), u.source.Name))
		if err != nil {
			return err
		}
		want, err := u.judge.Source(ctx, at, ask)
		if err != nil {
			return fmt.Errorf("judge: %w", err)
		}
		difference := enginetest.Differ(have, want, nil)
		if difference == "" {
			return nil
		}
		if len(have) != 1 || len(have[0]) != 2 {
			return fmt.Errorf("source at batch %d: %s", at, difference)
		}
	}
	return fmt.Errorf("source at batch %d: digests differ, rows do not", at)
}

func (u *run) compareLate(ctx context.Context, s *query.Session, at int, views []*enginetest.LiveView) error {
	want, err := u.compareLateOf(ctx, s, at, nil)
	if err != nil {
		return err
	}
	perView, perPartition := make(map[string]int), make(map[string]int)
	for _, row := range want {
		perView[row[0]]++
		perPartition[row[4]]++
	}
	for _, v := range views {
		if !v.AppendOnly() {
			continue
		}
		late, err := u.compareLateOf(ctx, s, at, v)
		if err != nil {
			return err
		}
		for _, row := range late {
			perView[row[0]]++
		}
	}
	return u.compareCounters(ctx, s, at, views, len(want), perView, perPartition)
}

// compareLateOf compares the late rows of the source, or of a view, and returns
// what they must be.
func (u *run) compareLateOf(ctx context.Context, s *query.Session, at int, of *enginetest.LiveView) (enginetest.Rows, error) {
	name := u.source.Name
	if of != nil {
		name = of.Name
		if _, err := u.judge.Stream(ctx, of); err != nil {
			return nil, fmt.Errorf("judge: %w", err)
		}
	}
	have, err := u.text(ctx, s, enginetest.AsText(u.judge.LateColumns(of), `"`+name+`$late"`))
	if err != nil {
		return nil, err
	}
	want, err := u.judge.Late(ctx, u.views, of, at)
	if err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	if difference := enginetest.Differ(have, want, nil); difference != "" {
		return nil, fmt.Errorf("late rows of %s at batch %d: %s", name, at, difference)
	}
	return want, nil
}

func (u *run) compareCounters(ctx context.Context, s *query.Session, at int, views []*enginetest.LiveView, late int, perView, perPartition map[string]int) error {
	mark, err := u.judge.Watermark(ctx, at)
	if err != nil {
		return err
	}
	records := u.judge.Records(at)
	want := enginetest.Rows{{fmt.Sprint(records), fmt.Sprint(late), mark}}
	if err := u.compareText(ctx, s, "SELECT rows::VARCHAR, late::VARCHAR, watermark::VARCHAR FROM millstream.sources WHERE name = '"+u.source.Name+"'", want); err != nil {
		return err
	}
	want = nil
	for p, next := range u.judge.Offsets(at) {
		id := fmt.Sprint(p)
		want = append(want, []string{id, fmt.Sprint(next), fmt.Sprint(perPartition[id])})
	}
	if err := u.compareText(ctx, s, "SELECT partition::VARCHAR, next_offset::VARCHAR, late::VARCHAR FROM millstream.partitions WHERE source = '"+u.source.Name+"'", want); err != nil {
		return err
	}
	want = nil
	for _, v := range views {
		want = append(want, []string{v.Name, fmt.Sprint(perView[v.Name]), "0"})
	}
	return u.compareText(ctx, s, counters(views), want)
}

// counters is the query of what is counted of views. How often something failed
// depends on how records came in batches, and so counts where nothing may fail.
func counters(views []*enginetest.LiveView) string {
	failing := "''"
	for _, v := range views {
		if v.Fails {
			failing += ", '" + v.Name + "'"
		}
	}
	return "SELECT name, late::VARCHAR, CASE WHEN name IN (" + failing + ") THEN '0' ELSE errors::VARCHAR END FROM millstream.views"
}

func (u *run) compareText(ctx context.Context, s *query.Session, sql string, want enginetest.Rows) error {
	have, err := u.text(ctx, s, sql)
	if err != nil {
		return err
	}
	if difference := enginetest.Differ(have, want, nil); difference != "" {
		return fmt.Errorf("%s: %s", sql, difference)
	}
	return nil
}
