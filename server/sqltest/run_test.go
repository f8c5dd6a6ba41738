package sqltest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// patience is how long a query behind advance may take to give its rows.
const patience = 5 * time.Second

// failuresMax ends a script that has gone off the rails.
const failuresMax = 5

// run is a script on its way through a database.
type run struct {
	d        *database
	script   *Script
	failures []string
	results  map[int][]string // what came back, where ---- has a place for it
	advanced bool             // the clock was moved, and no query has seen it
	limit    int              // of failures
}

// play runs all records of a script and returns what went wrong.
func play(ctx context.Context, d *database, s *Script, limit int) *run {
	r := &run{d: d, script: s, results: make(map[int][]string), limit: limit}
	for i := 0; i < len(s.Records) && len(r.failures) < r.limit; i++ {
		rec := &s.Records[i]
		if !rec.Runs(d.setting) {
			continue
		}
		if rec.Kind == Halt {
			break
		}
		if d.setting == "batch4096" {
			if n := neighbours(s.Records[i:]); n > 1 {
				r.insertTogether(ctx, s.Records[i:i+n], i+n)
				i += n - 1
				continue
			}
		}
		r.record(ctx, i, rec)
	}
	return r
}

func (r *run) fail(rec *Record, format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf("%s:%d: %s\n%s", r.script.Name, rec.Line, rec.SQL, fmt.Sprintf(format, args...)))
}

func (r *run) record(ctx context.Context, i int, rec *Record) {
	var err error
	switch rec.Kind {
	case Restart:
		err = r.d.restart(ctx)
	case Checkpoint:
		err = r.d.db.Checkpoint(ctx)
	case Advance:
		r.d.clock.Add(int64(rec.Advance))
		r.advanced = true
	default:
		var c *client
		if c, err = r.d.client(ctx, rec.Connection); err == nil {
			r.statement(ctx, i, rec, c)
			return
		}
	}
	if err != nil {
		r.fail(rec, "%v", err)
	}
}

func (r *run) statement(ctx context.Context, i int, rec *Record, c *client) {
	switch rec.Kind {
	case Query:
		r.query(ctx, i, rec, c)
	case Error:
		_, err := r.d.exec(ctx, c, rec.SQL)
		r.wantError(i, rec, err)
	default:
		pieces := []string{rec.SQL}
		if r.d.setting == "batch1" && c.conn.TxStatus() == 'I' {
			var err error
			if pieces, err = rowByRow(ctx, r.d, c, rec.SQL); err != nil {
				r.fail(rec, "%v", err)
				return
			}
		}
		r.change(ctx, rec, c, pieces, i+1)
	}
}

// change runs a statement that succeeds, in pieces. next is the record behind it.
func (r *run) change(ctx context.Context, rec *Record, c *client, pieces []string, next int) {
	n := int64(0)
	for _, sql := range pieces {
		result, err := r.d.exec(ctx, c, sql)
		if err != nil {
			r.fail(rec, "%s", describe(err, sql))
			return
		}
		n += result.CommandTag.RowsAffected()
	}
	if rec.Kind == Count && n != rec.Count {
		r.fail(rec, "%d rows, want %d", n, rec.Count)
	}
	// Definitions that follow each other are one change.
	if next < len(r.script.Records) && defines(rec.SQL) && defines(r.script.Records[next].SQL) {
		return
	}
	if err := r.d.after(ctx, c, rec.SQL); err != nil {
		r.fail(rec, "afterwards: %v", err)
	}
}

func defines(sql string) bool { return strings.HasPrefix(strings.ToUpper(sql), "CREATE ") }

// insertTogether runs INSERTs that follow each other as one.
func (r *run) insertTogether(ctx context.Context, recs []Record, next int) {
	all := Record{Kind: Count, Line: recs[0].Line, Connection: recs[0].Connection}
	var rows [][]string
	for i := range recs {
		in := insertOf(recs[i].SQL)
		all.SQL = in.prefix
		rows = append(rows, in.rows...)
		all.Count += int64(len(in.rows))
		if recs[i].Kind == Count && recs[i].Count != int64(len(in.rows)) {
			r.fail(&recs[i], "%d rows, want %d", len(in.rows), recs[i].Count)
		}
	}
	all.SQL += values(rows)
	c, err := r.d.client(ctx, all.Connection)
	if err != nil {
		r.fail(&all, "%v", err)
		return
	}
	r.change(ctx, &all, c, []string{all.SQL}, next)
}

