package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/receipt"
)

// Append hands a batch to a source that is fed by hand, and waits until it is
// visible. Without ranges the rows go to partition 0 and are numbered on from
// its last. The batch is the engine's from now on. The rows are durable after
// the next checkpoint: see Sync.
func (e *Engine) Append(ctx context.Context, name string, b *batch.Batch) error {
	return e.hand(ctx, delivery{source: name, batch: b})
}

// AppendDurable is Append that also waits until the rows are durable. An error
// of type durable.Error says that they can be read, but are not durable yet.
func (e *Engine) AppendDurable(ctx context.Context, name string, b *batch.Batch) error {
	return e.hand(ctx, delivery{source: name, batch: b, durable: true})
}

// Sync waits until everything that is visible now is durable. It does not stop
// the writer, and all who wait at the same time share a commit. The error is a
// durable.Error if the checkpoint failed.
func (e *Engine) Sync(ctx context.Context) error {
	done := make(chan error, 1)
	err := e.do(ctx, func() error { e.durable.Add(e.Epoch(), done); return nil })
	if err != nil {
		return err
	}
	return e.await(ctx, done)
}

func (e *Engine) hand(ctx context.Context, d delivery) error {
	if d.batch.Arrival.IsZero() {
		d.batch.Arrival = e.opts.Now()
	}
	if err := e.budget.Acquire(ctx, d.batch.Bytes); err != nil {
		d.batch.Release()
		return err
	}
	done := make(chan error, 1)
	d.done = done
	select {
	case e.input <- d:
		return e.await(context.WithoutCancel(ctx), done)
	case <-e.quit:
		e.refuse(delivery{batch: d.batch}, ErrClosed)
		return ErrClosed
	}
}

func (e *Engine) await(ctx context.Context, done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-e.done:
		return ErrClosed
	}
}

// pushPatience is how long a push waits for room in the hot buffers, which a
// checkpoint makes.
const pushPatience = 2 * time.Second

// errRepeated refuses a batch whose request has come before.
var errRepeated = errors.New("the request has come before")

// push is a request that brings rows.
type push struct {
	def     *catalog.SourceDefinition // which the rows were decoded for
	receipt receipt.Receipt
}

// Push is AppendDurable for a request that may come again: then its rows are not
// taken, and the receipt of the first time is returned once that is durable. def
// is the definition that the rows were decoded for; it must still hold, or else
// ErrChanged is returned. Offsets of rejected records are their places among the
// request's. ErrFull is returned when the hot buffers do not empty in time.
func (e *Engine) Push(ctx context.Context, def *catalog.SourceDefinition, b *batch.Batch, q receipt.Request) (receipt.Receipt, error) {
	p := &push{def: def, receipt: receipt.Receipt{Request: q, Accepted: int64(b.Rows()), Rejected: int64(len(b.Rejected)), At: e.opts.Now()}}
	room, cancel := context.WithTimeoutCause(ctx, pushPatience, ErrFull)
	defer cancel()
	err := e.hand(room, delivery{source: def.Name, batch: b, durable: true, push: p})
	if errors.Is(err, errRepeated) {
		err = e.Sync(ctx)
	}
	return p.receipt, err
}

// admit refuses a request that its source can't take, or has taken before.
func (p *push) admit(s *liveSource, now time.Time) error {
	if s.def != p.def {
		return fmt.Errorf("source %s %w", s.def.Name, ErrChanged)
	}
	before, ok, err := s.receipts.Find(p.receipt.Request, now)
	if ok {
		p.receipt, err = before, errRepeated
	}
	return err
}
