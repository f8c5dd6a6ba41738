package engine

import (
	"log/slog"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/source"
)

// Options configure an engine. The zero value is usable.
type Options struct {
	// Connectors makes readers by the name in a source's connector option.
	Connectors map[string]source.Connector
	// Logger receives lifecycle messages. The default discards them.
	Logger *slog.Logger
	// HotBytes bounds the rows that wait in memory for their checkpoint; full
	// hot buffers slow the readers down. The default is 512 MiB.
	HotBytes int64
	// ViewBytes bounds the state of each view: one that outgrows it is paused,
	// and the others go on. The default is 1 GiB. StatesBytes bounds those of all
	// views together: the one that grows most is paused. The default is no limit.
	ViewBytes, StatesBytes int64
	// CheckpointInterval is the time between checkpoints while records come in.
	// The default is 10 s. 64 MiB of hot rows, or a third of HotBytes, start one
	// earlier.
	CheckpointInterval time.Duration
	// SubscriptionLag and SubscriptionBytes end a subscription that does not keep
	// up: one that has not moved for so long although there is something to
	// tell, or that keeps so much memory from being freed. The defaults are 30 s
	// and 128 MiB.
	SubscriptionLag   time.Duration
	SubscriptionBytes int64
	// SubscriptionRows is how many rows a subscribed query may give; views and
	// sources that are subscribed to by name have no limit. The default is 100,000.
	SubscriptionRows int64
	// SubscriptionResume is for how long the place of a subscription that has
	// ended is kept, so that its client can go on with AS OF; it is given up
	// when it costs a quarter of SubscriptionBytes. The default is 10 s.
	SubscriptionResume time.Duration
	// DuckDB configures history and query execution.
	DuckDB duck.Options
	// Now is the clock. The default is time.Now.
	Now func() time.Time
	// Tick is how often idle partitions and due checkpoints are looked for.
	// The default is 100 ms.
	Tick time.Duration
	// Sessions, when set, appends a row for each session to millstream.sessions.
	Sessions func(b *batch.Builder)
	// OnEpoch and OnCheckpoint, when set, observe what was done. They must be quick.
	OnEpoch      func(rows int, d time.Duration)
	OnCheckpoint func(rows int64, d time.Duration, err error)
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.HotBytes = positive(o.HotBytes, 512<<20)
	o.ViewBytes = positive(o.ViewBytes, 1<<30)
	o.CheckpointInterval = positive(o.CheckpointInterval, 10*time.Second)
	o.SubscriptionLag = positive(o.SubscriptionLag, 30*time.Second)
	o.SubscriptionBytes = positive(o.SubscriptionBytes, 128<<20)
	o.SubscriptionRows = positive(o.SubscriptionRows, 100_000)
	o.SubscriptionResume = positive(o.SubscriptionResume, 10*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Tick = positive(o.Tick, 100*time.Millisecond)
	return o
}

// positive returns a value, or its default if it is not positive.
func positive[T ~int | ~int64](value, otherwise T) T {
	if value <= 0 {
		return otherwise
	}
	return value
}