func (r *run) query(ctx context.Context, i int, rec *Record, c *client) {
	var (
		rows [][]string
		err  error
	)
	want, wantErr := rec.rows()
	sortRows(rec.Sort, want)
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		var result *pgconn.Result
		if result, err = r.d.exec(ctx, c, rec.SQL); err != nil {
			r.fail(rec, "%s", describe(err, rec.SQL))
			return
		}
		if err = checkTypes(rec.Types, result.FieldDescriptions); err != nil {
			r.fail(rec, "%v", err)
			return
		}
		rows = texts(result.Rows)
		sortRows(rec.Sort, rows)
		if !r.advanced || sameRows(rec, rows, want) || time.Now().After(deadline) {
			break
		}
	}
	r.advanced = false
	r.results[i] = join(rows)
	switch {
	case wantErr != nil:
		r.fail(rec, "%v", wantErr)
	case !rec.HasWant:
		r.fail(rec, "no result is given: run with -args -rewrite")
	case !sameRows(rec, rows, want):
		r.fail(rec, "want:\n%s\ngot:\n%s", strings.Join(join(want), "\n"), strings.Join(join(rows), "\n"))
	}
}

func (r *run) wantError(i int, rec *Record, err error) {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		r.fail(rec, "want an error, got %v", err)
		return
	}
	got := describe(err, rec.SQL)
	given := rec.HasWant || rec.Code == "" && rec.Message == nil
	if given {
		r.results[i] = strings.Split(got, "\n")
	}
	switch {
	case rec.Code != "" && rec.Code != e.Code:
		r.fail(rec, "want SQLSTATE %s, got %s", rec.Code, got)
	case rec.Message != nil && !rec.Message.MatchString(e.Message):
		r.fail(rec, "want %s, got %s", rec.Message, got)
	case given && !rec.HasWant:
		r.fail(rec, "no error is given: run with -args -rewrite")
	case given && strings.Join(rec.Want, "\n") != got:
		r.fail(rec, "want:\n%s\ngot:\n%s", strings.Join(rec.Want, "\n"), got)
	}
}

// describe returns an error as it stands behind ----.
func describe(err error, sql string) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return err.Error()
	}
	out := e.Code + ": " + e.Message
	if e.Detail != "" {
		out += "\ndetail: " + e.Detail
	}
	if e.Hint != "" {
		out += "\nhint: " + e.Hint
	}
	if runes := []rune(sql); e.Position > 0 && int(e.Position) <= len(runes) {
		place, _, _ := strings.Cut(string(runes[e.Position-1:]), "\n")
		if p := []rune(place); len(p) > 40 {
			place = string(p[:40]) + "…"
		}
		out += "\nat: " + place
	} else if e.Position > 0 {
		out += "\nat: the end"
	}
	return out
}

// oids are PostgreSQL's types that a letter stands for.
var oids = map[byte][]uint32{'I': {20, 21, 23, 26, 1700}, 'R': {700, 701, 1700}, 'B': {16}}

func checkTypes(letters string, fields []pgconn.FieldDescription) error {
	if len(fields) != len(letters) {
		return fmt.Errorf("the query has %d columns, want %s", len(fields), letters)
	}
	for i, f := range fields {
		if allowed := oids[letters[i]]; allowed != nil && !slices.Contains(allowed, f.DataTypeOID) {
			return fmt.Errorf("column %q is of the type with OID %d, which is not %c", f.Name, f.DataTypeOID, letters[i])
		}
	}
	return nil
}

// onOneLine keeps a value in its place.
var onOneLine = strings.NewReplacer("\t", `\t`, "\n", `\n`)

func texts(rows [][][]byte) [][]string {
	out := make([][]string, len(rows))
	for i, row := range rows {
		for _, v := range row {
			switch {
			case v == nil:
				out[i] = append(out[i], "NULL")
			case len(v) == 0:
				out[i] = append(out[i], "(empty)")
			default:
				out[i] = append(out[i], onOneLine.Replace(string(v)))
			}
		}
	}
	return out
}

func join(rows [][]string) []string {
	out := make([]string, len(rows))
	for i, row := range rows {
		out[i] = strings.Join(row, "\t")
	}
	return out
}

func sortRows(s Sort, rows [][]string) {
	switch s {
	case RowSort:
		slices.SortFunc(rows, slices.Compare)
	case ValueSort:
		var all []string
		for _, row := range rows {
			all = append(all, row...)
		}
		slices.Sort(all)
		for _, row := range rows {
			all = all[copy(row, all):]
		}
	}
}

func sameRows(rec *Record, got, want [][]string) bool {
	return slices.EqualFunc(got, want, func(g, w []string) bool {
		for i := range g {
			if g[i] != w[i] && (rec.Types[i] != 'R' || !sameNumber(g[i], w[i])) {
				return false
			}
		}
		return true
	})
}

// sameNumber compares to 12 digits: sums of floats depend on their order.
func sameNumber(a, b string) bool {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err1 == nil && err2 == nil && math.Abs(x-y) <= 1e-12*max(1, math.Abs(x), math.Abs(y))
}
