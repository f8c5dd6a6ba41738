package checkpoint

import (
	"context"
	"fmt"

	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
)

// createTable makes a history table, of what is staged for it if the checkpoint says so.
func (s *Store) createTable(ctx context.Context, w *Write, t *history.Table, number int64) (history.Segment, error) {
	if w.Staged != t.Name {
		return history.Create(ctx, s.conn, t, number, w.At)
	}
	staged := s.staged[t.Name]
	delete(s.staged, t.Name)
	return history.Adopt(ctx, s.conn, t, staged, number)
}

// stage appends rows for a table that is not there yet, and drops what is not wanted.
func (s *Store) stage(ctx context.Context, w *Write) (rows int64, err error) {
	for _, table := range w.Unstage {
		delete(s.staged, table)
		if err := history.Unstage(ctx, s.conn, table); err != nil {
			return 0, err
		}
	}
	if w.Stage == nil {
		return 0, nil
	}
	t := &w.Stage.Table
	seg := s.staged[t.Name]
	if w.Stage.First {
		if err := history.Unstage(ctx, s.conn, t.Name); err != nil {
			return 0, err
		}
		if seg, err = history.Stage(ctx, s.conn, t, w.At); err != nil {
			return 0, err
		}
	}
	rows, err = s.appendTo(ctx, &seg, t, &Rows{From: map[string]duck.Relation{"rows": w.Stage.Rows}, SQL: "SELECT * FROM ms_scan('rows')"}, w.At)
	s.staged[t.Name] = seg
	return rows, err
}

// unstageAll drops what was staged by a process that has ended.
func (s *Store) unstageAll(ctx context.Context) error {
	tables, err := history.Staged(ctx, s.conn)
	if err != nil {
		return fmt.Errorf("look for staged rows: %w", err)
	}
	for _, t := range tables {
		if err := history.Unstage(ctx, s.conn, t); err != nil {
			return err
		}
	}
	if len(tables) > 0 {
		_ = s.Fold(ctx, 1) // so that the file has room of it; a later one does as well
	}
	return nil
}
