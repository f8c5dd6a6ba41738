package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-db/millstream/engine/source"
)

// survey is what the broker said about the topic when it was last asked. It is
// immutable.
type survey struct {
	err   error        // why there is no answer, or none that can be used
	state source.State // Retrying or Stalled, with err

	topicID    string
	partitions []surveyed // ordered by id
}

// surveyed is what the broker said about a partition.
type surveyed struct {
	id      int32
	err     error
	start   int64 // log start offset
	stable  int64 // last stable offset: the end for who reads what is committed
	end     int64 // log end offset
	startup int64 // where scan.startup.mode begins; -1 when it was not asked for
	// epochEnd is where the log ends as far as it is the one that was read
	// last, by its leader epoch; -1 when that is not known.
	epochEnd int64
	before   int64 // the offset expected next before the broker was asked, -1 unknown
	// leaderEpoch is the leader's, or an older one: all else was asked after it.
	leaderEpoch int32
}

// parted returns from which offset on the log is another one than was read, and why,
// or -1. It is about what had been read when the broker was asked.
func (s *surveyed) parted() (from int64, why string) {
	switch {
	case s.start == s.end && s.before == s.end:
		return -1, "" // nothing is left that could be compared
	case s.epochEnd >= 0 && s.epochEnd < s.before:
		return s.epochEnd, "they were read, but a new leader of the partition has other records at these offsets (truncated)"
	case s.before > s.end:
		return s.end, "they were read, but the broker's log ends before them now (truncated)"
	}
	return -1, ""
}

// surveyor asks the broker about one topic.
type surveyor struct {
	admin    *kadm.Client
	connects *connectLog
	settings settings
	timeout  time.Duration
	ping     func(context.Context) error
}

// ask surveys the topic. The startup offsets are listed only on request;
// epochs are those of the partitions whose logs may have diverged.
func (y *surveyor) ask(ctx context.Context, startup bool, epochs map[int32]int32) *survey {
	ctx, cancel := context.WithTimeout(ctx, y.timeout)
	defer cancel()
	y.connects.forget()
	// The ping comes first because it fails where metadata requests only wait.
	if err := y.ping(ctx); err != nil {
		return y.unanswered(err)
	}
	topics, err := y.admin.ListTopicsWithInternal(ctx, y.settings.topic)
	if err != nil {
		return y.refused(err)
	}
	topic := topics[y.settings.topic]
	if topic.Err != nil {
		return y.refused(topic.Err)
	}
	v := &survey{}
	if topic.ID != (kadm.TopicID{}) {
		v.topicID = topic.ID.String()
	}
	for _, p := range topic.Partitions.Sorted() {
		v.partitions = append(v.partitions, surveyed{id: p.Partition, start: -1, stable: -1, end: -1, startup: -1, epochEnd: -1, leaderEpoch: p.LeaderEpoch})
	}
	if err := y.list(ctx, v, startup); err != nil {
		return y.refused(err)
	}
	if err := y.findEpochs(ctx, v, epochs); err != nil {
		return y.refused(err)
	}
	return v
}

// findEpochs asks where the leader epochs end in which partitions were read
// last. The client does so too, but now and then only after its first fetch.
func (y *surveyor) findEpochs(ctx context.Context, v *survey, epochs map[int32]int32) error {
	if len(epochs) == 0 {
		return nil
	}
	ends, err := y.admin.OffsetForLeaderEpoch(ctx, kadm.OffsetForLeaderEpochRequest{y.settings.topic: epochs})
	var some *kadm.ShardErrors
	if err != nil && !errors.As(err, &some) {
		return err
	}
	for i := range v.partitions {
		p := &v.partitions[i]
		if _, asked := epochs[p.id]; !asked || p.err != nil {
			continue
		}
		switch end, ok := ends[y.settings.topic][p.id]; {
		case ok && end.Err == nil:
			p.epochEnd = end.EndOffset
		case ok:
			p.err = y.partitionError(p.id, end.Err)
		default:
			p.err = y.partitionError(p.id, cmp.Or[error](err, kerr.LeaderNotAvailable))
		}
	}
	return nil
}

