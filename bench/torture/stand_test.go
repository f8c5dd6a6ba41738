package torture

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/ingest/broker"
)

// healing is how long the database may take to have read everything once a fault
// is over.
const healing = 30 * time.Second

// stand is where one fault happens: a broker of its own, a topic, and a source over it
// in the database that all share.
type stand struct {
	t          *testing.T
	random     *rand.Rand
	db         *instance.Instance
	count      *tally
	name       string // of the source and the topic
	policy     string // the source's on_data_loss
	options    broker.Options
	broker     *broker.Broker
	login      []kgo.Opt // of the test's own clients
	partitions int32
	*ledger

	ended time.Time // when the fault was over, or somebody had decided what to do about it
}

// newStand starts a broker and creates the topic, the source and the view. more is
// what else stands in the source's WITH.
func newStand(t *testing.T, db *instance.Instance, seed uint64, name, policy, more string, o broker.Options, login ...kgo.Opt) *stand {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	o.DataDir = filepath.Join(t.TempDir(), "kafka")
	o.RetentionAge, o.RetentionBytes = -time.Hour, -1
	s := &stand{
		t: t, random: random, db: db, name: name, policy: policy, options: o, login: login, partitions: 2 + random.Int32N(3),
		ledger: newLedger(name, rand.New(rand.NewPCG(seed, 1))),
	}
	s.startBroker()
	if err := s.broker.Cluster().CreateTopic(name, s.partitions, nil); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reconnect()
	t.Cleanup(s.ledger.close)
	mustExec(t, db,
		fmt.Sprintf("CREATE SOURCE %s (id BIGINT, p INTEGER, text VARCHAR) WITH (connector = 'kafka', topic = '%s', properties.bootstrap.server = '%s', on_data_loss = '%s'%s) FORMAT PLAIN ENCODE JSON",
			name, name, s.broker.Addr(), policy, more),
		fmt.Sprintf("CREATE MATERIALIZED VIEW %[1]s_sums AS SELECT p, id / %[2]d AS bucket, count(*) AS n, sum(id)::BIGINT AS total FROM %[1]s GROUP BY p, id / %[2]d",
			name, bucketRecords))
	return s
}

func (s *stand) startBroker() {
	s.t.Helper()
	b, err := broker.Start(s.t.Context(), s.options)
	if err != nil {
		s.t.Fatal(err)
	}
	s.broker, s.options.Addr = b, b.Addr()
	s.t.Cleanup(b.Close)
}

// reconnect gives the ledger a new client. mu must be held.
func (s *stand) reconnect() {
	s.t.Helper()
	err := s.connect(s.broker.Addrs(), s.login...)
	if err == nil { // amid a fault it would give up when it can't have an id
		_, _, err = s.client.ProducerID(s.t.Context())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// feed produces until stop is called.
func (s *stand) feed() (stop func()) {
	quit := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-quit:
				return
			case <-time.After(3 * time.Millisecond):
			}
			if !s.mu.TryLock() { // a test that has failed may hold it for ever
				continue
			}
			err := s.send(s.t.Context(), s.ledger.random.Int32N(s.partitions), 1+s.ledger.random.IntN(12))
			s.mu.Unlock()
			if err != nil && s.t.Context().Err() == nil {
				s.t.Error(err)
				return
			}
		}
	})
	stop = sync.OnceFunc(func() {
		close(quit)
		running.Wait()
	})
	s.t.Cleanup(func() {
		s.ledger.close() // a producer that never gives up may have no broker any more
		stop()
	})
	return stop
}

// mustSend produces n records to a partition. mu must be held.
func (s *stand) mustSend(partition int32, n int) {
	s.t.Helper()
	if err := s.send(s.t.Context(), partition, n); err != nil {
		s.t.Fatal(err)
	}
}

// while returns a random time, mostly short.
func (s *stand) while() time.Duration {
	most := 600 * time.Millisecond
	if s.random.IntN(6) == 0 {
		most = 3 * time.Second
	}
	return 50*time.Millisecond + time.Duration(s.random.Int64N(int64(most)))
}

// fails has the broker answer requests about the topic with an error for a while.
func (s *stand) fails(err *kerr.Error, keys ...kmsg.Key) {
	s.t.Helper()
	f := kfake.Fault{Keys: keys, Topic: s.name, Err: err, Count: -1}
	if s.random.IntN(2) == 0 {
		f.Partitions = []int32{s.random.Int32N(s.partitions)}
	}
	h := s.broker.Cluster().Fault(f)
	time.Sleep(s.while())
	for deadline := time.Now().Add(20 * time.Second); h.Hits() == 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond) // what never comes is no fault
	}
	if h.Remove(); h.Hits() == 0 {
		s.t.Errorf("nobody has met %s", err.Message)
	}
}

// control has the broker's requests go through f for a while.
func (s *stand) control(f func(kmsg.Request) (kmsg.Response, error, bool), keys ...kmsg.Key) (end func()) {
	var mu sync.Mutex
	over := false
	for _, key := range keys {
		s.broker.Cluster().ControlKey(int16(key), func(req kmsg.Request) (kmsg.Response, error, bool) {
			s.broker.Cluster().KeepControl()
			mu.Lock()
			done := over
			mu.Unlock()
			if done {
				s.broker.Cluster().DropControl()
				return nil, nil, false
			}
			return f(req)
		})
	}
	return func() {
		mu.Lock()
		defer mu.Unlock()
		over = true
	}
}

