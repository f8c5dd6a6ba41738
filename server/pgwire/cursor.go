package pgwire

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/query"
)

// cursor sends a result's rows, all at once or some at a time.
type cursor struct {
	result *query.Result
	rows   rowWriter // nil: the result has no rows
	prompt bool      // each batch is sent when it comes: nobody knows when the next will

	batch arrow.RecordBatch // nil: ask the result
	row   int               // of the batch, the next to be sent

	// kept holds the remaining rows as messages once the result is closed.
	kept     []byte
	detached bool
	done     bool
}

// rowWriter writes rows as messages.
type rowWriter interface {
	// bind makes it ready for the rows of a batch.
	bind(batch arrow.RecordBatch) error
	// append appends one row of the batch as a message.
	append(dst []byte, row int) ([]byte, error)
}

// copies returns the encoder of COPY, nil for other rows.
func (cur *cursor) copies() *copyEncoder {
	e, _ := cur.rows.(*copyEncoder)
	return e
}

// fetch sends at most limit rows, or all if limit is 0. It reports how many it
// sent; done says whether the end was seen. As in PostgreSQL, a fetch that
// stops at its limit doesn't look whether there are more.
func (cur *cursor) fetch(ctx context.Context, out *writer, limit int64) (sent int64, err error) {
	for !cur.done && (limit == 0 || sent < limit) {
		if cur.detached {
			cur.sendKept(out)
			if !cur.done {
				sent++
			}
			continue
		}
		if err := cur.ensureBatch(ctx, out); err != nil {
			return sent, err
		}
		rows := 0
		if cur.batch != nil {
			rows = int(cur.batch.NumRows())
		}
		for ; cur.row < rows && (limit == 0 || sent < limit); cur.row++ {
			if out.buf, err = cur.rows.append(out.buf, cur.row); err != nil {
				return sent, err
			}
			sent++
			if out.flushFull(); out.err != nil {
				return sent, out.err
			}
		}
	}
	return sent, nil
}

// ensureBatch makes sure that there is a row to send, or sets done.
func (cur *cursor) ensureBatch(ctx context.Context, out *writer) error {
	if cur.batch != nil && cur.row < int(cur.batch.NumRows()) {
		return nil
	}
	if cur.prompt && out != nil {
		if out.flush(); out.err != nil {
			return out.err
		}
	}
	cur.batch, cur.row = nil, 0
	if cur.rows == nil {
		cur.done = true
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	batch, err := cur.result.Next(ctx)
	if errors.Is(err, io.EOF) {
		cur.done = true
		return nil
	}
	if err != nil {
		return err
	}
	if err := cur.rows.bind(batch); err != nil {
		return err
	}
	cur.batch = batch
	return nil
}

// sendKept sends one kept row, or sets done.
func (cur *cursor) sendKept(out *writer) {
	if len(cur.kept) == 0 {
		cur.done = true
		return
	}
	size := 1 + int(binary.BigEndian.Uint32(cur.kept[1:]))
	out.buf = append(out.buf, cur.kept[:size]...)
	cur.kept = cur.kept[size:]
	out.flushFull()
}

// detach reads the remaining rows into memory, at most limit bytes of them,
// and closes the result, so that the session can run another statement.
func (cur *cursor) detach(ctx context.Context, limit int) error {
	for !cur.done && !cur.detached {
		if err := cur.ensureBatch(ctx, nil); err != nil {
			return err
		}
		if cur.batch == nil {
			break
		}
		for ; cur.row < int(cur.batch.NumRows()); cur.row++ {
			var err error
			if cur.kept, err = cur.rows.append(cur.kept, cur.row); err != nil {
				return err
			}
			if len(cur.kept) > limit {
				return query.Errorf(query.CodeProgramLimit, "too many rows are left in suspended portals").
					WithHint("read a portal to its end, or close it, before running another statement")
			}
		}
	}
	cur.detached, cur.done = true, false
	cur.close()
	return nil
}

// close gives up the result.
func (cur *cursor) close() {
	cur.batch = nil
	cur.result.Close()
}
