package history

import (
	"context"
	"fmt"
	"slices"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
)

// Rename gives a table and its segments another name and returns the segments.
func Rename(ctx context.Context, conn *duck.Conn, t *Table, segments []Segment, name string) ([]Segment, error) {
	if err := conn.Exec(ctx, "DROP VIEW main."+Quote(t.Name)); err != nil {
		return nil, fmt.Errorf("rename history of %s: %w", t.Name, err)
	}
	renamed := slices.Clone(segments)
	for i := range renamed {
		renamed[i].Table = name
		if err := renameSegment(ctx, conn, &segments[i], &renamed[i]); err != nil {
			return nil, err
		}
	}
	to := *t
	to.Name = name
	return renamed, refreshView(ctx, conn, &to, renamed)
}

func renameSegment(ctx context.Context, conn *duck.Conn, from, to *Segment) error {
	if err := conn.Exec(ctx, "ALTER TABLE "+from.Name()+" RENAME TO "+Quote(to.local())); err != nil {
		return fmt.Errorf("rename history segment %s: %w", from.Name(), err)
	}
	return nil
}

// Extend adds the columns to a table's segments that it has and they do not,
// with NULL in the rows that are there, and gives others the types that it has for
// them.
func Extend(ctx context.Context, conn *duck.Conn, had []batch.Column, t *Table, segments []Segment) error {
	changed := false
	for _, c := range t.Columns {
		sql := " ADD COLUMN " + definitions([]batch.Column{c})
		if h := slices.IndexFunc(had, func(h batch.Column) bool { return h.Name == c.Name }); h >= 0 {
			if had[h].Type == c.Type {
				continue
			}
			sql = fmt.Sprintf(" ALTER COLUMN %s TYPE %s", Quote(c.Name), c.Type)
		}
		changed = true
		for i := range segments {
			if err := conn.Exec(ctx, "ALTER TABLE "+segments[i].Name()+sql); err != nil {
				return fmt.Errorf("extend history segment %s: %w", segments[i].Name(), err)
			}
		}
	}
	if !changed {
		return nil
	}
	return refreshView(ctx, conn, t, segments)
}
