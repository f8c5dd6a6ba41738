package kafka

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/broker"
)

// freeAddr returns an address that nothing listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func TestBrokerDownAtStartAndUpLater(t *testing.T) {
	addr := freeAddr(t)
	r := open(t, addr, nil)
	r.state(t, source.Retrying, addr, "connection refused", topic)
	b := newBed(t, 1, broker.Options{Addr: addr})
	b.produce(t, 0, 0, 10)
	r.reach(t, 0, 10)
	r.state(t, source.Running)
}

func TestBrokerGoesAwayAndComesBack(t *testing.T) {
	dir := t.TempDir()
	b := newBed(t, 1, broker.Options{DataDir: dir})
	addr := b.Addr()
	b.produce(t, 0, 0, 10)
	r := open(t, addr, nil)
	r.reach(t, 0, 10)
	b.client.Close()
	b.Close()
	r.state(t, source.Retrying, addr)
	b = newBed(t, 1, broker.Options{Addr: addr, DataDir: dir})
	b.produce(t, 0, 10, 10)
	r.reach(t, 0, 20)
	r.state(t, source.Running)
	r.wantOffsets(t, 0, sequence(0, 20))
	if st := r.Status(); st.Duplicates != 0 {
		t.Errorf("%d duplicates", st.Duplicates)
	}
}

func TestUnknownTopicCreatedLater(t *testing.T) {
	b := newBed(t, 0, broker.Options{AutoCreateTopics: true})
	r := open(t, b.Addr(), nil)
	r.state(t, source.Retrying, "does not exist", topic, b.Addr())
	before := b.surveys(t)
	r.until(t, "more surveys", func(source.Status) bool { return b.surveys(t) > before+3 })
	if st := r.Status(); st.State != source.Retrying {
		t.Fatalf("asking for the topic has created it: %+v", st)
	}
	if err := b.CreateTopic(limit(t), topic, 2); err != nil {
		t.Fatal(err)
	}
	b.produce(t, 1, 0, 10)
	r.reach(t, 1, 10)
	r.state(t, source.Running)
}

