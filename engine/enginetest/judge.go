package enginetest

import (
	"context"
	"fmt"
	"strings"
)

// Database is a plain DuckDB, in UTC, for one Judge alone. It is not the
// engine's.
type Database interface {
	// Exec runs statements.
	Exec(ctx context.Context, sql string) error
	// Text runs a query whose columns are VARCHAR; NULL becomes Null.
	Text(ctx context.Context, sql string) (Rows, error)
	// Load appends rows of nil, bool, int64, uint64, float64, string and []byte
	// to a table with columns of just these types.
	Load(ctx context.Context, table string, rows [][]any) error
}

// LiveView is a view and the batches that arrived while it existed.
type LiveView struct {
	*View
	Created int   // batches that were there before it
	Dropped int   // batches that were there when it was dropped, -1 while it exists
	Tick    int64 // the judge's when it was created
	// BatchSQL returns a SELECT over a relation in the place of what it reads,
	// without what does not satisfy the conditions.
	BatchSQL func(sql, relation string, c Conditions) (string, error)
}

// Conditions say what counts for a view besides the rows that it reads; "" is
// everything.
type Conditions struct {
	Sessions string // on the rows that sessions consist of, tables joined
	Windows  string // on rows with the windows that they are in
}

// Judge keeps the log of what arrived and knows what the database must hold. A
// point of the log is a number of batches.
type Judge struct {
	db      Database
	source  *Source
	batches []*Delivery
	records []int   // by batch: records in it and before
	ticks   []int64 // by batch: when it came, among the changes of tables
	tick    int64
	stale   bool // the watermarks do not cover the whole log
}

// NewJudge makes a judge over an empty log.
func NewJudge(ctx context.Context, db Database, s *Source) (*Judge, error) {
	j := &Judge{db: db, source: s, stale: true}
	var stage, columns []string
	for _, c := range s.Columns {
		columns = append(columns, c.Name+" "+c.Type.String())
		if c.Generated == "" {
			stage = append(stage, c.Name+" "+stagedType(c.Type))
		}
	}
	const place = "arrival BIGINT, batch BIGINT, clock BIGINT, _partition BIGINT, _offset BIGINT, _key BLOB, "
	sql := fmt.Sprintf(`DROP TABLE IF EXISTS judged; CREATE OR REPLACE TABLE stage (%s); CREATE OR REPLACE TABLE log (%s)`,
		place+strings.Join(stage, ", "), strings.Replace(place, "_partition BIGINT", "_partition INTEGER", 1)+
			"_timestamp TIMESTAMPTZ, "+strings.Join(columns, ", "))
	return j, db.Exec(ctx, sql)
}

// Batches returns the length of the log.
func (j *Judge) Batches() int { return len(j.batches) }

// Records returns the number of records up to a point.
func (j *Judge) Records(at int) int {
	if at == 0 {
		return 0
	}
	return j.records[at-1]
}

// Append adds a batch to the log.
func (j *Judge) Append(ctx context.Context, d *Delivery) error {
	arrival := j.Records(len(j.batches))
	decoded := j.source.Decoded()
	var rows [][]any
	at := 0
	for _, g := range d.Ranges {
		for _, rec := range d.Records[at : at+g.Rows] {
			arrival++
			var key any
			if rec.Key != nil {
				key = rec.Key
			}
			row := []any{int64(arrival), int64(len(j.batches) + 1), d.Arrival.UnixMicro(), int64(g.Partition), rec.Offset, key}
			for i, v := range rec.Values {
				row = append(row, staged(v, decoded[i].Type))
			}
			rows = append(rows, row)
		}
		at += g.Rows
	}
	j.batches = append(j.batches, d)
	j.records = append(j.records, arrival)
	j.ticks = append(j.ticks, j.Tick())
	j.stale = true
	if err := j.db.Load(ctx, "stage", rows); err != nil {
		return err
	}
	return j.db.Exec(ctx, j.unstageSQL())
}

// unstageSQL moves the staged records into the log.
func (j *Judge) unstageSQL() string {
	var inner, outer []string
	for _, c := range j.source.Columns {
		if c.Generated == "" {
			inner = append(inner, unstaged(c.Name, c.Type)+" AS "+c.Name)
			outer = append(outer, c.Name)
		} else {
			outer = append(outer, c.Generated)
		}
	}
	const place = "arrival, batch, clock, _partition, _offset, _key"
	return fmt.Sprintf("INSERT INTO log SELECT %s, make_timestamptz(clock), %s FROM (SELECT %s, %s FROM stage) ORDER BY arrival; TRUNCATE stage",
		place, strings.Join(outer, ", "), place, strings.Join(inner, ", "))
}

