package cursor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// numbers gives the numbers from 1 to n, some in a batch.
type numbers struct {
	allocator      *memory.CheckedAllocator
	next, n, batch int64
	given          arrow.RecordBatch
}

var schema = arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)

func (r *numbers) Next(context.Context) (arrow.RecordBatch, error) {
	r.Close()
	if r.next > r.n {
		return nil, io.EOF
	}
	b := array.NewRecordBuilder(r.allocator, schema)
	defer b.Release()
	for i := int64(0); i < r.batch && r.next <= r.n; i++ {
		b.Field(0).(*array.Int64Builder).Append(r.next)
		r.next++
	}
	r.given = b.NewRecordBatch()
	return r.given, nil
}

func (r *numbers) Poll(ctx context.Context, _ time.Duration) (arrow.RecordBatch, error) {
	record, err := r.Next(ctx)
	if errors.Is(err, io.EOF) {
		return nil, nil // there may be more one day
	}
	return record, err
}

func (r *numbers) Close() {
	if r.given != nil {
		r.given.Release()
		r.given = nil
	}
}

// over returns a cursor over the numbers from 1 to n, in batches of three.
func over(t *testing.T, n int64, scroll, live bool) *Cursor {
	t.Helper()
	allocator := memory.NewCheckedAllocator(memory.DefaultAllocator)
	c := New(t.Context(), func(context.Context) (Rows, error) {
		return &numbers{allocator: allocator, next: 1, n: n, batch: 3}, nil
	}, scroll, live)
	t.Cleanup(func() {
		c.Close()
		allocator.AssertSize(t, 0)
	})
	return c
}

// run carries out a FETCH or MOVE and prints what it gives.
func run(t *testing.T, c *Cursor, sql string) string {
	t.Helper()
	st, err := parser.Parse(sql)
	if err != nil {
		t.Fatal(err)
	}
	f := c.Fetch(st.(*parser.Fetch))
	defer f.Close()
	if st.(*parser.Fetch).Move {
		n, err := f.Move(t.Context())
		if err != nil {
			return describe(err)
		}
		return fmt.Sprint("MOVE ", n)
	}
	var out []string
	for {
		record, err := f.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return strings.Join(out, " ")
		}
		if err != nil {
			return describe(err)
		}
		for i := range int(record.NumRows()) {
			out = append(out, record.Column(0).ValueStr(i))
		}
	}
}

func describe(err error) string {
	e := sqlstate.AsError(err)
	return e.Code + " " + e.Message
}

// TestFetch moves cursors about, as PostgreSQL 15 does.
func TestFetch(t *testing.T) {
	const forwardOnly = "55000 cursor can only scan forward"
	for _, c := range []struct {
		name   string
		rows   int64
		scroll bool
		steps  []string // a statement and what it gives, by turns
	}{
		{"to and fro", 7, true, []string{
			"FETCH 4 c", "1 2 3 4", "FETCH PRIOR c", "3", "FETCH BACKWARD 5 c", "2 1", "FETCH PRIOR c", "", "FETCH c", "1",
			"FETCH ALL c", "2 3 4 5 6 7", "FETCH c", "", "FETCH PRIOR c", "7", "FETCH BACKWARD ALL c", "6 5 4 3 2 1", "FETCH FORWARD -1 c", "",
			"FETCH BACKWARD -2 c", "1 2",
		}},
		{"absolute", 7, true, []string{
			"FETCH ABSOLUTE 5 c", "5", "FETCH FIRST c", "1", "FETCH LAST c", "7", "FETCH c", "", "FETCH ABSOLUTE -3 c", "5", "FETCH ABSOLUTE 0 c", "",
			"FETCH c", "1", "FETCH ABSOLUTE 99 c", "", "FETCH PRIOR c", "7", "FETCH ABSOLUTE -99 c", "", "FETCH c", "1", "FETCH ABSOLUTE 1 c", "1",
		}},
		{"relative", 7, true, []string{
			"FETCH RELATIVE 3 c", "3", "FETCH RELATIVE 0 c", "3", "FETCH RELATIVE -2 c", "1", "FETCH RELATIVE -1 c", "", "FETCH RELATIVE 0 c", "",
			"FETCH RELATIVE 8 c", "", "FETCH RELATIVE -1 c", "7", "FETCH 0 c", "7", "FETCH BACKWARD 0 c", "7",
		}},
		{"move", 7, true, []string{
			"MOVE 3 c", "MOVE 3", "FETCH c", "4", "MOVE ALL c", "MOVE 3", "MOVE BACKWARD 2 c", "MOVE 2", "FETCH 0 c", "6", "MOVE 0 c", "MOVE 1",
			"MOVE ABSOLUTE 2 c", "MOVE 1", "FETCH c", "3", "MOVE BACKWARD ALL c", "MOVE 2", "MOVE 0 c", "MOVE 0", "MOVE LAST c", "MOVE 1", "FETCH c", "",
			"MOVE ABSOLUTE 0 c", "MOVE 0", "MOVE RELATIVE 7 c", "MOVE 1", "FETCH c", "",
		}},
		{"nothing", 0, true, []string{"FETCH c", "", "FETCH PRIOR c", "", "FETCH LAST c", "", "MOVE BACKWARD ALL c", "MOVE 0", "FETCH ABSOLUTE 1 c", ""}},
		{"forward", 7, false, []string{
			"MOVE BACKWARD ALL c", "MOVE 0", "FETCH FIRST c", "1", "MOVE 0 c", "MOVE 1", "FETCH 0 c", forwardOnly, "FETCH PRIOR c", forwardOnly, "FETCH ABSOLUTE 4 c", "4",
			"FETCH ABSOLUTE 4 c", forwardOnly, "FETCH FIRST c", forwardOnly, "FETCH RELATIVE 2 c", "6", "MOVE ABSOLUTE 0 c", forwardOnly,
			"FETCH LAST c", forwardOnly,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cursor := over(t, c.rows, c.scroll, false)
			for i := 0; i < len(c.steps); i += 2 {
				if got := run(t, cursor, c.steps[i]); got != c.steps[i+1] {
					t.Fatalf("%d %s\n got: %s\nwant: %s", i/2, c.steps[i], got, c.steps[i+1])
				}
			}
		})
	}
}

