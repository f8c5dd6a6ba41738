// Package history keeps rows past the hot buffers in ordinary DuckDB tables.
//
// A [Table]'s rows lie in segments: tables segments."name#1", "name#2", … that
// are only appended to. A segment is closed after a share of the retention time
// and dropped as a whole when its last row is older than the retention; nothing
// is updated or deleted in place, so the file's space is used again. The view
// main."name" is all segments together, for Millstream and for whoever opens
// the file with DuckDB. Rows that are there before their table is are staged in
// segments."name#0", which is in no view.
//
// The package makes and runs SQL on the connection it is given, inside the
// caller's transaction.
package history

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
)

// Table is one table of history.
type Table struct {
	Name      string
	Columns   []batch.Column
	Retention time.Duration // 0: for ever
}

// Segment is one of its tables.
type Segment struct {
	Table   string
	Number  int64
	Created time.Time // when its first rows were committed
	Last    time.Time // when its newest rows were committed
	Rows    int64
}

// segmentsPerRetention is into how many segments the retention time is cut:
// rows are dropped at most an eighth of it too late.
const segmentsPerRetention = 8

// Name returns the segment's qualified, quoted table name.
func (s *Segment) Name() string { return "segments." + Quote(s.local()) }

func (s *Segment) local() string { return fmt.Sprintf("%s#%d", s.Table, s.Number) }

// Names returns the names of tables.
func Names(tables []Table) []string {
	names := make([]string, len(tables))
	for i := range tables {
		names[i] = tables[i].Name
	}
	return names
}

// Quote returns an SQL identifier in quotes.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Literal returns an SQL string literal.
func Literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Columns returns the quoted names of columns, separated by commas.
func Columns(columns []batch.Column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = Quote(c.Name)
	}
	return strings.Join(names, ", ")
}

func definitions(columns []batch.Column) string {
	defs := make([]string, len(columns))
	for i, c := range columns {
		defs[i] = Quote(c.Name) + " " + c.Type.String()
	}
	return strings.Join(defs, ", ")
}

// Create makes a table with its first segment, which gets the given number.
func Create(ctx context.Context, conn *duck.Conn, t *Table, number int64, now time.Time) (Segment, error) {
	s := Segment{Table: t.Name, Number: number, Created: now, Last: now}
	if err := createSegment(ctx, conn, t, &s); err != nil {
		return s, err
	}
	return s, refreshView(ctx, conn, t, []Segment{s})
}

// Stage makes a segment of a table that is not there yet: nobody sees it until it is
// adopted. Its number, 0, is no other's.
func Stage(ctx context.Context, conn *duck.Conn, t *Table, now time.Time) (Segment, error) {
	s := Segment{Table: t.Name, Created: now, Last: now}
	return s, createSegment(ctx, conn, t, &s)
}

// Adopt makes a table whose first segment is one that was staged, which gets the given number.
func Adopt(ctx context.Context, conn *duck.Conn, t *Table, staged Segment, number int64) (Segment, error) {
	s := staged
	s.Number = number
	if err := renameSegment(ctx, conn, &staged, &s); err != nil {
		return s, err
	}
	return s, refreshView(ctx, conn, t, []Segment{s})
}

// Unstage drops a segment that is not wanted any more.
func Unstage(ctx context.Context, conn *duck.Conn, table string) error {
	s := Segment{Table: table}
	if err := conn.Exec(ctx, "DROP TABLE IF EXISTS "+s.Name()); err != nil {
		return fmt.Errorf("drop history segment %s: %w", s.Name(), err)
	}
	return nil
}

// stagedSuffix is how the name of a segment with the number 0 ends.
const stagedSuffix = "#0"

// IsStaged reports whether a table of the schema segments is a staged segment.
func IsStaged(table string) bool { return strings.HasSuffix(table, stagedSuffix) }

// Staged returns the tables that have a staged segment.
func Staged(ctx context.Context, conn *duck.Conn) (tables []string, err error) {
	const sql = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'history' AND schema_name = 'segments' AND suffix(table_name, '" + stagedSuffix + "')"
	err = conn.Each(ctx, sql, func(scan func(...any) error) error {
		var table string
		err := scan(&table)
		tables = append(tables, strings.TrimSuffix(table, stagedSuffix))
		return err
	})
	return tables, err
}

func createSegment(ctx context.Context, conn *duck.Conn, t *Table, s *Segment) error {
	sql := fmt.Sprintf("CREATE TABLE %s (%s)", s.Name(), definitions(t.Columns))
	if err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("create history segment %s: %w", s.Name(), err)
	}
	return nil
}

// refreshView makes main."name" all of the table's segments.
func refreshView(ctx context.Context, conn *duck.Conn, t *Table, segments []Segment) error {
	parts := make([]string, len(segments))
	for i := range segments {
		parts[i] = "SELECT " + Columns(t.Columns) + " FROM " + segments[i].Name()
	}
	sql := fmt.Sprintf("CREATE OR REPLACE VIEW main.%s AS %s", Quote(t.Name), strings.Join(parts, " UNION ALL "))
	if err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("refresh history view %s: %w", t.Name, err)
	}
	return nil
}

// Maintain drops the segments that are past the retention and opens a new one
// when the last has lasted its share. It returns the segments there are then,
// the last of which takes new rows.
func Maintain(ctx context.Context, conn *duck.Conn, t *Table, segments []Segment, now time.Time) ([]Segment, error) {
	if t.Retention <= 0 {
		return segments, nil
	}
	kept := make([]Segment, 0, len(segments)+1)
	for i, s := range segments {
		last := i == len(segments)-1
		if now.Sub(s.Last) > t.Retention && (!last || s.Rows > 0) {
			if err := conn.Exec(ctx, "DROP TABLE "+s.Name()); err != nil {
				return nil, fmt.Errorf("drop history segment %s: %w", s.Name(), err)
			}
			if !last {
				continue
			}
		} else {
			kept = append(kept, s)
		}
		if last && s.Rows > 0 && now.Sub(s.Created) > t.Retention/segmentsPerRetention {
			next := Segment{Table: t.Name, Number: s.Number + 1, Created: now, Last: now}
			if err := createSegment(ctx, conn, t, &next); err != nil {
				return nil, err
			}
			kept = append(kept, next)
		}
	}
	if len(kept) == len(segments) && kept[0].Number == segments[0].Number {
		return segments, nil
	}
	return kept, refreshView(ctx, conn, t, kept)
}

// Drop removes a table with all its rows.
func Drop(ctx context.Context, conn *duck.Conn, name string, segments []Segment) error {
	if err := conn.Exec(ctx, "DROP VIEW main."+Quote(name)); err != nil {
		return fmt.Errorf("drop history of %s: %w", name, err)
	}
	for i := range segments {
		if err := conn.Exec(ctx, "DROP TABLE "+segments[i].Name()); err != nil {
			return fmt.Errorf("drop history segment %s: %w", segments[i].Name(), err)
		}
	}
	return nil
}

// Both is the rows of a table in history, "" for none, and of a relation of what is hot.
func Both(columns []batch.Column, historyTable, relation string) string {
	names := Columns(columns)
	hot := "SELECT " + names + " FROM ms_scan(" + Literal(relation) + ")"
	if historyTable == "" {
		return hot
	}
	return "SELECT " + names + " FROM history.main." + Quote(historyTable) + " UNION ALL " + hot
}