// Truncate forgets what arrived after a point: a crash has.
func (j *Judge) Truncate(ctx context.Context, batches int) error {
	j.batches, j.records, j.ticks = j.batches[:batches], j.records[:batches], j.ticks[:batches]
	j.stale = true
	return j.db.Exec(ctx, fmt.Sprintf("DELETE FROM log WHERE batch > %d", batches))
}

// Offsets returns the next offset of each partition that has appeared by a
// point.
func (j *Judge) Offsets(at int) map[int32]int64 {
	next := make(map[int32]int64)
	for _, d := range j.batches[:at] {
		for _, g := range d.Ranges {
			next[g.Partition] = g.Next
		}
	}
	return next
}

// Find returns the point of the log at which the partitions had the given
// next offsets, or -1.
func (j *Judge) Find(offsets map[int32]int64) int {
	next := make(map[int32]int64)
	equal := func() bool {
		for p, n := range offsets {
			if next[p] != n {
				return false
			}
		}
		return len(next) == len(offsets)
	}
	if equal() {
		return 0
	}
	for i, d := range j.batches {
		for _, g := range d.Ranges {
			next[g.Partition] = g.Next
		}
		if equal() {
			return i + 1
		}
	}
	return -1
}

// judge brings the watermarks up to date: the table judged is the log with the
// watermark in force before each record.
func (j *Judge) judge(ctx context.Context) error {
	if !j.stale {
		return nil
	}
	j.stale = false
	return j.db.Exec(ctx, "CREATE OR REPLACE TABLE judged AS SELECT log.*, mark, after FROM log JOIN ("+
		marksSQL(j.source.Partitions, j.source.eventTime().Name, j.source.DelayMicros)+") USING (arrival)")
}

// zone is what makes a make_timestamp of the event time's type.
func (j *Judge) zone() string {
	if strings.HasSuffix(j.source.eventTime().Type.String(), "ZONE") {
		return "tz"
	}
	return ""
}

// View returns what a view must hold at a point.
func (j *Judge) View(ctx context.Context, v *LiveView, at int) (Rows, error) {
	if err := j.judge(ctx); err != nil {
		return nil, err
	}
	rows, conditions, err := j.counted(ctx, v, at)
	if err != nil {
		return nil, err
	}
	sql, err := j.statement(ctx, v, at, rows, conditions)
	if err != nil {
		return nil, err
	}
	return j.db.Text(ctx, AsText(v.Columns, "("+sql+") AS t("+strings.Join(v.Columns, ", ")+")"))
}

// AsText returns the query that reads columns of a relation as VARCHAR.
func AsText(columns []string, relation string) string {
	return "SELECT " + strings.Join(columns, "::VARCHAR, ") + "::VARCHAR FROM " + relation
}

// SourceColumns returns the columns of the source's rows, metadata included.
func (j *Judge) SourceColumns() []string {
	var names []string
	for _, c := range j.source.Columns {
		names = append(names, c.Name)
	}
	return append(names, "_partition", "_offset", "_timestamp", "_key")
}

// Digest is a query that tells relations apart by one row: how many rows they
// have, and the sum of their hashes.
func Digest(columns []string, relation string) string {
	return "SELECT count(*)::VARCHAR, sum(hash(concat_ws('|', " + strings.Join(text(columns), ", ") + "))::HUGEINT)::VARCHAR FROM " + relation
}

// text makes columns text that tells NULL from everything else.
func text(columns []string) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = "coalesce(" + c + "::VARCHAR, '" + Null + "')"
	}
	return out
}

// Source returns the relation of all rows of the source at a point, in the
// judge's own database, and Text of its database.
func (j *Judge) Source(ctx context.Context, at int, query func(columns []string, relation string) string) (Rows, error) {
	return j.db.Text(ctx, query(j.SourceColumns(), fmt.Sprintf("(SELECT * FROM log WHERE batch <= %d)", at)))
}

// LateColumns are the columns of <source>$late that Late returns, or of the
// table of late rows of the view of.
func (j *Judge) LateColumns(of *LiveView) []string {
	columns := []string{`"view"`, "window_start", "window_end", "watermark"}
	if of == nil {
		return append(columns, "_partition", "_offset")
	}
	for _, c := range of.stream.Columns {
		columns = append(columns, c.Name)
	}
	return columns
}

// Watermark returns the source's watermark at a point, as TIMESTAMPTZ text, or
// Null.
func (j *Judge) Watermark(ctx context.Context, at int) (string, error) {
	if err := j.judge(ctx); err != nil {
		return "", err
	}
	rows, err := j.db.Text(ctx, fmt.Sprintf("SELECT make_timestamptz(max(after))::VARCHAR FROM judged WHERE batch <= %d", at))
	if err != nil {
		return "", err
	}
	return rows[0][0], nil
}