func TestPartitionsAdded(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	b.produce(t, 0, 0, 10)
	r := open(t, b.Addr(), map[string]string{"scan.startup.mode": "latest"})
	r.reach(t, 0, 10)
	if _, err := b.admin.CreatePartitions(limit(t), 2, topic); err != nil {
		t.Fatal(err)
	}
	b.client = connect(t, b.Addr(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	b.produce(t, 2, 0, 7)
	r.reach(t, 2, 7)
	r.reach(t, 1, 0)
	r.wantOffsets(t, 0, nil)
	r.wantOffsets(t, 2, sequence(0, 7))
	start := r.sink.positions(r.Status())
	r.Close()

	// Added while the source was closed: from 0 too, whatever the startup mode.
	if _, err := b.admin.CreatePartitions(limit(t), 1, topic); err != nil {
		t.Fatal(err)
	}
	b.client = connect(t, b.Addr(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	b.produce(t, 3, 0, 4)
	r = open(t, b.Addr(), map[string]string{"scan.startup.mode": "latest"}, start...)
	r.reach(t, 3, 4)
	r.wantOffsets(t, 3, sequence(0, 4))
}

func TestLoginFailures(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256"} {
		t.Run(mechanism, func(t *testing.T) {
			b := startBroker(t, 1, broker.Options{Kfake: []kfake.Opt{kfake.EnableSASL(), kfake.Superuser(mechanism, "alice", "right")}})
			options := map[string]string{
				"properties.security.protocol": "SASL_PLAINTEXT", "properties.sasl.mechanism": mechanism,
				"properties.sasl.username": "alice", "properties.sasl.password": "wr0ng-secret",
			}
			r := open(t, b.Addr(), options)
			st := r.state(t, source.Retrying, b.Addr(), topic, "alice", mechanism)
			if strings.Contains(fmt.Sprint(st), "wr0ng-secret") {
				t.Errorf("the password is in the status: %+v", st)
			}
			r.Close()
			options["properties.sasl.password"] = "right"
			r = open(t, b.Addr(), options)
			r.state(t, source.Running)
			r.Close()
			r = open(t, b.Addr(), nil)
			r.state(t, source.Retrying, b.Addr(), "SASL")
		})
	}
}

func TestNotAuthorized(t *testing.T) {
	deny := func(op kmsg.ACLOperation) kfake.ACL {
		return kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: topic, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true}
	}
	for _, tt := range []struct {
		name string
		acls []kfake.ACL
	}{
		{"not even describe", nil},
		{"describe but not read", []kfake.ACL{deny(kmsg.ACLOperationDescribe)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := startBroker(t, 1, broker.Options{Kfake: []kfake.Opt{
				kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "root", "root"), kfake.User("PLAIN", "bob", "pw", tt.acls...),
			}})
			r := open(t, b.Addr(), map[string]string{
				"properties.security.protocol": "SASL_PLAINTEXT", "properties.sasl.username": "bob", "properties.sasl.password": "pw",
			})
			r.state(t, source.Retrying, "TOPIC_AUTHORIZATION_FAILED", "bob", topic)
		})
	}
}

func TestRetentionPassedWhileClosed(t *testing.T) {
	b := newBed(t, 2, broker.Options{})
	b.produce(t, 0, 0, 100)
	b.produce(t, 1, 0, 100)
	b.deleteBefore(t, 0, 50)
	start := []source.Position{{Partition: 0, Next: 10, LeaderEpoch: 0}, {Partition: 1, Next: 10, LeaderEpoch: 0}}

	r := open(t, b.Addr(), nil, start...)
	r.state(t, source.Stalled, "partition 0", "10 to 49", "retention")
	r.reach(t, 1, 100) // others go on
	r.wantOffsets(t, 0, nil)
	if u := r.Status().Partitions[0].Undecided; u != 40 {
		t.Errorf("%d offsets wait for a decision, want 40", u)
	}
	r.wantLost(t, 0, 0)
	r.Close()

	r = open(t, b.Addr(), map[string]string{"on_data_loss": "continue"}, start...)
	r.reach(t, 0, 100)
	r.wantOffsets(t, 0, sequence(50, 100))
	r.wantLost(t, 0, 40)
	r.wantLost(t, 1, 0)
	st := r.state(t, source.Running)
	if g := st.Partitions[0].Gaps; len(g) != 1 || g[0].From != 10 || g[0].To != 50 || g[0].Reason == "" {
		t.Errorf("gaps %+v", g)
	}
	if g := st.Partitions[1].Gaps; len(g) != 0 {
		t.Errorf("gaps %+v", g)
	}
}

func TestRetentionPassesWhileReading(t *testing.T) {
	for _, policy := range []string{"pause", "continue"} {
		t.Run(policy, func(t *testing.T) {
			b := newBed(t, 1, broker.Options{})
			for i := range 40 { // one record per batch
				b.produce(t, 0, i*10, 10)
			}
			sink := newSink()
			sink.gate = make(chan struct{})
			opts := quick
			opts.MaxBatchRows = 10
			r := openInto(t, sink, opts, b.Addr(), map[string]string{"on_data_loss": policy, "properties.fetch.max.bytes": "500"})
			r.until(t, "a batch that waits", func(source.Status) bool {
				sink.mu.Lock()
				defer sink.mu.Unlock()
				return sink.waiting > 0
			})
			b.deleteBefore(t, 0, 395)
			close(sink.gate)
			if policy == "pause" {
				st := r.state(t, source.Stalled, "retention", "to 394")
				r.wantOffsets(t, 0, sequence(0, st.Partitions[0].Next))
				return
			}
			r.reach(t, 0, 400)
			gaps := r.Status().Partitions[0].Gaps
			if len(gaps) != 1 || gaps[0].To != 395 {
				t.Fatalf("gaps %+v", gaps)
			}
			r.wantOffsets(t, 0, append(sequence(0, gaps[0].From), sequence(395, 400)...))
		})
	}
}

func TestStoredOffsetPastTheEnd(t *testing.T) {
	for _, epoch := range []int32{-1, 0} {
		b := newBed(t, 1, broker.Options{})
		b.produce(t, 0, 0, 80)
		start := source.Position{Partition: 0, Next: 100, LeaderEpoch: epoch}
		r := open(t, b.Addr(), nil, start)
		r.state(t, source.Stalled, "partition 0", "80 to 99", "truncated")
		r.Close()

		r = open(t, b.Addr(), map[string]string{"on_data_loss": "continue"}, start)
		r.state(t, source.Running)
		b.produce(t, 0, 80, 30)
		r.reach(t, 0, 110)
		r.wantOffsets(t, 0, sequence(80, 110))
		r.wantLost(t, 0, 20)
		st := r.Status()
		if g := st.Partitions[0].Gaps; len(g) != 1 || g[0].From != 80 || g[0].To != 100 || st.Duplicates != 0 {
			t.Errorf("gaps %+v, %d dropped", g, st.Duplicates)
		}
	}
}

// truncate makes leaders say that the log of any epoch ends at an offset.
func truncate(b *bed, end int64) { epochsEnd(b, func() int64 { return end }) }

// epochsEnd has leaders say, whenever they are asked, where the log of any epoch ends.
func epochsEnd(b *bed, ends func() int64) {
	b.Cluster().ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.Cluster().KeepControl()
		resp, end := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse), ends()
		for _, rt := range req.(*kmsg.OffsetForLeaderEpochRequest).Topics {
			st := kmsg.NewOffsetForLeaderEpochResponseTopic()
			st.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				sp := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				sp.Partition, sp.LeaderEpoch, sp.EndOffset = rp.Partition, rp.LeaderEpoch, end
				st.Partitions = append(st.Partitions, sp)
			}
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, true
	})
}

