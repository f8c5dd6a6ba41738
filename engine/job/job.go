// Package job keeps track of the work that goes on beside the writer: views
// that are being built, and backups. A [Job] is one of them; a [List] is those at
// work and the last that ended. The work itself is the engine's.
package job

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
)

// Job is a view being built beside the writer, or a backup. It is safe for
// concurrent use.
type Job struct {
	ID        int64
	Statement string
	View      string   // its name is taken while the job is at work; "" for a backup
	Source    string   // stays as it is while the job is at work
	Tables    []string // that it joins; they stay, but their rows may change
	Started   time.Time

	cancel context.CancelCauseFunc
	done   chan struct{} // closed when the job has ended
	err    error         // then: why it failed

	Rows, Total  atomic.Int64 // folded, and known so far
	Copied, Size atomic.Int64 // bytes of a backup: written, and of the whole
	state        atomic.Pointer[State]
	ended        atomic.Int64 // unix micros
}

// State is what a job is doing.
type State string

// The states of a job.
const (
	Backfilling State = "backfilling" // reads what was there when it started
	CatchingUp  State = "catching up" // reads what has come meanwhile
	Finishing   State = "finishing"   // its view gets each new record, and is being committed
	Copying     State = "copying"     // a backup writes its files
	Verifying   State = "verifying"   // a backup reads what it has written
	Done        State = "done"
	Failed      State = "failed"
	Canceled    State = "canceled"
)

// Wait returns when the job has ended, with the reason if it made no view. When
// the context ends first, the job is cancelled.
func (j *Job) Wait(ctx context.Context) error {
	select {
	case <-j.done:
	case <-ctx.Done():
		j.cancel(context.Cause(ctx))
		<-j.done
	}
	return j.err
}

// Status is a job as SHOW JOBS shows it.
type Status struct {
	ID            int64
	Statement     string
	View, Source  string
	State         State
	Progress      float64 // percent
	Rows          int64
	RowsPerSecond float64
	Started       time.Time
	Ended         time.Time // zero while it is at work
	Error         string
}

// Fill appends the job as a row of the system table of jobs.
func (s *Status) Fill(b *batch.Builder) {
	b.Column(0).AppendInt64(s.ID)
	b.Column(1).AppendString(s.Statement)
	b.Column(2).AppendText(s.View)
	b.Column(3).AppendText(s.Source)
	b.Column(4).AppendString(string(s.State))
	b.Column(5).AppendFloat64(s.Progress)
	b.Column(6).AppendInt64(s.Rows)
	b.Column(7).AppendFloat64(s.RowsPerSecond)
	b.Column(8).AppendInstant(s.Started)
	b.Column(9).AppendInstant(s.Ended)
	b.Column(10).AppendText(s.Error)
}

// Status returns the job as it is now.
func (j *Job) Status() Status {
	s := Status{
		ID: j.ID, Statement: j.Statement, View: j.View, Source: j.Source, Started: j.Started, State: *j.state.Load(),
		Progress: j.Progress(), Rows: j.Rows.Load(),
	}
	now := time.Now()
	if micros := j.ended.Load(); micros != 0 {
		s.Ended = time.UnixMicro(micros)
		now = s.Ended
		if j.err != nil {
			s.Error = j.err.Error()
		}
	}
	if d := now.Sub(j.Started).Seconds(); d > 0 {
		s.RowsPerSecond = float64(s.Rows) / d
	}
	return s
}

// Progress is a share of the rows known so far, or of a backup's bytes; 100 is only
// said of what is there.
func (j *Job) Progress() float64 {
	if *j.state.Load() == Done {
		return 100
	}
	now, total := j.Rows.Load(), j.Total.Load()
	if size := j.Size.Load(); size > 0 {
		now, total = j.Copied.Load(), size
	}
	if total <= 0 {
		return 0
	}
	return min(99, 100*float64(now)/float64(total))
}

// Cancel asks the job to end, for a reason.
func (j *Job) Cancel(cause error) { j.cancel(cause) }

// Ended is closed when the job has ended.
func (j *Job) Ended() <-chan struct{} { return j.done }

// Enter says what the job is doing now.
func (j *Job) Enter(s State) { j.state.Store(&s) }

// endedJobs is how many jobs are remembered after their end.
const endedJobs = 100

// List is jobs. It is safe for concurrent use.
type List struct {
	mu sync.Mutex
	// mu protects the fields below.
	last    int64
	closed  error // why no job is added any more
	running []*Job
	ended   []*Job
}

// Add registers a job, which runs under the returned context.
func (l *List) Add(j *Job) (context.Context, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed != nil {
		return nil, l.closed
	}
	l.last++
	j.ID, j.done = l.last, make(chan struct{})
	j.Enter(Backfilling)
	ctx, cancel := context.WithCancelCause(context.Background())
	j.cancel = cancel
	l.running = append(l.running, j)
	return ctx, nil
}

// End takes a job off the list and wakes who waits for it.
func (l *List) End(j *Job, state State, err error) {
	l.mu.Lock()
	l.running = slices.DeleteFunc(l.running, func(k *Job) bool { return k == j })
	l.ended = append(l.ended, j)
	if n := len(l.ended); n > endedJobs {
		l.ended = slices.Delete(l.ended, 0, n-endedJobs)
	}
	l.mu.Unlock()
	j.err = err
	j.ended.Store(time.Now().UnixMicro())
	j.Enter(state)
	j.cancel(nil)
	close(j.done)
}

// Find returns a job at work that the condition picks.
func (l *List) Find(pick func(*Job) bool) *Job {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.IndexFunc(l.running, pick); i >= 0 {
		return l.running[i]
	}
	return nil
}

// Cancel cancels a job and waits until it has ended. The error wraps ErrNotFound when
// there is no such job at work.
func (l *List) Cancel(ctx context.Context, id int64) error {
	j := l.Find(func(j *Job) bool { return j.ID == id })
	if j == nil {
		return fmt.Errorf("job %d %w", id, ErrNotFound)
	}
	j.Cancel(ErrCanceled)
	select {
	case <-j.Ended():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Building returns the error that says which job holds a view's name, nil if none
// does.
func (l *List) Building(view string) *BuildingError {
	j := l.Of(view)
	if j == nil {
		return nil
	}
	return &BuildingError{Name: view, Job: j.ID, Progress: j.Progress()}
}

// Of returns the job that builds a view of the given name.
func (l *List) Of(view string) *Job { return l.Find(func(j *Job) bool { return j.View == view }) }

// Reading returns the jobs that read or join a source.
func (l *List) Reading(source string) (list []*Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, j := range l.running {
		if j.Source == source || slices.Contains(j.Tables, source) {
			list = append(list, j)
		}
	}
	return list
}

// Close cancels all jobs for a reason and waits for them. No job is added after it.
func (l *List) Close(cause error) {
	l.mu.Lock()
	l.closed = cause
	running := slices.Clone(l.running)
	l.mu.Unlock()
	for _, j := range running {
		j.cancel(cause)
	}
	for _, j := range running {
		<-j.done
	}
}

// All returns the jobs by number: those at work, and the last that ended.
func (l *List) All() []Status {
	l.mu.Lock()
	list := append(slices.Clone(l.ended), l.running...)
	l.mu.Unlock()
	out := make([]Status, len(list))
	for i, j := range list {
		out[i] = j.Status()
	}
	slices.SortFunc(out, func(a, b Status) int { return int(a.ID - b.ID) })
	return out
}
