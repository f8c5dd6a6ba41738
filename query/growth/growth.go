// Package growth lets sources get columns while they are read: a reader whose
// records have fields that the source lacks asks for them, and the statement that
// defines the source changes as ALTER SOURCE … ADD COLUMN would change it.
//
// The nouns: a [Growth] gives the connectors that it wraps the means to ask, and
// runs what they ask for beside them, since the source's reader is closed meanwhile.
package growth

import (
	"context"
	"sync"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
)

// Growth adds the columns that readers ask for. It is safe for concurrent use.
type Growth struct {
	add     func(ctx context.Context, source string, columns []batch.Column) error
	ready   chan struct{}
	running sync.WaitGroup
}

// New returns a growth that adds columns by add. The context is that of the reader
// that asks: it ends when add closes the reader, and has ended if somebody else did.
// Readers that ask before Begin wait for it.
func New(add func(ctx context.Context, source string, columns []batch.Column) error) *Growth {
	return &Growth{add: add, ready: make(chan struct{})}
}

// Begin says that add may be called from now on.
func (g *Growth) Begin() { close(g.ready) }

// Wait returns when nothing is added any more. No reader may be open.
func (g *Growth) Wait() { g.running.Wait() }

// Connectors returns connectors whose sources can grow.
func (g *Growth) Connectors(connectors map[string]source.Connector) map[string]source.Connector {
	wrapped := make(map[string]source.Connector, len(connectors))
	for name, c := range connectors {
		wrapped[name] = connector{c, g}
	}
	return wrapped
}

type connector struct {
	source.Connector
	growth *Growth
}

// Open implements source.Connector.
func (c connector) Open(spec source.Spec, start []source.Position, sink source.Sink) (source.Reader, error) {
	name := spec.Name
	spec.Grow = func(ctx context.Context, columns []batch.Column) error { return c.growth.grow(ctx, name, columns) }
	return c.Connector.Open(spec, start, sink)
}

// grow adds columns, and returns before that is done if ctx ends, as it does when
// the reader that asks is closed.
func (g *Growth) grow(ctx context.Context, name string, columns []batch.Column) error {
	select {
	case <-g.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	done := make(chan error, 1)
	g.running.Go(func() { done <- g.add(ctx, name, columns) })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
