package checkpoint

import (
	"context"
	"fmt"
	"time"

	"github.com/millstream-db/millstream/engine/history"
)

// unstage drops what is staged for tables, so that what is left is of tables that may be made.
func (s *Store) unstage(ctx context.Context, tables []string) error {
	for _, table := range tables {
		delete(s.staged, table)
		if err := history.Unstage(ctx, s.conn, table); err != nil {
			return err
		}
	}
	return nil
}

// createTable makes a history table, of what is staged for it if anything is.
func (s *Store) createTable(ctx context.Context, t *history.Table, number int64, at time.Time) (history.Segment, error) {
	staged, ok := s.staged[t.Name]
	if !ok {
		return history.Create(ctx, s.conn, t, number, at)
	}
	delete(s.staged, t.Name)
	return history.Adopt(ctx, s.conn, t, staged, number)
}

// stage appends rows for a table that is not there yet.
func (s *Store) stage(ctx context.Context, st *Stage, at time.Time) (rows int64, err error) {
	seg, ok := s.staged[st.Table.Name]
	if !ok {
		if seg, err = history.Stage(ctx, s.conn, &st.Table, at); err != nil {
			return 0, err
		}
	}
	all := AllOf(st.Table.Name, st.Rows)
	rows, err = s.appendTo(ctx, &seg, &st.Table, &all, at)
	s.staged[st.Table.Name] = seg
	return rows, err
}

// unstageAll drops what was staged by a process that has ended.
func (s *Store) unstageAll(ctx context.Context) error {
	tables, err := history.Staged(ctx, s.conn)
	if err != nil {
		return fmt.Errorf("look for staged rows: %w", err)
	}
	if err := s.unstage(ctx, tables); err != nil || len(tables) == 0 {
		return err
	}
	_ = s.Fold(ctx, 1) // so that the file has room of it; a later one does as well
	return nil
}
