package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/millstream-db/millstream/bench/peers/programs"
	"github.com/millstream-db/millstream/bench/peers/results"
	"github.com/millstream-db/millstream/bench/peers/rows"
)

// recordBytes is the size of a purchase.
const recordBytes = 200

// measureReplays lets each system fill a view from the full topic.
func (s *session) measureReplays(ctx context.Context) error {
	for _, key := range rows.Keys {
		err := s.inTurns(ctx, replayWorkloads[key], s.systems, func(x *system) (map[results.Value]float64, error) { return s.replay(ctx, x, key) })
		if err != nil {
			return err
		}
	}
	return nil
}

// inTurns measures each system once, and again until there are all runs: what else
// happens on the machine hits all of them. One that has failed is not measured again.
func (s *session) inTurns(ctx context.Context, workload string, systems []*system, measure func(*system) (map[results.Value]float64, error)) error {
	failed := map[string]bool{}
	for run := 1; run <= s.runs; run++ {
		for _, x := range systems {
			if failed[x.Name] {
				continue
			}
			values, err := measure(x)
			failed[x.Name] = err != nil
			if err := s.take(ctx, x.Name, workload, run, values, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// replay measures one system once.
func (s *session) replay(ctx context.Context, x *system, key rows.Key) (map[results.Value]float64, error) {
	records := s.records
	if x.slow {
		records = s.short
	}
	t, err := s.fullTopic(ctx, records)
	if err != nil {
		return nil, err
	}
	measure := func(ctx context.Context, dir string) (map[results.Value]float64, error) {
		return x.replay(ctx, s, x, replayJob{topic: t, key: key, rows: dir})
	}
	compare := func(dir string) error {
		if x.Limit {
			return nil
		}
		return t.expected[key].Compare(dir)
	}
	values, err := s.compared(ctx, records, measure, compare)
	if err != nil {
		return nil, err
	}
	values[results.Records], values[results.Bytes] = float64(records), float64(records*recordBytes)
	return values, nil
}

// compared measures what is done with so many records, which has an empty directory for
// its rows and not for ever, and compares the rows.
func (s *session) compared(
	ctx context.Context, records int64, measure func(ctx context.Context, dir string) (map[results.Value]float64, error), compare func(dir string) error,
) (map[results.Value]float64, error) {
	dir := filepath.Join(s.dir, "rows")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	values, err := measure(limited, dir)
	if errors.Is(limited.Err(), context.DeadlineExceeded) {
		return nil, fmt.Errorf("%w: %d records took longer than %s", errSlow, records, s.limit)
	}
	if err != nil {
		return nil, err
	}
	if err := compare(dir); err != nil {
		return nil, err
	}
	return values, os.RemoveAll(dir)
}

// replayProgram measures the program of a peer.
func replayProgram(ctx context.Context, s *session, x *system, j replayJob) (map[results.Value]float64, error) {
	r, err := x.installed.Start(ctx, programs.Job{
		Mode: "replay", Brokers: s.addr, Topic: j.name, Records: j.records, Key: string(j.key), Rows: j.rows,
	}, s.dir)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return watchReplay(ctx, r)
}

// watchReplay measures a program from the line that says that it begins to the
// one that says that it is done.
func watchReplay(ctx context.Context, r *programs.Run) (map[results.Value]float64, error) {
	if err := r.Wait(ctx, programs.Started); err != nil {
		return nil, err
	}
	started, used := time.Now(), r.CPUTime()
	if err := r.Wait(ctx, programs.Finished); err != nil {
		return nil, err
	}
	took := time.Since(started)
	values := map[results.Value]float64{
		results.Seconds: took.Seconds(), results.StartSeconds: started.Sub(r.Began).Seconds(),
		results.CPUSeconds: (r.CPUTime() - used).Seconds(), results.PeakBytes: float64(r.PeakMemoryBytes()),
	}
	return values, r.WaitEnd(ctx)
}
