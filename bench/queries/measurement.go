package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// measurement is what the clients of one server saw in one round.
type measurement struct {
	queries, rows, bytes int64
	elapsed, cpu         time.Duration   // cpu is what the server used
	latencies            []time.Duration // ascending
}

// rate is what the query is measured by: queries per second, or rows.
func (m measurement) rate(w *workload) float64 {
	if w.large {
		return float64(m.rows) / m.elapsed.Seconds()
	}
	return float64(m.queries) / m.elapsed.Seconds()
}

func (m measurement) megabytes() float64 { return float64(m.bytes) / 1e6 / m.elapsed.Seconds() }

// percentile returns the latency that a share of the queries did not exceed.
func (m measurement) percentile(share float64) time.Duration {
	if len(m.latencies) == 0 {
		return 0
	}
	return m.latencies[min(len(m.latencies)-1, int(share*float64(len(m.latencies))))]
}

// warmUps is how often each client asks before it is measured.
const warmUps = 3

// measure has clients repeat a query for a time, at least once each.
func measure(ctx context.Context, s *server, w *workload, clients int, patient time.Duration) (measurement, error) {
	list := make([]*client, 0, clients)
	defer func() {
		for _, c := range list {
			_ = c.conn.Close(ctx) // everything has been answered
		}
	}()
	for i := range clients {
		c, err := newClient(ctx, s, w, uint64(i))
		if err != nil {
			return measurement{}, err
		}
		list = append(list, c)
		for range warmUps {
			if i > 0 && w.large { // one has warmed it up for all
				break
			}
			if _, err := c.ask(ctx, nil); err != nil {
				return measurement{}, err
			}
		}
	}
	parts, errs := make([]measurement, clients), make([]error, clients)
	var wait sync.WaitGroup
	used, started := s.cpuTime(), time.Now()
	for i, c := range list {
		wait.Go(func() { parts[i], errs[i] = c.repeat(ctx, started.Add(patient)) })
	}
	wait.Wait()
	total := measurement{elapsed: time.Since(started), cpu: s.cpuTime() - used}
	for _, p := range parts {
		total.queries += p.queries
		total.rows += p.rows
		total.bytes += p.bytes
		total.latencies = append(total.latencies, p.latencies...)
	}
	slices.Sort(total.latencies)
	return total, errors.Join(errs...)
}

// repeat asks until the deadline.
func (c *client) repeat(ctx context.Context, deadline time.Time) (m measurement, err error) {
	before := c.read
	for m.queries == 0 || time.Now().Before(deadline) {
		started := time.Now()
		rows, err := c.ask(ctx, nil)
		if err != nil {
			return m, err
		}
		m.latencies = append(m.latencies, time.Since(started))
		m.queries++
		m.rows += rows
	}
	m.bytes = c.read - before
	return m, nil
}
