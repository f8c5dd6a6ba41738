package main

import (
	"context"
	"fmt"
	"time"

	"github.com/millstream-db/millstream/bench/peers/results"
	"github.com/millstream-db/millstream/bench/workload"
)

// measureRestart kills a database with many open groups and starts it again. What
// the groups take of memory is measured with it.
func (s *session) measureRestart(ctx context.Context) error {
	if s.system(results.Millstream) == nil {
		return nil
	}
	for run := 1; run <= s.runs; run++ {
		restart, memory, err := s.restart(ctx, s.topicName("restart-%d", run))
		if err := s.take(ctx, results.Millstream, results.Restart, run, restart, err); err != nil || restart == nil {
			return err
		}
		if err := s.take(ctx, results.Millstream, results.Memory, run, memory, nil); err != nil {
			return err
		}
	}
	return nil
}

// restart measures from the start of the process until it has answered for one of the groups.
func (s *session) restart(ctx context.Context, topic string) (restart, memory map[results.Value]float64, err error) {
	idle, err := s.idleBytes(ctx)
	if err != nil {
		return nil, nil, err
	}
	db, err := s.openGroups(ctx, topic, false)
	if err != nil {
		return nil, nil, err
	}
	defer db.Kill() // which may be done twice
	if err := db.Exec(ctx, "CHECKPOINT"); err != nil {
		return nil, nil, err
	}
	state, err := db.Integers(ctx, `SELECT "groups", state_bytes FROM millstream.views WHERE name = 'users'`)
	if err != nil {
		return nil, nil, err
	}
	groups, bytes := state[0][0], state[0][1]
	memory = map[results.Value]float64{
		results.IdleBytes: idle, results.PeakBytes: float64(db.PeakMemoryBytes()), results.Records: float64(groups),
		results.GroupBytes: float64(bytes)/float64(groups) - float64(len(workload.UserName(0))),
	}
	db.Kill()
	started := time.Now()
	again, err := s.reopenMillstream(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer again.Kill()
	got, err := again.Integers(ctx, `SELECT n::BIGINT FROM users WHERE "user" = '`+workload.UserName(int(s.groups-1))+`'`)
	if err != nil {
		return nil, nil, err
	}
	took := time.Since(started)
	if len(got) != 1 || got[0][0] != 1 || groups != s.groups {
		return nil, nil, fmt.Errorf("after the restart the last of %d groups is %v, of %d before", s.groups, got, groups)
	}
	return map[results.Value]float64{results.Seconds: took.Seconds(), results.StartSeconds: again.Startup().Seconds()}, memory, nil
}

// idlePause is how long a database is left alone before its memory is read.
const idlePause = time.Second

// idleBytes returns the most memory that an empty database has had a while after its start.
func (s *session) idleBytes(ctx context.Context) (float64, error) {
	db, err := s.startMillstream(ctx)
	if err != nil {
		return 0, err
	}
	defer db.Kill()
	if err := sleep(ctx, idlePause); err != nil {
		return 0, err
	}
	return float64(db.PeakMemoryBytes()), nil
}

// measureStartUp starts an empty database.
func (s *session) measureStartUp(ctx context.Context) error {
	if s.system(results.Millstream) == nil {
		return nil
	}
	for run := 1; run <= s.runs; run++ {
		db, err := s.startMillstream(ctx)
		values := map[results.Value]float64{}
		if err == nil {
			values[results.Seconds] = db.Startup().Seconds()
			db.Kill()
		}
		if err := s.take(ctx, results.Millstream, results.StartUp, run, values, err); err != nil {
			return err
		}
	}
	return nil
}
