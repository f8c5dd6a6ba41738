package kafka

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// commitTimeout bounds one commit: lag monitors can wait, Close can't.
const commitTimeout = 10 * time.Second

// group commits the durable offsets to a consumer group, so that lag monitors
// see how far the source is. Nothing is ever read back from there.
type group struct {
	admin    *kadm.Client
	name     string
	topic    string
	interval time.Duration
	logger   *slog.Logger
	changed  chan struct{} // capacity 1

	mu   sync.Mutex // mu protects the field below
	next map[int32]int64
}

func newGroup(admin *kadm.Client, name, topic string, interval time.Duration, logger *slog.Logger) *group {
	return &group{
		admin: admin, name: name, topic: topic, interval: interval, logger: logger,
		changed: make(chan struct{}, 1), next: make(map[int32]int64),
	}
}

// durable takes offsets to commit. It does not block.
func (g *group) durable(next map[int32]int64) {
	g.mu.Lock()
	for id, offset := range next {
		g.next[id] = offset
	}
	g.mu.Unlock()
	select {
	case g.changed <- struct{}{}:
	default: // a commit is due already
	}
}

// run commits what has changed, at most once per interval.
func (g *group) run(ctx context.Context) {
	warned := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.changed:
		}
		switch err := g.commit(ctx); {
		case err == nil || ctx.Err() != nil:
			warned = false
		case warned:
			g.logger.Debug("offsets not committed to the consumer group", "group", g.name, "err", err)
		default:
			warned = true
			g.logger.Warn("offsets not committed to the consumer group; only lag monitors miss them", "group", g.name, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(g.interval):
		}
	}
}

func (g *group) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	offsets := make(kadm.Offsets)
	g.mu.Lock()
	for id, next := range g.next {
		offsets.AddOffset(g.topic, id, next, -1)
	}
	g.mu.Unlock()
	return g.admin.CommitAllOffsets(ctx, g.name, offsets)
}
