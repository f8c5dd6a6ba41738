package kafka

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
)

// queueBatches is how many decoded batches may wait while the sink applies one.
const queueBatches = 1

// surveyTimeout bounds a survey. The client retries inside.
const surveyTimeout = 10 * time.Second

// decoder turns a record into one value of each of the source's columns. It
// reports whether the record deletes its key, and leaves the builder as it was
// when it returns an error.
type decoder func(r *kgo.Record, b *batch.Builder) (deleted bool, err error)

// reader reads one topic. Status, Committed and Close are safe for concurrent use.
type reader struct {
	opts     Options
	settings settings
	spec     source.Spec
	sink     source.Sink
	logger   *slog.Logger

	client   *kgo.Client
	sizes    *fetchSize
	surveyor *surveyor
	batcher  *batcher
	schemas  *schemas // nil: records need none
	group    *group

	fresh bool // there were no stored positions

	queue     chan *batch.Batch // from poller to appender; the poller closes it
	surveyNow chan struct{}     // capacity 1: something needs a survey at once
	cancel    context.CancelFunc
	running   sync.WaitGroup
	closing   sync.Once

	mu         sync.Mutex // mu protects the fields below, and partitions' for who is not the poller
	partitions map[int32]*partition
	topicID    string // "" unknown
	resolved   bool   // every partition there was at the start has its offset
	news       *survey
	cancelPoll context.CancelFunc // ends the poll under way, nil when there is none
	failure    error              // what keeps the whole topic from being read
	failState  source.State
	proved     time.Time // when the broker last answered
	ended      error     // the sink refused a batch; the reader is over
	stopped    bool
	shown      source.State // as Status last told
	shownError string
	since      time.Time
	bytes      int64
	records    int64
	duplicates int64
}

// newReader starts a reader.
func newReader(opts Options, s settings, spec source.Spec, d decoder, known *schemas, start []source.Position, sink source.Sink) (*reader, error) {
	logger := spec.Logger.With("component", "kafka", "source", spec.Name, "topic", s.topic)
	connects := &connectLog{security: s.security}
	sizes := newFetchSize(opts.FetchMemory)
	client, err := newClient(opts, s, connects, sizes, logger)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &reader{
		opts: opts, settings: s, spec: spec, sink: sink, logger: logger,
		client: client, sizes: sizes,
		batcher: newBatcher(opts, spec, d),
		schemas: known,
		group:   newGroup(kadm.NewClient(client), s.group, s.topic, opts.CommitInterval, logger),
		surveyor: &surveyor{
			admin: kadm.NewClient(client), connects: connects, settings: s,
			timeout: surveyTimeout, ping: client.Ping,
		},
		fresh:      len(start) == 0,
		resolved:   len(start) > 0,
		queue:      make(chan *batch.Batch, queueBatches),
		surveyNow:  make(chan struct{}, 1),
		cancel:     cancel,
		partitions: make(map[int32]*partition),
		shown:      source.Starting,
		since:      time.Now(),
	}
	r.batcher.keyColumns = newKeyColumns(spec, s.encoding, known)
	if s.encoding.header {
		r.batcher.table = newCSVTable(spec, s.encoding.csv)
	}
	for _, at := range start {
		p := newPartition(at.Partition)
		p.topicID, p.endBefore = at.TopicID, at.End
		p.begin(at.Next, at.LeaderEpoch)
		r.partitions[at.Partition] = p
		if at.TopicID != "" && (at.Partition == 0 || r.topicID == "") { // every topic has partition 0
			r.topicID = at.TopicID
		}
	}
	r.running.Go(func() { r.poll(ctx) })
	r.running.Go(func() { r.append(ctx) })
	r.running.Go(func() { r.survey(ctx) })
	r.running.Go(func() { r.group.run(ctx) })
	return r, nil
}

// append hands batches to the sink, in order.
func (r *reader) append(ctx context.Context) {
	for b := range r.queue {
		if ctx.Err() != nil {
			b.Release()
			continue
		}
		ranges, records := b.Ranges, int64(b.Rows()+len(b.Rejected))
		if err := r.sink.Append(ctx, b); err != nil {
			r.end(ctx, err)
			continue
		}
		r.mu.Lock()
		r.records += records
		for _, g := range ranges {
			r.partitions[g.Partition].delivered = g.Next
		}
		r.mu.Unlock()
	}
}

// end stops the reader after the sink has refused a batch: whatever follows
// would leave a gap.
func (r *reader) end(ctx context.Context, err error) {
	if ctx.Err() == nil {
		r.logger.Warn("source ended by its sink", "err", err)
	}
	r.mu.Lock()
	r.ended = err
	r.mu.Unlock()
	r.cancel()
}

// Committed tells which offsets are durable, for the consumer group.
func (r *reader) Committed(next map[int32]int64) { r.group.durable(next) }

// Close stops the reader and waits for it.
func (r *reader) Close() error {
	r.closing.Do(func() {
		r.cancel()
		r.running.Wait()
		r.client.Close()
		r.batcher.release()
		if r.schemas != nil {
			r.schemas.close()
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.stopped = true
		r.show()
	})
	return nil
}

// Status returns the state now.
func (r *reader) Status() source.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	state, message := r.show()
	s := source.Status{
		State: state, Error: message, Since: r.since,
		Bytes: r.bytes, Records: r.records, Duplicates: r.duplicates,
	}
	for _, id := range slices.Sorted(maps.Keys(r.partitions)) {
		if r.partitions[id].gone {
			continue
		}
		p := r.partitions[id].status(r.topicID, r.forget())
		if s.State != source.Running && p.State == source.Running {
			p.State = s.State // nothing proves that the partition can be read
		}
		s.Partitions = append(s.Partitions, p)
	}
	return s
}

// forget is how long a trouble counts that nobody has said to be over.
func (r *reader) forget() time.Duration { return 3 * r.opts.HealthInterval }

// show works out the state, and logs it when it has changed. r.mu is held.
func (r *reader) show() (source.State, string) {
	state, message := r.stateNow()
	if state == r.shown && message == r.shownError {
		return state, message
	}
	same := state == r.shown
	r.shown, r.shownError = state, message
	if same {
		r.logger.Debug("source state", "state", string(state), "err", message)
		return state, message
	}
	r.since = time.Now()
	switch state {
	case source.Retrying, source.Stalled:
		r.logger.Warn("source is not being read", "state", string(state), "err", message)
	default:
		r.logger.Info("source state", "state", string(state))
	}
	return state, message
}

// stateNow works out the state from everything that is known. r.mu is held.
func (r *reader) stateNow() (source.State, string) {
	switch {
	case r.stopped || r.ended != nil:
		if r.ended != nil {
			return source.Stopped, r.ended.Error()
		}
		return source.Stopped, ""
	case r.failure != nil:
		return r.failState, r.failure.Error()
	}
	trouble, reading := "", 0
	for _, id := range slices.Sorted(maps.Keys(r.partitions)) {
		if r.partitions[id].gone {
			continue
		}
		switch p := r.partitions[id].status("", r.forget()); p.State {
		case source.Stalled:
			return source.Stalled, p.Error
		case source.Retrying:
			if trouble == "" {
				trouble = p.Error
			}
		case source.Running:
			reading++
		}
	}
	switch {
	case trouble != "":
		return source.Retrying, trouble
	case reading == 0:
		return source.Starting, ""
	case time.Since(r.proved) > r.opts.HealthInterval+surveyTimeout:
		return source.Retrying, r.surveyor.where() + ": no answer since " + r.proved.Format(time.RFC3339)
	}
	return source.Running, ""
}