// TestRowsAreGivenUp checks that a cursor keeps no more than it may, and says
// so when it is asked for what is gone.
func TestRowsAreGivenUp(t *testing.T) {
	c := over(t, 3000, true, false)
	one := over(t, 3, true, false)
	if err := one.more(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	c.keepBytes = 10 * one.bytes
	if got := run(t, c, "MOVE ALL c"); got != "MOVE 3000" {
		t.Fatal(got)
	}
	if c.bytes > c.keepBytes || len(c.kept) != 10 {
		t.Errorf("%d bytes are kept in %d batches, of %d", c.bytes, len(c.kept), c.keepBytes)
	}
	for _, step := range [][2]string{
		{"FETCH LAST c", "3000"}, {"FETCH ABSOLUTE 2971 c", "2971"}, {"FETCH c", "2972"}, {"FETCH ABSOLUTE 2970 c", "54000 the cursor's row 2970 is no longer kept"},
		{"FETCH FIRST c", "54000 the cursor's row 1 is no longer kept"}, {"FETCH LAST c", "3000"},
	} {
		if got := run(t, c, step[0]); got != step[1] {
			t.Errorf("%s\n got: %s\nwant: %s", step[0], got, step[1])
		}
	}
	forward := over(t, 3000, false, false)
	if run(t, forward, "MOVE 100 c"); len(forward.kept) != 1 {
		t.Errorf("%d batches are kept of what is not come back to", len(forward.kept))
	}
}

// TestHold checks that a held cursor stays where it is, and that what would be
// too much is refused.
func TestHold(t *testing.T) {
	c := over(t, 10, true, false)
	run(t, c, "FETCH 4 c")
	if err := c.Hold(t.Context()); err != nil || c.rows != nil {
		t.Fatal(err, c.rows)
	}
	if got := run(t, c, "FETCH 2 c") + ", " + run(t, c, "FETCH FIRST c"); got != "5 6, 1" {
		t.Error(got)
	}
	large := over(t, math.MaxInt64, true, false)
	large.keepBytes = 1000
	if err := large.Hold(t.Context()); err == nil || !strings.HasPrefix(describe(err), "54000 a cursor WITH HOLD") {
		t.Error(err)
	}
}

// TestSubscription checks that a cursor that got nothing for now is not at an end.
func TestSubscription(t *testing.T) {
	c := over(t, 4, true, true)
	for _, step := range [][2]string{
		{"FETCH 2 c", "1 2"}, {"FETCH ALL c", "3 4"}, {"FETCH c", ""}, {"FETCH PRIOR c", "55000 cursor can only scan forward"},
	} {
		if got := run(t, c, step[0]); got != step[1] {
			t.Errorf("%s\n got: %s\nwant: %s", step[0], got, step[1])
		}
	}
	if c.after {
		t.Error("the subscription is at an end")
	}
}
