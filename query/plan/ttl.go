package plan

import (
	"context"
	"time"

	"github.com/millstream-db/millstream/engine/view"
)

// planTTL ends the view's groups a while after their last row. It leaves TTL nil
// where no group could end so: without aggregation, where groups end with their
// window, where a row has several, and without an event time.
func (p *planner) planTTL(ctx context.Context, ttl time.Duration) error {
	if ttl == 0 || p.def.AppendOnly() || p.def.Window != nil || p.sets != nil {
		return nil
	}
	at, err := p.eventTime(ctx)
	if err != nil || at == nil {
		return err
	}
	p.def.TTL = &view.TTL{Expr: at[0], Micros: ttl.Microseconds(), InOrder: p.source.InOrder}
	return nil
}
