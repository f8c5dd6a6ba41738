package pgcatalog

import (
	"context"
	"fmt"
)

// Making is the making of the shadow catalog, which takes longer than all else that an
// empty database does before it can answer. So it goes on beside the first statements,
// and those that need it wait. It is safe for concurrent use.
type Making struct {
	stop context.CancelFunc
	done chan struct{} // closed when it is there, or err is set
	err  error
}

// Make begins to make the catalog, by a function that runs SQL as [Schema] says. The caller
// must Close it before what the function needs.
func Make(run func(ctx context.Context, sql string) error) *Making {
	ctx, stop := context.WithCancel(context.Background())
	m := &Making{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(m.done)
		if err := run(ctx, Schema()); err != nil {
			m.err = fmt.Errorf("define pg_catalog: %w", err)
		}
	}()
	return m
}

// Wait returns when the catalog is there, or why it is not. Without one there is
// nothing to wait for.
func (m *Making) Wait(ctx context.Context) error {
	if m == nil {
		return nil
	}
	select {
	case <-m.done:
		return m.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close gives up what has not been made yet.
func (m *Making) Close() {
	if m != nil {
		m.stop()
		<-m.done
	}
}
