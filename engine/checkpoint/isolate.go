package checkpoint

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// DuckDB does not hide all rows until they are committed. What a transaction appends
// to an empty table, or a row group and more to any, is moved into the table as it is
// while the log is written, without the number of the transaction: until the commit
// is done, whoever begins to scan the table sees these rows, and the rest of the
// transaction not. (1.5.6; TestBulkCommitsAreRead in package engine shows it.)
//
// So nobody may read while such a commit goes on. Where readers stay, it is made one
// that copies its rows into the table one by one, hidden as they should be: what
// DuckDB does when the transaction has deleted one of its own rows. That takes twice
// as much of the CPU.

const (
	// bulkRows is less than a row group, 122,880 rows.
	bulkRows = 100_000
	// readPatience is how long readers wait for others to end, before a commit that
	// takes a few milliseconds.
	readPatience = 50 * time.Millisecond
	// firstLocalRow is the row id of the first row that a transaction has appended
	// to a table: DuckDB's MAX_ROW_ID.
	firstLocalRow = 36028797018960000
)

// appending is what the open transaction has appended, by table.
type appending map[string]*appended

type appended struct {
	rows  int64
	empty bool // before
	fresh bool // nobody else sees the table
}

// add counts rows of a table. The first call for a table says how it was before.
func (a appending) add(table string, rows int64, empty, fresh bool) {
	if a[table] == nil {
		a[table] = &appended{empty: empty, fresh: fresh}
	}
	a[table].rows += rows
}

// visible returns the tables whose rows would be seen too early.
func (a appending) visible() (tables []string) {
	for _, table := range slices.Sorted(maps.Keys(a)) {
		if t := a[table]; !t.fresh && t.rows > 0 && (t.empty || t.rows >= bulkRows) {
			tables = append(tables, table)
		}
	}
	return tables
}

// HoldCommits keeps commits from being seen in parts, until release is called, once.
// Whoever reads tables of the file beside the writer holds them from the beginning of
// his transaction until he has read. It is safe for concurrent use.
func (s *Store) HoldCommits() (release func()) { return s.reading.hold() }

// isolate makes sure that the transaction, which is about to commit, is seen as a whole.
// done is to be called when it has.
func (s *Store) isolate(ctx context.Context) (done func(), err error) {
	tables := s.appending.visible()
	if len(tables) == 0 {
		return func() {}, nil
	}
	if s.reading.closeIfQuick(readPatience) {
		return s.reading.open, nil
	}
	for _, t := range tables {
		sql := fmt.Sprintf("INSERT INTO %[1]s SELECT * FROM %[1]s WHERE rowid = %[2]d; DELETE FROM %[1]s WHERE rowid = %[2]d", t, firstLocalRow)
		if err := s.conn.Exec(ctx, sql); err != nil {
			return nil, fmt.Errorf("hide the rows of %s: %w", t, err)
		}
	}
	return func() {}, nil
}

// begin forgets what other transactions have appended. Where the file was folded, or
// opened again, no table keeps the room of rows that are gone.
func (s *Store) begin() {
	s.appending = make(appending)
	if folds := s.Folds(); folds != s.filledAt {
		s.filledAt = folds
		clear(s.filled)
	}
}

// committed notes which tables are no longer empty.
func (s *Store) committed() {
	for table, a := range s.appending {
		if a.rows > 0 {
			s.filled[table] = true
		}
	}
}
