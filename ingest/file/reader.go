package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
)

// reader reads the files of one source, one at a time. Status, Committed and Close
// are safe for concurrent use.
type reader struct {
	opts     Options
	settings settings
	spec     source.Spec
	schema   *batch.Schema // with metadata
	dirs     directories
	sink     source.Sink
	logger   *slog.Logger
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu sync.Mutex
	// mu protects the fields below.
	files          map[string]*file // by path
	order          []*file          // by partition
	looks          map[string]look  // by the last listing
	nextPartition  int32
	failure        error // of the listing
	state          source.State
	since          time.Time
	stopped        bool
	bytes, records int64
}

func newReader(opts Options, s settings, spec source.Spec, start []source.Position, sink source.Sink) (*reader, error) {
	ctx, cancel := context.WithCancel(context.Background())
	r := &reader{
		opts: opts, settings: s, spec: spec, schema: spec.Schema.WithMetadata(), sink: sink, cancel: cancel,
		logger: spec.Logger.With("component", "file", "source", spec.Name), files: make(map[string]*file),
		state: source.Starting, since: time.Now(),
	}
	for _, p := range start {
		f, err := restore(p)
		if err != nil {
			cancel()
			return nil, err
		}
		r.files[f.Path] = f
		r.order = append(r.order, f)
		r.nextPartition = max(r.nextPartition, p.Partition+1)
	}
	slices.SortFunc(r.order, func(a, b *file) int { return cmp.Compare(a.partition, b.partition) })
	r.running.Go(func() { r.run(ctx) })
	return r, nil
}

// run looks for files and reads them until the reader is closed.
func (r *reader) run(ctx context.Context) {
	for {
		err := r.look()
		r.mu.Lock()
		r.failure = err
		r.mu.Unlock()
		if err == nil {
			r.readAll(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(r.settings.poll):
		}
	}
}

func (r *reader) look() (err error) {
	if r.dirs, err = directories(r.opts.Directories).real(); err != nil {
		return err
	}
	return r.list()
}

// readAll reads what the listing has found.
func (r *reader) readAll(ctx context.Context) {
	r.mu.Lock()
	order := slices.Clone(r.order)
	r.mu.Unlock()
	for _, f := range order {
		r.mu.Lock()
		skip := !f.waits() || errors.Is(f.problem, errChangedEarly)
		r.mu.Unlock()
		if skip {
			continue
		}
		err := r.read(ctx, f)
		if ctx.Err() != nil {
			return
		}
		r.mu.Lock()
		if err != nil {
			r.trouble(f, err)
		} else {
			f.problem = nil
		}
		r.mu.Unlock()
	}
}

// read reads a file from its next row to its end.
func (r *reader) read(ctx context.Context, f *file) error {
	if err := unchanged(f); err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(f.Path)
	if err != nil {
		return err
	}
	if !r.dirs.inside(real) {
		return ErrNotAllowed
	}
	format, packed, err := r.settings.format(f.Path)
	switch {
	case err != nil:
		return err
	case format == formatParquet:
		return r.readParquet(ctx, f, real)
	}
	in, err := os.Open(real)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	t := &text{r: r, f: f, csv: format == formatCSV, packed: packed}
	return t.read(ctx, in)
}

// deliver hands rows from f.next on over, rejected ones with their places among
// them. at is where the record behind them begins; end is the number of rows of the
// file, -1 if it is not known yet.
func (r *reader) deliver(ctx context.Context, f *file, b *batch.Batch, at, end int64) error {
	if b.Arrival.IsZero() {
		b.Arrival = time.Now()
	}
	if err := b.Number(r.spec.Alloc, r.schema, f.partition, f.next); err != nil {
		b.Release()
		return err
	}
	own := &b.Ranges[0]
	was, next, records := f.At, own.Next, own.Next-own.First
	id := f.identity
	id.At, id.Done = at, next == end
	own.End, own.Topic = end, id.text()
	b.Ranges = append(r.announcements(f), b.Ranges...)
	if err := r.sink.Append(ctx, b); err != nil {
		return fmt.Errorf("the engine takes no more: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.order {
		known.announced = true
	}
	f.identity, f.next, f.end = id, next, end
	r.records += records
	r.bytes += at - was
	return nil
}

// announcements are ranges without rows of the files that the engine does not know
// yet, all but one: so that its watermark waits for all of them from the first row on.
func (r *reader) announcements(but *file) (ranges []batch.OffsetRange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.order {
		if f != but && !f.announced {
			ranges = append(ranges, batch.OffsetRange{Partition: f.partition, End: -1, Epoch: -1, Topic: f.text()})
		}
	}
	return ranges
}

// Committed does nothing: what was read is not taken away.
func (r *reader) Committed(map[int32]int64) {}

// Close stops the reader and waits for it.
func (r *reader) Close() error {
	r.cancel()
	r.running.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	return nil
}

// Status returns the state now. A source with a file that is not read is stalled,
// while the others are read.
func (r *reader) Status() source.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := source.Status{State: source.Running, Bytes: r.bytes, Records: r.records}
	switch {
	case r.stopped:
		s.State = source.Stopped
	case r.failure != nil:
		s.State, s.Error = source.Stalled, r.failure.Error()
	case r.looks == nil:
		s.State = source.Starting
	}
	reading := s.State
	for _, f := range r.order {
		p := f.status(reading)
		if p.Error != "" && s.Error == "" && s.State == source.Running {
			s.State, s.Error = source.Stalled, p.Error
		}
		s.Partitions = append(s.Partitions, p)
	}
	if s.State != r.state {
		r.state, r.since = s.State, time.Now()
	}
	s.Since = r.since
	return s
}