// part is a row of millstream.partitions.
type part struct {
	next, end, lag, lost int64
	status, err          string
}

// parts returns where the database stands in the topic.
func (s *stand) parts() map[int32]part {
	s.t.Helper()
	a, err := s.db.Query(s.t.Context(), fmt.Sprintf("SELECT partition, next_offset, coalesce(end_offset, -1), coalesce(lag, -1), lost, status, coalesce(error, '') FROM millstream.partitions WHERE source = '%s'", s.name))
	if err != nil {
		s.t.Fatal(err)
	}
	out := make(map[int32]part, len(a.Rows))
	for _, row := range a.Rows {
		var n [5]int64
		for i := range n {
			if _, err := fmt.Sscan(fmt.Sprint(row[i]), &n[i]); err != nil {
				s.t.Fatal(err)
			}
		}
		out[int32(n[0])] = part{n[1], n[2], n[3], n[4], fmt.Sprint(row[5]), fmt.Sprint(row[6])}
	}
	return out
}

// read reports whether a partition was read up to the end that the broker has.
func (s *stand) read(p part, id int32) bool {
	info := s.broker.Cluster().PartitionInfo(s.name, id)
	return info != nil && p.next == info.HighWatermark
}

// settled reports whether everything was read, and the database knows that.
func (s *stand) settled() bool {
	parts := s.parts()
	for id := range s.partitions {
		if p := parts[id]; !s.read(p, id) || p.lag != 0 || p.status != "running" {
			return false
		}
	}
	for _, p := range parts { // those that are no more included
		if p.lag != 0 {
			return false
		}
	}
	return true
}

func (s *stand) state() string {
	var ends []string
	for _, info := range s.broker.Cluster().PartitionInfos(s.name) {
		ends = append(ends, fmt.Sprintf("%d: %d to %d, epoch %d", info.Partition, info.LogStartOffset, info.HighWatermark, info.Epoch))
	}
	return fmt.Sprintf("the broker has %v, the database %+v", ends, s.parts())
}

// wait waits for something that must come.
func (s *stand) wait(what string, holds func() bool) {
	s.t.Helper()
	eventually(s.t, healing, s.name+": "+what, holds, s.state)
}

// caughtUp waits until everything was read. Nothing may be produced meanwhile.
func (s *stand) caughtUp() {
	s.t.Helper()
	s.wait("everything is read", s.settled)
}

// heal waits, once a fault is over, until the lag is 0 again.
func (s *stand) heal() {
	s.t.Helper()
	s.caughtUp()
	took := time.Since(s.ended)
	if took > healing {
		s.t.Errorf("%s: everything was read %s after the fault", s.name, took)
	}
	s.count.mu.Lock()
	defer s.count.mu.Unlock()
	if took > s.count.slowest {
		s.count.slowest, s.count.slowestFault = took, s.name
	}
}

// wantLosses compares what the database counts as lost with the ledger: in
// millstream.partitions and in /metrics.
func (s *stand) wantLosses() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	metrics, err := s.db.Metrics(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for id, p := range s.parts() {
		want := s.lost[id]
		if p.lost != want {
			s.t.Errorf("%s: millstream.partitions says that %d offsets of partition %d are lost, want %d", s.name, p.lost, id, want)
		}
		name := fmt.Sprintf(`millstream_partition_lost_offsets{partition="%d",source="%s"}`, id, s.name)
		if got, ok := metrics[name]; !ok || int64(got) != want {
			s.t.Errorf("%s is %v (%t), want %d", name, got, ok, want)
		}
	}
}

// wantReport waits for a loss of the offsets [from, to) in the database's log.
func (s *stand) wantReport(partition int32, from, to int64) {
	s.t.Helper()
	s.wait(fmt.Sprintf("the log says that the offsets %d to %d of partition %d are lost", from, to-1, partition), func() bool {
		return s.reported(partition, from, to)
	})
	s.count.mu.Lock()
	defer s.count.mu.Unlock()
	s.count.losses++
	s.count.reportedOffsets += to - from
}

func (s *stand) reported(partition int32, from, to int64) bool {
	for line := range strings.Lines(s.db.Log(1 << 20)) {
		var entry struct {
			Level, Msg, Source, Err string
			Partition               *int32
			From, To                int64
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Level == "WARN" && entry.Source == s.name &&
			strings.HasPrefix(entry.Msg, "offsets lost") && entry.Partition != nil && *entry.Partition == partition && entry.From == from && entry.To == to {
			return true
		}
	}
	return false
}

// paused waits until a partition stands still because offsets are lost, and says so.
func (s *stand) paused(partition int32, texts ...string) {
	s.t.Helper()
	s.wait(fmt.Sprintf("partition %d is stalled: %q", partition, texts), func() bool {
		p := s.parts()[partition]
		for _, text := range append(texts, fmt.Sprintf("partition %d", partition), "on_data_loss") {
			if !strings.Contains(p.err, text) {
				return false
			}
		}
		return p.status == "stalled"
	})
}

// proceed is what somebody does who has seen that.
func (s *stand) proceed() {
	s.t.Helper()
	s.wantLosses()
	mustExec(s.t, s.db, fmt.Sprintf("ALTER SOURCE %s SET (on_data_loss = 'continue')", s.name))
	s.over()
}

// over is called when the fault is.
func (s *stand) over() { s.ended = time.Now() }

// pauses reports whether the source waits for a decision when offsets are lost.
func (s *stand) pauses() bool { return s.policy == "pause" }
