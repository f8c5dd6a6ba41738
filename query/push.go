package query

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/durable"
	"github.com/millstream-db/millstream/engine/receipt"
	"github.com/millstream-db/millstream/query/access"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// How often rows are decoded anew for a source that is being changed, and the time
// between.
const (
	pushAttempts = 100
	pushPause    = 10 * time.Millisecond
)

// Push hands rows that a role sends to a source with connector = 'push', and
// returns when they are durable. decode makes them for the source as it is; it
// returns engine.ErrChanged when it can't because the source is being changed. A
// request that comes again is not taken again.
func (db *DB) Push(ctx context.Context, as SessionOptions, name string, q receipt.Request, decode func(*catalog.SourceDefinition) (*batch.Batch, error)) (receipt.Receipt, error) {
	rights := access.New(db.engine, as.User, as.LoggedIn)
	for attempt := 1; ; attempt++ {
		r, err := db.push(ctx, rights, name, q, decode)
		var late *durable.Error
		switch {
		case errors.As(err, &late):
			e := *AsError(sqlstate.Explain(late.Cause, "", 0))
			e.Message = "the rows were taken but are not durable yet: " + e.Message
			e.Hint = "They are visible. With an Idempotency-Key, send the request again until it is answered: they are not taken twice."
			return r, &e
		case !errors.Is(err, engine.ErrChanged) || attempt == pushAttempts:
			return r, sqlstate.Explain(err, "", 0)
		}
		select {
		case <-time.After(pushPause):
		case <-ctx.Done():
			return r, sqlstate.Explain(context.Cause(ctx), "", 0)
		}
	}
}

func (db *DB) push(ctx context.Context, rights *access.Rights, name string, q receipt.Request, decode func(*catalog.SourceDefinition) (*batch.Batch, error)) (r receipt.Receipt, err error) {
	def := db.engine.Sources()[name]
	if def == nil && !db.exists(name) {
		return r, Errorf(CodeUndefinedTable, "source %q does not exist", name)
	}
	if err := rights.Have(catalog.Insert, name); err != nil {
		return r, err
	}
	switch {
	case def == nil || def.Connector != catalog.PushConnector:
		return r, Errorf(CodeWrongObjectType, "nothing can be pushed to %q", name).
			WithHint("CREATE SOURCE … WITH (connector = 'push') makes a source that takes what is sent to it.")
	case def.Paused:
		return r, fmt.Errorf("source %q %w", name, engine.ErrPaused)
	}
	b, err := decode(def)
	if err != nil {
		return r, err
	}
	return db.engine.Push(ctx, def, b, q)
}