func TestTruncationWhileReading(t *testing.T) {
	for _, policy := range []string{"pause", "continue"} {
		t.Run(policy, func(t *testing.T) {
			b := newBed(t, 1, broker.Options{Brokers: 2})
			b.produce(t, 0, 0, 100)
			r := open(t, b.Addr(), map[string]string{"on_data_loss": policy})
			r.reach(t, 0, 100)
			truncate(b, 80)
			b.elect(t)
			if policy == "pause" {
				r.state(t, source.Stalled, "80 to 99", "truncated")
				r.wantOffsets(t, 0, sequence(0, 100))
				return
			}
			// What the new leader has there is read, beside what was read before.
			r.until(t, "a gap", func(st source.Status) bool { return len(st.Partitions[0].Gaps) == 1 && st.Records == 120 })
			b.produce(t, 0, 100, 5)
			r.reach(t, 0, 105)
			r.wantOffsets(t, 0, slices.Sorted(slices.Values(append(sequence(0, 105), sequence(80, 100)...))))
			r.wantLost(t, 0, 20)
			r.state(t, source.Running)
		})
	}
}

// TestTruncationThatTheClientMissed has a new leader that does not know yet how far the
// log of the old one goes in its own when the client asks, and then gives out records.
func TestTruncationThatTheClientMissed(t *testing.T) {
	for _, policy := range []string{"pause", "continue"} {
		t.Run(policy, func(t *testing.T) {
			b := newBed(t, 1, broker.Options{Brokers: 2})
			b.produce(t, 0, 0, 100)
			r := open(t, b.Addr(), map[string]string{"on_data_loss": policy})
			r.reach(t, 0, 100)
			asked := 0
			epochsEnd(b, func() int64 {
				if asked++; asked == 1 {
					return 100
				}
				return 80
			})
			b.elect(t)
			b.produce(t, 0, 100, 5)
			if policy == "pause" {
				r.state(t, source.Stalled, "80 to 99", "truncated")
				r.wantOffsets(t, 0, sequence(0, 100))
				return
			}
			r.until(t, "a gap", func(st source.Status) bool { return len(st.Partitions[0].Gaps) == 1 && st.Records == 125 })
			r.wantLost(t, 0, 20)
			r.state(t, source.Running)
		})
	}
}

// TestNewLeaderOfTheSameLog reads on over several leaders, each of whom has all that was
// read: nothing is lost, and nobody is told so.
func TestNewLeaderOfTheSameLog(t *testing.T) {
	b := newBed(t, 1, broker.Options{Brokers: 2})
	b.produce(t, 0, 0, 10)
	r := open(t, b.Addr(), nil)
	for i := 1; i <= 5; i++ {
		r.reach(t, 0, int64(10*i))
		b.elect(t)
		b.produce(t, 0, 10*i, 10)
	}
	r.reach(t, 0, 60)
	r.wantOffsets(t, 0, sequence(0, 60))
	r.wantLost(t, 0, 0)
}

func TestTruncationWhileClosed(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	b.produce(t, 0, 0, 120)
	truncate(b, 80) // the log has grown past the stored offset again
	r := open(t, b.Addr(), nil, source.Position{Partition: 0, Next: 100, LeaderEpoch: 0})
	r.state(t, source.Stalled, "80 to 99", "truncated")
	r.wantOffsets(t, 0, nil)
}

