package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/bench/peers/rows"
	"github.com/millstream-db/millstream/bench/workload"
)

const (
	partitions = 4
	seed       = 1
)

// base is the event time of a replay's first record: a time long past, so that
// none is from the future.
var base = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// topic is a full topic.
type topic struct {
	name     string
	records  int64
	expected map[rows.Key]*rows.Expected
}

// topicName returns a name that no other call has used, since the broker may be
// somebody else's. The topic is deleted in the end.
func (s *session) topicName(format string, args ...any) string {
	name := fmt.Sprintf("%s-%d", fmt.Sprintf(format, args...), s.began.Unix())
	s.names = append(s.names, name)
	return name
}

// deleteTopics deletes all topics that were made.
func (s *session) deleteTopics(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.addr))
	if err != nil {
		return fmt.Errorf("kafka client: %w", err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).DeleteTopics(ctx, s.names...); err != nil {
		return fmt.Errorf("delete topics: %w", err)
	}
	return nil
}

// fullTopic returns the topic of so many records, and fills it first if there is none.
func (s *session) fullTopic(ctx context.Context, records int64) (*topic, error) {
	if t := s.topics[records]; t != nil {
		return t, nil
	}
	t := &topic{name: s.topicName("purchases-%d", records), records: records}
	s.say("filling the topic %s", t.name)
	started := time.Now()
	if err := workload.Fill(ctx, []string{s.addr}, t.name, partitions, records, workload.NewPurchases(seed), base); err != nil {
		return nil, err
	}
	t.expected = rows.NewExpected(workload.NewPurchases(seed), records, base)
	s.say("filled in %.1f s; by page there are %d rows, by user %d", time.Since(started).Seconds(), t.expected[rows.ByPage].Rows(), t.expected[rows.ByUser].Rows())
	s.topics[records] = t
	return t, nil
}
