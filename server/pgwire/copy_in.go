package pgwire

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/millstream-db/millstream/query"
)

// receive takes the rows of COPY … FROM STDIN from the client and has them
// written. After an error it reads on to the end of the rows, as clients expect.
func (s *simpleStatement) receive(ctx context.Context, input *query.CopyIn) error {
	defer input.Close()
	c := s.c
	format, write, end := textFormat, input.Write, func() error { return nil }
	if input.Binary {
		rows := newBinaryRows(input)
		format, write, end = binaryFormat, rows.write, rows.end
	}
	c.out.send(&pgproto3.CopyInResponse{OverallFormat: byte(format), ColumnFormatCodes: slices.Repeat([]uint16{uint16(format)}, len(input.Columns))})
	c.out.flush()
	var failed error
	for {
		kind, body, err := c.in.next()
		if err != nil {
			return c.lostInput()
		}
		switch kind {
		case 'd':
			if failed == nil {
				failed = write(body)
			}
		case 'c':
			if failed == nil {
				failed = end()
			}
			if failed != nil {
				return failed
			}
			return c.runOnce(ctx, func(ctx context.Context) error {
				result, err := input.Finish(ctx)
				if err != nil {
					return err
				}
				return s.send(ctx, result)
			})
		case 'f':
			var m pgproto3.CopyFail
			if err := decode(&m, body); err != nil {
				return err
			}
			return query.Errorf(query.CodeQueryCanceled, "COPY from stdin failed: %s", m.Message)
		case 'H', 'S': // some clients send them here; they mean nothing
		default:
			return protocolViolation("unexpected message type %q during COPY from stdin", kind)
		}
	}
}

// lostInput is the error for a client that ends in the middle of its rows, or
// is cut off because the server ends.
func (c *connection) lostInput() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return errShutdown
	}
	return errHangup
}
