package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Job is a view being built beside the writer. It is safe for concurrent use.
type Job struct {
	ID        int64
	Statement string
	View      string   // its name is taken while the job is at work
	Source    string   // stays as it is while the job is at work
	Tables    []string // that it joins; they stay, but their rows may change
	Started   time.Time

	cancel context.CancelCauseFunc
	done   chan struct{} // closed when the job has ended
	err    error         // then: why it failed

	state       atomic.Pointer[JobState]
	rows, total atomic.Int64
	ended       atomic.Int64 // unix micros
}

// JobState is what a job is doing.
type JobState string

// The states of a job.
const (
	JobBackfilling JobState = "backfilling" // reads what was there when it started
	JobCatchingUp  JobState = "catching up" // reads what has come meanwhile
	JobFinishing   JobState = "finishing"   // its view gets each new record, and is being committed
	JobDone        JobState = "done"
	JobFailed      JobState = "failed"
	JobCanceled    JobState = "canceled"
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

// JobStatus is a job as SHOW JOBS shows it.
type JobStatus struct {
	ID            int64
	Statement     string
	View, Source  string
	State         JobState
	Progress      float64 // percent
	Rows          int64
	RowsPerSecond float64
	Started       time.Time
	Ended         time.Time // zero while it is at work
	Error         string
}

// Status returns the job as it is now.
func (j *Job) Status() JobStatus {
	s := JobStatus{
		ID: j.ID, Statement: j.Statement, View: j.View, Source: j.Source, Started: j.Started, State: *j.state.Load(),
		Progress: j.progress(), Rows: j.rows.Load(),
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

// progress is a share of the rows known so far; 100 is only said of a view
// that is there.
func (j *Job) progress() float64 {
	if *j.state.Load() == JobDone {
		return 100
	}
	total := j.total.Load()
	if total <= 0 {
		return 0
	}
	return min(99, 100*float64(j.rows.Load())/float64(total))
}

func (j *Job) setState(s JobState) { j.state.Store(&s) }

// endedJobs is how many jobs are remembered after their end.
const endedJobs = 100

// jobs are the engine's jobs. They are safe for concurrent use.
type jobs struct {
	mu sync.Mutex
	// mu protects the fields below.
	last    int64
	closed  bool
	running []*Job
	ended   []*Job
}

// add registers a job, which runs under the returned context.
func (l *jobs) add(j *Job) (context.Context, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	l.last++
	j.ID, j.done = l.last, make(chan struct{})
	j.setState(JobBackfilling)
	ctx, cancel := context.WithCancelCause(context.Background())
	j.cancel = cancel
	l.running = append(l.running, j)
	return ctx, nil
}

// end takes a job off the list and wakes who waits for it.
func (l *jobs) end(j *Job, state JobState, err error) {
	l.mu.Lock()
	l.running = slices.DeleteFunc(l.running, func(k *Job) bool { return k == j })
	l.ended = append(l.ended, j)
	if n := len(l.ended); n > endedJobs {
		l.ended = slices.Delete(l.ended, 0, n-endedJobs)
	}
	l.mu.Unlock()
	j.err = err
	j.ended.Store(time.Now().UnixMicro())
	j.setState(state)
	j.cancel(nil)
	close(j.done)
}

// find returns a job at work that the condition picks.
func (l *jobs) find(pick func(*Job) bool) *Job {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.IndexFunc(l.running, pick); i >= 0 {
		return l.running[i]
	}
	return nil
}

// of returns the job that builds a view of the given name.
func (l *jobs) of(view string) *Job { return l.find(func(j *Job) bool { return j.View == view }) }

// reading returns the jobs that read a source.
func (l *jobs) reading(source string) (list []*Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, j := range l.running {
		if j.Source == source {
			list = append(list, j)
		}
	}
	return list
}

// close cancels all jobs and waits for them. No job is added after it.
func (l *jobs) close() {
	l.mu.Lock()
	l.closed = true
	running := slices.Clone(l.running)
	l.mu.Unlock()
	for _, j := range running {
		j.cancel(ErrClosed)
	}
	for _, j := range running {
		<-j.done
	}
}

// Jobs returns the jobs by number: those at work, and the last that ended.
func (e *Engine) Jobs() []JobStatus {
	e.jobs.mu.Lock()
	list := append(slices.Clone(e.jobs.ended), e.jobs.running...)
	e.jobs.mu.Unlock()
	out := make([]JobStatus, len(list))
	for i, j := range list {
		out[i] = j.Status()
	}
	slices.SortFunc(out, func(a, b JobStatus) int { return int(a.ID - b.ID) })
	return out
}

// CancelJob cancels a job and waits until it has ended. The error wraps
// ErrNotFound when there is no such job at work.
func (e *Engine) CancelJob(ctx context.Context, id int64) error {
	j := e.jobs.find(func(j *Job) bool { return j.ID == id })
	if j == nil {
		return fmt.Errorf("job %d %w", id, ErrNotFound)
	}
	j.cancel(ErrJobCanceled)
	select {
	case <-j.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Building returns the error that says which job holds a name, nil if none does.
func (e *Engine) Building(name string) *BuildingError {
	j := e.jobs.of(name)
	if j == nil {
		return nil
	}
	return &BuildingError{Name: name, Job: j.ID, Progress: j.progress()}
}

// doWithoutJobs is do for a change that jobs stand in the way of: it fails, or
// with cascade cancels those that read a source.
func (e *Engine) doWithoutJobs(ctx context.Context, kind, name string, cascade bool, f func() error) error {
	for {
		var list []*Job
		err := e.do(ctx, func() error {
			e.awaitCheckpoint() // which may be a job's last step
			if kind == KindView {
				if b := e.Building(name); b != nil {
					return b
				}
			}
			if list = e.jobs.reading(name); len(list) == 0 {
				return f()
			}
			if !cascade {
				return fmt.Errorf("%s %q %w: job %d builds materialized view %s from it", kind, name, ErrInUse, list[0].ID, list[0].View)
			}
			return nil
		})
		if err != nil || len(list) == 0 {
			return err
		}
		for _, j := range list {
			if err := e.CancelJob(ctx, j.ID); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
	}
}