func TestTopicDeletedAndRecreated(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	b.produce(t, 0, 0, 10)
	r := open(t, b.Addr(), nil)
	r.reach(t, 0, 10)
	if _, err := b.admin.DeleteTopic(limit(t), topic); err != nil {
		t.Fatal(err)
	}
	r.state(t, source.Stalled, topic, "deleted")
	b.client.PurgeTopicsFromClient(topic)
	if err := b.CreateTopic(limit(t), topic, 1); err != nil {
		t.Fatal(err)
	}
	b.produce(t, 0, 1000, 20)
	st := r.state(t, source.Stalled, topic, "created again")
	r.wantOffsets(t, 0, sequence(0, 10))
	start := r.sink.positions(st)
	r.Close()

	// The same when it happened while the source was closed.
	r = open(t, b.Addr(), nil, start...)
	r.state(t, source.Stalled, topic, "created again")
	r.wantOffsets(t, 0, nil)
	r.Close()

	// Until somebody says that reading shall go on. The topic's end was seen before.
	start[0].End = 15
	r = open(t, b.Addr(), map[string]string{"on_data_loss": "continue"}, start...)
	r.until(t, "the new topic's end", func(st source.Status) bool { return st.Records == 20 })
	r.wantOffsets(t, 0, sequence(0, 20))
	r.wantLost(t, 0, 5)
	r.state(t, source.Running)
	again := r.sink.positions(r.Status())
	r.Close()
	r = open(t, b.Addr(), map[string]string{"on_data_loss": "continue"}, again...)
	b.produce(t, 0, 1020, 1)
	r.reach(t, 0, 21)
	r.wantOffsets(t, 0, sequence(20, 21))
}

