package query

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/query/parser"
)

// Column describes one column of a result.
type Column struct {
	Name string
	// Type is DuckDB's spelling of the type, which is also its canonical one
	// here: BIGINT, DECIMAL(12,2), TIMESTAMP WITH TIME ZONE, JSON, INTEGER[], …
	// Columns of pg_catalog have types that DuckDB doesn't: pg_oid and pg_xid,
	// whose values are BIGINT, pg_name, pg_char and others, whose are VARCHAR.
	Type string
}

// Result is what a statement gave. Rows arrive as Arrow record batches that
// are produced while they are read. It must be closed; until then its session
// can run no other statement. It is not safe for concurrent use.
type Result struct {
	Columns []Column // nil for a statement that returns no rows
	Tag     string   // Postgres's command tag without the row count: SELECT, CREATE SOURCE, BEGIN, …
	Epoch   uint64   // the epoch at which every source and view was read; 0 when none was
	Notices []string // warnings for the client

	// Live says that the rows come while things happen: each batch is to reach
	// the client at once, and there may be no end.
	Live bool
	// Copy, when not nil, says how COPY … TO STDOUT wants the rows written.
	Copy *parser.CopyFormat

	next  func(context.Context) (arrow.RecordBatch, error)
	poll  func(context.Context, time.Duration) (arrow.RecordBatch, error) // next that waits no longer; live results have it
	close func()
}

// Next returns the next record batch, never empty, which stays valid until the
// following call to Next or Close; the caller must not release it. It returns
// io.EOF at the end. Column i is of Columns[i].Type in DuckDB's Arrow mapping:
// DECIMAL and HUGEINT as decimal128, UUID and JSON as strings, TIMESTAMPTZ in
// microseconds UTC, INTERVAL as month-day-nano, ENUM as a dictionary.
func (r *Result) Next(ctx context.Context) (arrow.RecordBatch, error) {
	if r.next == nil {
		return nil, io.EOF
	}
	return r.next(ctx)
}

// Poll is Next of a live result that gives up waiting after a time and then
// returns nil.
func (r *Result) Poll(ctx context.Context, patience time.Duration) (arrow.RecordBatch, error) {
	if r.poll == nil {
		return r.Next(ctx)
	}
	return r.poll(ctx, patience)
}

// Close gives up the result and the epoch it read. It may be called twice.
func (r *Result) Close() {
	if r.close != nil {
		r.close()
		r.close, r.next = nil, nil
	}
}

// Statement is a prepared statement. It stays valid when objects change: it is
// planned anew for each execution.
type Statement struct {
	SQL     string
	Tag     string
	Params  []string           // the parameters' types in DuckDB's spelling, $1 first
	Columns []Column           // nil: the statement returns no rows, or Copy is set
	Live    bool               // its result is; it is not subject to statement_timeout
	Copy    *parser.CopyFormat // its result's

	// Deallocate, when not nil, is the name of the prepared statement that the
	// statement forgets, "" for all: the server forgets its own of that name.
	Deallocate *string

	// Input, when not nil, begins to take the rows of a COPY FROM STDIN; then the
	// statement is not executed.
	Input func() (*CopyIn, error)

	run   func(ctx context.Context, args []any) (*Result, error)
	needs []func() error // what its session must be allowed; see require
}

func formatCount(n int64) string { return strconv.FormatInt(n, 10) }