// compareTimeout is how long the poller waits for an answer of continues.
const compareTimeout = 2 * time.Second

// continues asks whether the log of a partition has everything before an offset, of
// which the last record was of an epoch. No means also that nobody could say.
func (y *surveyor) continues(ctx context.Context, id, epoch int32, next int64) bool {
	ctx, cancel := context.WithTimeout(ctx, compareTimeout)
	defer cancel()
	ends, err := y.admin.OffsetForLeaderEpoch(ctx, kadm.OffsetForLeaderEpochRequest{y.settings.topic: {id: epoch}})
	if err != nil {
		return false
	}
	end, ok := ends[y.settings.topic][id]
	return ok && end.Err == nil && (end.EndOffset < 0 || end.EndOffset >= next)
}

// list asks for the partitions' offsets. A partition that can't be listed has
// its own error; the returned one concerns the whole topic.
func (y *surveyor) list(ctx context.Context, v *survey, startup bool) error {
	type listing struct {
		list func(context.Context, ...string) (kadm.ListedOffsets, error)
		put  func(*surveyed, int64)
	}
	listings := []listing{
		{y.admin.ListStartOffsets, func(p *surveyed, offset int64) { p.start = offset }},
		{y.admin.ListCommittedOffsets, func(p *surveyed, offset int64) { p.stable = offset }},
		{y.admin.ListEndOffsets, func(p *surveyed, offset int64) { p.end = offset }},
	}
	if startup && y.settings.mode == fromTimestamp {
		listings = append(listings, listing{
			func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
				return y.admin.ListOffsetsAfterMilli(ctx, y.settings.startupMillis, topics...)
			},
			func(p *surveyed, offset int64) { p.startup = offset },
		})
	}
	for _, l := range listings {
		offsets, err := l.list(ctx, y.settings.topic)
		var some *kadm.ShardErrors
		if err != nil && !errors.As(err, &some) {
			return err
		}
		for i := range v.partitions {
			p := &v.partitions[i]
			switch o, ok := offsets.Lookup(y.settings.topic, p.id); {
			case ok && o.Err == nil:
				l.put(p, o.Offset)
			case ok:
				p.err = y.partitionError(p.id, o.Err)
			default:
				p.err = y.partitionError(p.id, cmp.Or[error](err, kerr.LeaderNotAvailable))
			}
		}
	}
	for i := range v.partitions {
		p := &v.partitions[i]
		switch {
		case !startup || p.err != nil:
		case y.settings.mode == fromEarliest:
			p.startup = p.start
		case y.settings.mode == fromLatest:
			// Behind the last stable offset may be records of an open
			// transaction: they count as new when it commits.
			p.startup = p.stable
		default:
			p.startup = min(p.startup, p.stable)
		}
	}
	return nil
}

func (y *surveyor) where() string {
	return fmt.Sprintf("topic %s on %s", y.settings.topic, strings.Join(y.settings.servers, ","))
}

func (y *surveyor) partitionError(id int32, err error) error {
	return fmt.Errorf("%s, partition %d: %w", y.where(), id, y.connects.cause(err))
}

// unanswered is a survey that got no answer.
func (y *surveyor) unanswered(err error) *survey {
	return &survey{state: source.Retrying, err: fmt.Errorf("%s: %w", y.where(), y.connects.cause(err))}
}

// refused is a survey that was answered with an error, or broke off.
func (y *surveyor) refused(err error) *survey {
	var answer *kerr.Error
	switch {
	case !errors.As(err, &answer):
		return y.unanswered(err)
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		err = errUnknownTopic
	case errors.Is(err, kerr.TopicAuthorizationFailed) && y.settings.security.username != "":
		err = fmt.Errorf("user %s may not READ and DESCRIBE the topic: %w", y.settings.security.username, err)
	}
	return &survey{state: source.Retrying, err: fmt.Errorf("%s: %w", y.where(), err)}
}

func (y *surveyor) because(err error) error { return fmt.Errorf("%s: %w", y.where(), err) }

func isUnknownTopic(err error) bool { return errors.Is(err, errUnknownTopic) }