func TestTopicRecreatedWhileReading(t *testing.T) {
	for _, partitions := range []int{1, 2, 4} { // of the new topic; the old one has two
		t.Run(fmt.Sprint(partitions), func(t *testing.T) {
			b := newBed(t, 2, broker.Options{})
			b.produce(t, 0, 0, 30)
			b.produce(t, 1, 0, 10)
			r := open(t, b.Addr(), map[string]string{"on_data_loss": "continue"})
			r.reach(t, 0, 30)
			r.reach(t, 1, 10)
			if _, err := b.admin.DeleteTopic(limit(t), topic); err != nil {
				t.Fatal(err)
			}
			b.client.PurgeTopicsFromClient(topic)
			if err := b.CreateTopic(limit(t), topic, partitions); err != nil {
				t.Fatal(err)
			}
			var all int64
			for p := range partitions {
				b.produce(t, int32(p), 0, 20)
				all += 20
			}
			r.until(t, "the new topic's end", func(st source.Status) bool { return st.Records == 40+all })
			st := r.state(t, source.Running)
			if len(st.Partitions) != partitions {
				t.Errorf("%d partitions, want %d", len(st.Partitions), partitions)
			}
			start := r.sink.positions(st)
			r.wantOffsets(t, 0, slices.Sorted(slices.Values(append(sequence(0, 30), sequence(0, 20)...))))
			r.Close()

			// A partition that is no more must not make the topic look like a third one.
			r = open(t, b.Addr(), map[string]string{"on_data_loss": "continue"}, start...)
			b.produce(t, 0, 20, 5)
			r.reach(t, 0, 25)
			r.wantOffsets(t, 0, sequence(20, 25))
			st = r.state(t, source.Running)

			// More partitions come, among them one of the old topic's.
			for again := range 2 {
				if _, err := b.admin.CreatePartitions(limit(t), 1+again, topic); err != nil {
					t.Fatal(err)
				}
				added := int32(partitions + again*2)
				b.client = connect(t, b.Addr(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
				b.produce(t, added, 0, 7)
				r.until(t, "the records of an added partition", func(source.Status) bool {
					r.sink.mu.Lock()
					defer r.sink.mu.Unlock()
					return len(r.sink.offsets[added]) == 7
				})
				r.wantOffsets(t, added, sequence(0, 7))
				start = r.sink.positions(r.Status())
				r.Close()
				r = open(t, b.Addr(), map[string]string{"on_data_loss": "continue"}, start...)
			}
			r.state(t, source.Running)
		})
	}
}

func TestPartitionsAddedWhoseStartIsGone(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	b.produce(t, 0, 0, 10)
	if _, err := b.admin.CreatePartitions(limit(t), 2, topic); err != nil {
		t.Fatal(err)
	}
	b.client = connect(t, b.Addr(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	b.produce(t, 1, 0, 10)
	b.produce(t, 2, 0, 10)
	b.deleteBefore(t, 1, 5)
	r := open(t, b.Addr(), map[string]string{"on_data_loss": "continue"}, source.Position{Partition: 0, Next: 10, LeaderEpoch: -1})
	r.reach(t, 1, 10)
	r.reach(t, 2, 10)
	r.wantOffsets(t, 1, sequence(5, 10))
	r.wantOffsets(t, 2, sequence(0, 10))
	r.wantLost(t, 1, 5)
}

func TestLogEmptiedAndLedByAnother(t *testing.T) {
	b := newBed(t, 1, broker.Options{Brokers: 2})
	b.produce(t, 0, 0, 100)
	r := open(t, b.Addr(), nil)
	r.reach(t, 0, 100)
	b.deleteBefore(t, 0, 100)
	b.elect(t)
	before := b.surveys(t)
	r.until(t, "more surveys", func(source.Status) bool { return b.surveys(t) > before+5 })
	b.produce(t, 0, 100, 10)
	r.reach(t, 0, 110)
	r.wantOffsets(t, 0, sequence(0, 110))
	if st := r.state(t, source.Running); len(st.Partitions[0].Gaps) > 0 {
		t.Errorf("retention was taken for a loss: %+v", st.Partitions[0].Gaps)
	}
}

func TestLeadersMoveWhileReading(t *testing.T) {
	b := newBed(t, 4, broker.Options{Brokers: 3})
	const each = 25_000
	for p := range int32(4) {
		for i := range 50 {
			b.produce(t, p, i*each/50, each/50)
		}
	}
	opts := quick
	opts.MaxBatchRows = 500
	r := openInto(t, newSink(), opts, b.Addr(), map[string]string{"properties.max.partition.fetch.bytes": "20000"})
	moves := 0
	r.until(t, "all records", func(source.Status) bool {
		b.Cluster().ShufflePartitionLeaders()
		moves++
		done := true
		for p := range int32(4) {
			done = done && r.sink.nextOf(p) == each
		}
		return done || moves > 40
	})
	for p := range int32(4) {
		r.reach(t, p, each)
		r.wantOffsets(t, p, sequence(0, each))
	}
	st := r.state(t, source.Running)
	if moves < 3 || st.Records != 4*each {
		t.Errorf("%d moves, %d records", moves, st.Records)
	}
	for _, p := range st.Partitions {
		if len(p.Gaps) > 0 {
			t.Errorf("gaps %+v", p.Gaps)
		}
	}
	t.Logf("%d moves, %d duplicates dropped", moves, st.Duplicates)
}

func TestLeaderlessPartitionIsNamed(t *testing.T) {
	b := newBed(t, 2, broker.Options{})
	b.produce(t, 0, 0, 10)
	r := open(t, b.Addr(), nil)
	r.reach(t, 0, 10)
	fault := b.Cluster().Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.ListOffsets, kmsg.Fetch}, Topic: topic, Partitions: []int32{1}, Err: kerr.LeaderNotAvailable, Count: -1,
	})
	st := r.state(t, source.Retrying, "partition 1", "LEADER_NOT_AVAILABLE")
	if st.Partitions[0].State == source.Stalled || st.Partitions[1].State != source.Retrying {
		t.Errorf("status %+v", st)
	}
	fault.Remove()
	r.state(t, source.Running)
	b.produce(t, 1, 0, 3)
	r.reach(t, 1, 3)
}

func TestCompactedTopic(t *testing.T) {
	b := newBed(t, 0, broker.Options{})
	value := "compact"
	if _, err := b.admin.CreateTopic(limit(t), 1, 1, map[string]*string{"cleanup.policy": &value}, topic); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		r := numbered(0, i)
		r.Key = fmt.Appendf(nil, "k%d", i%3)
		b.write(t, r)
	}
	b.Cluster().Compact()
	b.write(t, numbered(0, 30))
	r := open(t, b.Addr(), nil)
	r.reach(t, 0, 31)
	st := r.state(t, source.Running)
	if len(st.Partitions[0].Gaps) != 0 {
		t.Errorf("compaction was taken for a loss: %+v", st.Partitions[0].Gaps)
	}
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	got := r.sink.offsets[0]
	if len(got) == 0 || len(got) > 10 || got[len(got)-1] != 30 || !slices.IsSorted(got) {
		t.Errorf("offsets %v", got)
	}
}

func TestSilentBrokerIsNotRunning(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	b.produce(t, 0, 0, 10)
	r := open(t, b.Addr(), nil)
	r.reach(t, 0, 10)
	r.state(t, source.Running)
	var down atomic.Bool
	down.Store(true)
	b.Cluster().ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.Cluster().KeepControl()
		if !down.Load() {
			return nil, nil, false
		}
		return nil, errWanted, true // ends the connection
	})
	r.state(t, source.Retrying, b.Addr())
	down.Store(false)
	r.state(t, source.Running)
	b.produce(t, 0, 10, 5)
	r.reach(t, 0, 15)
	r.wantOffsets(t, 0, sequence(0, 15))
}
