package cursor

import (
	"context"
	"errors"
	"io"
	"math"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/query/parser"
)

// Fetch is one FETCH or MOVE of a cursor.
type Fetch struct {
	c     *Cursor
	way   parser.Fetch
	until time.Time // of a subscription: wait for rows until then

	placed   bool // the cursor stands where the rows begin
	backward bool
	left     int64             // rows to give
	any      bool              // some have been given
	slice    arrow.RecordBatch // given last
}

// Fetch begins a FETCH or MOVE. It moves the cursor when its rows are asked for.
func (c *Cursor) Fetch(way *parser.Fetch) *Fetch {
	f := &Fetch{c: c, way: *way}
	switch {
	case !c.live || way.Timeout < 0:
	case way.Timeout > math.MaxInt64-time.Hour: // as good as for ever
	default:
		f.until = time.Now().Add(way.Timeout)
	}
	return f
}

// Next returns the next rows, as many as lie together, which stay valid until the
// following call to Next or Close. It returns io.EOF when the FETCH has got all
// its rows or there are no more.
func (f *Fetch) Next(ctx context.Context) (arrow.RecordBatch, error) {
	f.Close()
	if err := f.place(ctx); err != nil {
		return nil, err
	}
	if f.left <= 0 {
		return nil, io.EOF
	}
	c := f.c
	row, limit := c.behind(), int64(1) // backward, rows come one by one
	if !f.backward {
		if c.position == c.read && !c.after {
			if err := c.more(ctx, f.patience(f.any)); err != nil {
				if errors.Is(err, io.EOF) {
					c.after = c.ended
				}
				return nil, err
			}
		}
		row, limit = c.position+1, f.left
	}
	if c.after && !f.backward || c.beforeFirst && f.backward {
		return nil, io.EOF
	}
	if row == 0 {
		c.rewind()
		return nil, io.EOF
	}
	b, err := c.batchOf(row)
	if err != nil {
		return nil, err
	}
	n := min(limit, b.last()-row+1)
	f.slice = b.NewSlice(row-b.first, row-b.first+n)
	c.position, c.beforeFirst, c.after = row+n-1, false, false
	f.left -= n
	f.any = true
	return f.slice, nil
}

// Close gives up the rows that Next has returned last. The cursor stays where it is.
func (f *Fetch) Close() {
	if f.slice != nil {
		f.slice.Release()
		f.slice = nil
	}
}

// Move carries a MOVE out and returns how many rows the FETCH would have given.
func (f *Fetch) Move(ctx context.Context) (int64, error) {
	if f.way.Count == 0 && f.way.Direction != parser.FetchAbsolute {
		if f.onRow() {
			return 1, nil
		}
		return 0, nil
	}
	if f.way.Direction == parser.FetchBackward && f.way.Count == math.MaxInt64 && f.c.beforeFirst && !f.c.after {
		return 0, nil // also where the cursor only goes forward
	}
	if err := f.place(ctx); err != nil {
		return 0, err
	}
	if f.backward {
		return f.c.back(f.left)
	}
	return f.c.ahead(ctx, f.left, f.patience)
}

// onRow reports whether the cursor stands on a row.
func (f *Fetch) onRow() bool { return !f.c.beforeFirst && !f.c.after }

// place moves the cursor to where the rows begin, and notes which way to go from
// there, and for how many.
func (f *Fetch) place(ctx context.Context) error {
	if f.placed {
		return nil
	}
	f.placed = true
	switch n := f.way.Count; f.way.Direction {
	case parser.FetchAbsolute:
		return f.placeAbsolute(ctx, n)
	case parser.FetchRelative:
		f.backward, f.left = n < 0, min(1, max(n, -n))
		if n > 1 {
			_, err := f.c.ahead(ctx, n-1, f.patience)
			return err
		}
		if n < -1 {
			_, err := f.c.back(-n - 1)
			return err
		}
	case parser.FetchBackward:
		f.backward, f.left = n > 0, max(n, -n)
	default:
		f.backward, f.left = n < 0, max(n, -n)
	}
	switch {
	case f.way.Count == 0 && f.onRow(): // that row again
		f.left = 1
		_, err := f.c.back(1)
		return err
	case f.backward || f.way.Direction == parser.FetchBackward && f.way.Count == 0:
		return f.c.mayGoBack()
	}
	return nil
}

// placeAbsolute goes before row n, counted from the end if it is negative.
func (f *Fetch) placeAbsolute(ctx context.Context, n int64) error {
	c := f.c
	f.left = 1
	if n < 0 {
		f.backward = true
		if _, err := c.ahead(ctx, math.MaxInt64, f.patience); err != nil {
			return err
		}
		_, err := c.back(-n - 1)
		return err
	}
	if c.behind() >= n-1 && (!c.beforeFirst || c.after) {
		if err := c.mayGoBack(); err != nil {
			return err
		}
		c.rewind()
	}
	if n == 0 {
		f.left = 0
		return nil
	}
	_, err := c.ahead(ctx, n-1-c.position, f.patience)
	return err
}

// patience is how long to wait for a subscription's rows; negative: for ever.
// Without a timeout a FETCH waits for the first ones, and then takes what is there.
func (f *Fetch) patience(any bool) time.Duration {
	switch {
	case !f.until.IsZero():
		return max(0, time.Until(f.until))
	case any:
		return 0
	default:
		return -1
	}
}
