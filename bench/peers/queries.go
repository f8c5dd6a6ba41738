package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/peers/results"
	"github.com/millstream-db/millstream/bench/workload"
)

// loadRate is how many records per second come in while queries are asked.
const loadRate = 100_000

// catchUpPatience is how long what was not taken in may take when nobody asks.
const catchUpPatience = 30 * time.Second

// question is a query that clients ask over and over.
type question struct {
	name    string
	sql     string
	user    bool  // $1 is the name of a user
	rows    int64 // of the answer, at least
	history bool  // the source keeps its rows
}

var questions = []question{
	{}, // nobody asks
	{name: results.PointLookup, sql: `SELECT n, total, least, greatest FROM users WHERE "user" = $1`, user: true, rows: 1},
	{name: results.TopTen, sql: `SELECT "user", total FROM users ORDER BY total DESC LIMIT 10`, rows: 10},
	{name: results.FullView, sql: `SELECT page, n, total, least, greatest FROM pages`, rows: 1},
	{name: results.Join, sql: `SELECT section, sum(n), sum(total), max(greatest) FROM pages JOIN sections USING (page) GROUP BY section`, rows: 1},
	{name: results.HistoryScan, sql: `SELECT page, count(*), sum(cents), max(ts) FROM purchases WHERE ts < now() - INTERVAL '30 minutes' GROUP BY page`, rows: 1, history: true},
}

// measureQueries asks a database that has one group of each of many users, while
// records come in.
func (s *session) measureQueries(ctx context.Context) error {
	if s.system(results.Millstream) == nil {
		return nil
	}
	for run := 1; run <= s.runs; run++ {
		for _, history := range []bool{false, true} {
			if err := s.queriesUnderLoad(ctx, run, history); err != nil {
				return err
			}
		}
	}
	return nil
}

// queriesUnderLoad measures each question that is for a database with history, or
// each of the others, with each number of clients once.
func (s *session) queriesUnderLoad(ctx context.Context, run int, history bool) (err error) {
	f, err := s.newFeed(ctx, s.topicName("load-%d-%v", run, history), loadRate)
	if err != nil {
		return err
	}
	defer f.close()
	f.users = s.groups
	db, err := s.openGroups(ctx, f.topic, history)
	if err != nil {
		return err
	}
	defer db.Kill()
	feeding, stop := context.WithCancel(ctx)
	fed := make(chan error, 1)
	go func() { fed <- f.run(feeding) }()
	defer func() {
		stop()
		err = errors.Join(err, <-fed)
	}()
	if err := sleep(ctx, ourWarmUp); err != nil {
		return err
	}
	for _, q := range questions {
		if q.history != history {
			continue
		}
		for _, clients := range q.clients() {
			values, err := map[results.Value]float64(nil), s.catchUp(ctx, db, f)
			if err == nil {
				values, err = s.askFor(ctx, db, q, clients)
			}
			if err := s.take(ctx, results.Millstream, results.Query(q.name, clients), run, values, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// clients are how many ask.
func (q question) clients() []int {
	if q.sql == "" {
		return []int{0}
	}
	return results.ClientCounts
}

// catchUp waits until what earlier questions kept from being taken in has been, but
// for a tenth of a second's records.
func (s *session) catchUp(ctx context.Context, db *instance.Instance, f *feed) error {
	for deadline := time.Now().Add(catchUpPatience); ; {
		got, err := taken(ctx, db)
		if err != nil {
			return err
		}
		sent, probes, _ := f.progress()
		behind := s.groups + sent + int64(probes) - got
		if behind <= loadRate/10 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: after %s without questions, %d records are still to be taken in", errSlow, catchUpPatience, behind)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// askFor has clients ask for a time, and measures what is taken in meanwhile.
func (s *session) askFor(ctx context.Context, db *instance.Instance, q question, clients int) (map[results.Value]float64, error) {
	before, err := taken(ctx, db)
	if err != nil {
		return nil, err
	}
	started, used := time.Now(), db.CPUTime()
	until := started.Add(s.steady)
	lists, errs := make([][]time.Duration, clients), make([]error, clients)
	var wait sync.WaitGroup
	for i := range clients {
		wait.Go(func() { lists[i], errs[i] = s.ask(ctx, db, q, uint64(i), until) })
	}
	wait.Wait()
	errs = append(errs, sleep(ctx, time.Until(until))) // there may be no clients
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	after, err := taken(ctx, db)
	if err != nil {
		return nil, err
	}
	seconds := time.Since(started).Seconds()
	values := map[results.Value]float64{
		results.IngestRate: float64(after-before) / seconds, results.Seconds: seconds, results.CPUSeconds: (db.CPUTime() - used).Seconds(),
	}
	if all := slices.Sorted(slices.Values(slices.Concat(lists...))); len(all) > 0 {
		values[results.Rate] = float64(len(all)) / seconds
		values[results.P50Millis], values[results.P99Millis] = millis(percentile(all, 0.5)), millis(percentile(all, 0.99))
		values[results.MaxMillis] = millis(all[len(all)-1])
	}
	return values, nil
}

// ask is one client: it asks again as soon as it is answered, and returns how long each answer took.
func (s *session) ask(ctx context.Context, db *instance.Instance, q question, number uint64, until time.Time) ([]time.Duration, error) {
	conn, err := connect(ctx, db)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx) //nolint:errcheck // everything has been answered
	if _, err := conn.Prepare(ctx, "question", q.sql, nil); err != nil {
		return nil, fmt.Errorf("%s: %w", q.sql, err)
	}
	random := rand.New(rand.NewPCG(number, 1)) //nolint:gosec // the same users each time
	var list []time.Duration
	for time.Now().Before(until) {
		started := time.Now()
		rows, err := q.ask(ctx, conn, random.Int64N(s.groups))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.sql, err)
		}
		list = append(list, time.Since(started))
		if rows < q.rows {
			return nil, fmt.Errorf("%s: %d rows, not %d", q.sql, rows, q.rows)
		}
	}
	return list, nil
}

// ask asks once and returns the number of rows.
func (q question) ask(ctx context.Context, conn *pgconn.PgConn, user int64) (rows int64, err error) {
	var parameters [][]byte
	if q.user {
		parameters = [][]byte{[]byte(workload.UserName(int(user)))}
	}
	answer := conn.ExecPrepared(ctx, "question", parameters, nil, nil)
	for answer.NextRow() {
		rows++
	}
	_, err = answer.Close()
	return rows, err
}
