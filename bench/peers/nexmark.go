package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/millstream-db/millstream/bench/nexmark"
	"github.com/millstream-db/millstream/bench/peers/programs"
	"github.com/millstream-db/millstream/bench/peers/results"
	"github.com/millstream-db/millstream/bench/peers/rows"
	"github.com/millstream-db/millstream/bench/workload"
)

// bidsStatement makes the source, with the topic and the broker's address.
const bidsStatement = "CREATE SOURCE bid (" + nexmark.BidColumns + `)
WITH (connector = 'kafka', topic = '%s', properties.bootstrap.server = '%s', history = 'off') FORMAT PLAIN ENCODE JSON`

// newBids returns the generator of the bids, which begin a second before midnight: some
// queries group by the day, and then there are two.
func newBids() *nexmark.Generator {
	return nexmark.NewGenerator(nexmark.Options{Seed: seed, Start: base.Add(-time.Second)})
}

// bids makes the records of a topic and counts their bytes.
type bids struct {
	*nexmark.Generator
	bytes int64
}

// AppendValue implements workload.Records. The generator knows when the bids begin.
func (b *bids) AppendValue(dst []byte, n int64, _ time.Time) []byte {
	text := b.Bid(n).AppendJSON(dst)
	b.bytes += int64(len(text) - len(dst))
	return text
}

// bidTopic is a full topic of bids.
type bidTopic struct {
	name           string
	records, bytes int64
	judge          *rows.Judge
}

// nexmarkJob is a query over a full topic of bids.
type nexmarkJob struct {
	*bidTopic
	query nexmark.Query
	rows  string // the directory for the rows
}

// measureNexmark lets each system that has the queries compute them from the full
// topic, one query after the other.
func (s *session) measureNexmark(ctx context.Context) error {
	able := slices.DeleteFunc(slices.Clone(s.systems), func(x *system) bool { return x.nexmark == nil })
	if len(able) == 0 {
		return nil
	}
	queries, err := nexmark.Queries()
	if err != nil {
		return err
	}
	t, err := s.fillBids(ctx)
	if err != nil {
		return err
	}
	defer t.judge.Close()
	for _, name := range results.NexmarkQueries {
		i := slices.IndexFunc(queries, func(q nexmark.Query) bool { return q.Name == name })
		if i < 0 {
			return fmt.Errorf("there is no query %q", name)
		}
		var systems []*system
		for _, x := range able {
			if why, cannot := x.cannot[name]; cannot {
				s.file.Miss(results.Missing{System: x.Name, Workload: results.Nexmark(name), Reason: why})
				continue
			}
			systems = append(systems, x)
		}
		measure := func(x *system) (map[results.Value]float64, error) { return s.nexmarkQuery(ctx, x, t, queries[i]) }
		if err := s.inTurns(ctx, results.Nexmark(name), systems, measure); err != nil {
			return err
		}
	}
	return nil
}

// fillBids makes the topic and the judge of its rows.
func (s *session) fillBids(ctx context.Context) (*bidTopic, error) {
	t := &bidTopic{name: s.topicName("bids-%d", s.bids), records: s.bids}
	s.say("filling the topic %s", t.name)
	started, b := time.Now(), &bids{Generator: newBids()}
	if err := workload.Fill(ctx, []string{s.addr}, t.name, partitions, t.records, b, base); err != nil {
		return nil, err
	}
	t.bytes = b.bytes
	dir := filepath.Join(s.dir, "judge")
	err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)) // -dir may have an earlier one
	if err != nil {
		return nil, err
	}
	if t.judge, err = rows.NewJudge(ctx, dir, newBids(), t.records); err != nil {
		return nil, err
	}
	s.say("filled in %.1f s; a bid has %d bytes", time.Since(started).Seconds(), t.bytes/t.records)
	return t, nil
}

// nexmarkQuery measures one query of one system once.
func (s *session) nexmarkQuery(ctx context.Context, x *system, t *bidTopic, q nexmark.Query) (map[results.Value]float64, error) {
	measure := func(ctx context.Context, dir string) (map[results.Value]float64, error) {
		return x.nexmark(ctx, s, x, nexmarkJob{bidTopic: t, query: q, rows: dir})
	}
	values, err := s.compared(ctx, t.records, measure, func(dir string) error { return t.judge.Compare(ctx, q.Judge, dir) })
	if err != nil {
		return nil, err
	}
	values[results.Records], values[results.Bytes] = float64(t.records), float64(t.bytes)
	return values, nil
}

// nexmarkMillstream measures the server with the view of a query.
func nexmarkMillstream(ctx context.Context, s *session, _ *system, j nexmarkJob) (map[results.Value]float64, error) {
	columns, err := j.judge.Columns(ctx, j.query.Judge)
	if err != nil {
		return nil, err
	}
	statements := []string{fmt.Sprintf(bidsStatement, j.name, s.addr), j.query.View}
	read := fmt.Sprintf(`COPY (SELECT "%s" FROM %s) TO STDOUT (FORMAT csv)`, strings.Join(columns, `", "`), j.query.Name)
	return s.fillView(ctx, statements, j.records, read, j.rows)
}

// nexmarkProgram measures the program of a peer.
func nexmarkProgram(ctx context.Context, s *session, x *system, j nexmarkJob) (map[results.Value]float64, error) {
	r, err := x.installed.Start(ctx, programs.Job{
		Mode: "nexmark", Brokers: s.addr, Topic: j.name, Records: j.records, Key: j.query.Name, Rows: j.rows,
	}, s.dir)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return watchReplay(ctx, r)
}
