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

// measureReplays lets each system fill a view from the full topic, in turns: what
// else happens on the machine hits all of them.
func (s *session) measureReplays(ctx context.Context) error {
	for _, key := range rows.Keys {
		w := replayWorkloads[key]
		failed := map[string]bool{}
		for run := 1; run <= s.runs; run++ {
			for _, x := range s.systems {
				if failed[x.Name] {
					continue
				}
				values, err := s.replay(ctx, x, key)
				failed[x.Name] = err != nil
				if err := s.take(ctx, x.Name, w, run, values, err); err != nil {
					return err
				}
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
	dir := filepath.Join(s.dir, "rows")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	values, err := x.replay(limited, s, x, replayJob{topic: t, key: key, rows: dir})
	if errors.Is(limited.Err(), context.DeadlineExceeded) {
		return nil, fmt.Errorf("%w: %d records took longer than %s", errSlow, records, s.limit)
	}
	if err != nil {
		return nil, err
	}
	if !x.Limit {
		if err := t.expected[key].Compare(dir); err != nil {
			return nil, err
		}
	}
	values[results.Records], values[results.Bytes] = float64(records), float64(records*recordBytes)
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
