package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/millstream-db/millstream/bench/peers/programs"
	"github.com/millstream-db/millstream/bench/peers/results"
	"github.com/millstream-db/millstream/bench/peers/rows"
)

const (
	// upPatience is how long a system may take until it shows the first probe.
	upPatience = time.Minute
	// keepUpPatience is how long a system may take to show what was sent when no more is.
	keepUpPatience = 15 * time.Second
	// heldShare is how much of the rate must really have been sent.
	heldShare = 0.95
)

// watcher is a system that shows what it has of a feed's topic and tells the feed.
type watcher interface {
	CPUTime() time.Duration
	PeakMemoryBytes() int64
	// watch tells the feed what is visible until ctx ends, which is no error.
	watch(ctx context.Context) error
	Close()
}

// measureFreshness measures each system at each rate.
func (s *session) measureFreshness(ctx context.Context) error {
	for _, rate := range results.FreshnessRates {
		failed := map[string]bool{}
		for run := 1; run <= s.runs; run++ {
			for _, x := range s.systems {
				if !slices.Contains(x.rates, rate) || failed[x.Name] {
					continue
				}
				values, err := s.freshness(ctx, x, rate, run)
				failed[x.Name] = err != nil
				if err := s.take(ctx, x.Name, results.Freshness(rate), run, values, err); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// freshness measures a system at a rate once.
func (s *session) freshness(ctx context.Context, x *system, rate, run int) (map[results.Value]float64, error) {
	f, err := s.newFeed(ctx, s.topicName("steady-%s-%d-%d", x.Name, rate, run), rate)
	if err != nil {
		return nil, err
	}
	defer f.close()
	w, err := x.freshness(ctx, s, x, f)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	feeding, stopFeed := context.WithCancel(ctx)
	watching, stopWatch := context.WithCancel(ctx)
	measuring, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer stopWatch()
	defer stopFeed()
	for _, work := range []func() error{func() error { return f.run(feeding) }, func() error { return w.watch(watching) }} {
		wait.Go(func() {
			if err := work(); err != nil {
				fail(err) // which ends the measurement, and is what it returns
			}
		})
	}
	values, err := f.measure(measuring, w, x.warmUp, s.steady, stopFeed)
	if cause := context.Cause(measuring); cause != nil {
		return nil, cause
	}
	return values, err
}

// measure waits until the system is up, measures it for a time, stops the feed and
// waits until everything has become visible.
func (f *feed) measure(ctx context.Context, w watcher, warmUp, steady time.Duration, stopFeed func()) (map[results.Value]float64, error) {
	if err := f.waitSeen(ctx, upPatience, func(_, seen int) bool { return seen > 0 }); err != nil {
		return nil, err
	}
	if err := sleep(ctx, warmUp); err != nil {
		return nil, err
	}
	f.begin()
	started, used := time.Now(), w.CPUTime()
	before, _, _ := f.progress()
	if err := sleep(ctx, steady); err != nil {
		return nil, err
	}
	after, _, _ := f.progress()
	seconds := time.Since(started).Seconds()
	cpu := w.CPUTime() - used
	stopFeed()
	rate := float64(after-before) / seconds
	if rate < heldShare*float64(f.rate) {
		return nil, fmt.Errorf("%w: the producer sent only %.0f of %d records/s beside it", errSlow, rate, f.rate)
	}
	if err := f.waitSeen(ctx, keepUpPatience, func(probes, seen int) bool { return probes == seen }); err != nil {
		return nil, err
	}
	late := slices.Sorted(slices.Values(f.latencies()))
	if len(late) == 0 {
		return nil, errors.New("no probe was sent in the time")
	}
	return map[results.Value]float64{
		results.Rate: rate, results.Seconds: seconds, results.CPUSeconds: cpu.Seconds(),
		results.PeakBytes: float64(w.PeakMemoryBytes()), results.P50Millis: millis(percentile(late, 0.5)),
		results.P99Millis: millis(percentile(late, 0.99)), results.MaxMillis: millis(late[len(late)-1]),
	}, nil
}

// waitSeen waits until what was sent and seen is enough.
func (f *feed) waitSeen(ctx context.Context, patience time.Duration, enough func(probes, seen int) bool) error {
	for deadline := time.Now().Add(patience); ; {
		_, probes, seen := f.progress()
		if enough(probes, seen) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: after %s more, %d of %d probes are visible at %d records/s", errSlow, patience, seen, probes, f.rate)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// percentile returns what a share of an ascending list does not exceed.
func percentile(list []time.Duration, share float64) time.Duration {
	return list[min(len(list)-1, int(share*float64(len(list))))]
}

func millis(d time.Duration) float64 { return d.Seconds() * 1000 }

// programWatcher reads what a program prints.
type programWatcher struct {
	*programs.Run
	feed *feed
}

// watchProgram starts the program of a peer on the topic of a feed.
func watchProgram(ctx context.Context, s *session, x *system, f *feed) (watcher, error) {
	r, err := x.installed.Start(ctx, programs.Job{
		Mode: "freshness", Brokers: s.addr, Topic: f.topic, Key: string(rows.ByPage), Rows: s.dir,
	}, s.dir)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, upPatience)
	defer cancel()
	if err := r.Wait(limited, programs.Started); err != nil {
		r.Close()
		return nil, err
	}
	return &programWatcher{Run: r, feed: f}, nil
}

func (w *programWatcher) watch(ctx context.Context) error {
	for {
		line, err := w.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("the program ended by itself: %w", err)
		case err != nil:
			return err
		}
		var page int
		var count, micros int64
		if _, err := fmt.Sscanf(line, programs.Visible+" page-%d %d %d", &page, &count, &micros); err != nil {
			continue // another line
		}
		if partition := page - probePage(0); partition >= 0 && partition < partitions {
			w.feed.observe(partition, count, time.UnixMicro(micros))
		}
	}
}
