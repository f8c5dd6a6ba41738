package checkpoint

import (
	"context"
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/history"
)

// Rename gives an object another name, and history tables theirs.
type Rename struct {
	From, To string
	Tables   [][2]string // history tables: the old name and the new one
}

// NewRename gives an object another name, and its tables, whose names begin with its
// own, theirs.
func NewRename(tables []history.Table, name, from, to string) Rename {
	r := Rename{From: from, To: to}
	for _, t := range tables {
		suffix := strings.TrimPrefix(t.Name, name)
		r.Tables = append(r.Tables, [2]string{from + suffix, to + suffix})
	}
	return r
}

// alter changes objects that stay. It comes first in a checkpoint, which speaks
// of them by their new names.
func (s *Store) alter(ctx context.Context, w *Write) error {
	for i := range w.Rename {
		if err := s.rename(ctx, &w.Rename[i]); err != nil {
			return err
		}
	}
	for i := range w.Alter {
		t := w.Alter[i]
		had := s.tables[t.Name]
		if had == nil {
			return fmt.Errorf("history table %s does not exist", t.Name)
		}
		if err := history.Extend(ctx, s.conn, had.Columns, &t, s.segments[t.Name]); err != nil {
			return err
		}
		s.tables[t.Name] = &t
	}
	for _, o := range w.Update {
		err := s.conn.Exec(ctx, fmt.Sprintf("UPDATE internal.objects SET sql = %s, definition = %s WHERE name = %s",
			history.Literal(o.SQL), history.Literal(string(o.Definition)), history.Literal(o.Name)))
		if err != nil {
			return fmt.Errorf("change %s: %w", o.Name, err)
		}
	}
	return nil
}

func (s *Store) rename(ctx context.Context, r *Rename) error {
	for _, names := range r.Tables {
		from, to := names[0], names[1]
		t := s.tables[from]
		if t == nil {
			return fmt.Errorf("history table %s does not exist", from)
		}
		segments, err := history.Rename(ctx, s.conn, t, s.segments[from], to)
		if err != nil {
			return err
		}
		renamed := *t
		renamed.Name = to
		delete(s.tables, from)
		delete(s.segments, from)
		s.tables[to], s.segments[to] = &renamed, segments
	}
	if g := s.generation[r.From]; g != nil {
		if g.number > 0 {
			for _, suffix := range []string{"", detailSuffix} {
				to := history.Quote(stateName(r.To, g.number, suffix))
				if err := s.conn.Exec(ctx, "ALTER TABLE "+stateTable(r.From, g.number, suffix)+" RENAME TO "+to); err != nil {
					return fmt.Errorf("rename state of %s: %w", r.From, err)
				}
			}
		}
		delete(s.generation, r.From)
		s.generation[r.To] = g
	}
	return s.conn.Exec(ctx, fmt.Sprintf("UPDATE internal.receipts SET source = %s WHERE source = %s; UPDATE internal.objects SET name = %[1]s WHERE name = %[2]s",
		history.Literal(r.To), history.Literal(r.From)))
}
