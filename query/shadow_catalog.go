package query

import (
	"context"
	"fmt"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/query/pgcatalog"
)

// shadowCatalog is the making of pg_catalog and information_schema, which takes longer
// than all else that an empty database does before it can answer. So it goes on beside
// the first statements, and those that need it wait.
type shadowCatalog struct {
	stop context.CancelFunc
	done chan struct{} // closed when it is there, or err is set
	err  error
}

// defineCatalog begins to make the catalog. The caller must close it before the engine.
func defineCatalog(e *engine.Engine) *shadowCatalog {
	ctx, stop := context.WithCancel(context.Background())
	c := &shadowCatalog{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		if err := e.Admin(ctx, pgcatalog.Schema()); err != nil {
			c.err = fmt.Errorf("define pg_catalog: %w", err)
		}
	}()
	return c
}

// wait returns when the catalog is there, or why it is not. Without one there is
// nothing to wait for.
func (c *shadowCatalog) wait(ctx context.Context) error {
	if c == nil {
		return nil
	}
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// close gives up what has not been made yet.
func (c *shadowCatalog) close() {
	if c != nil {
		c.stop()
		<-c.done
	}
}
