package torture

import (
	"cmp"
	"flag"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/engine/enginetest/result"
	"github.com/millstream-db/millstream/ingest/broker"
)

var (
	brokerRuns = flag.Int("runs", 1, "how often TestBrokerFaults has each fault happen")
	// brokersAtOnce is how many faults happen at the same time to one database.
	brokersAtOnce = flag.Int("at-once", 12, "how many faults TestBrokerFaults has at the same time")
)

// brokerFault is something that brokers do.
type brokerFault struct {
	name    string
	policy  string // on_data_loss; the default is to pause
	brokers int
	login   bool
	happen  func(*stand)
}

const (
	user     = "alice"
	password = "right"
)

var brokerFaults = []brokerFault{
	{name: "not_leader", brokers: 2, happen: notLeader},
	{name: "offset_out_of_range", happen: offsetOutOfRange},
	{name: "unknown_topic", happen: unknownTopic},
	{name: "topic_recreated_pause", policy: "pause", brokers: 2, happen: topicRecreated},
	{name: "topic_recreated_continue", policy: "continue", brokers: 2, happen: topicRecreated},
	{name: "truncation_pause", policy: "pause", brokers: 2, happen: truncation},
	{name: "truncation_continue", policy: "continue", brokers: 2, happen: truncation},
	{name: "retention_pause", policy: "pause", happen: retention},
	{name: "retention_continue", policy: "continue", happen: retention},
	{name: "partitions_added", happen: partitionsAdded},
	{name: "leaders_moved", brokers: 3, happen: leadersMoved},
	{name: "node_removed", brokers: 3, happen: nodeRemoved},
	{name: "stalls", happen: stalls},
	{name: "connections_dropped", brokers: 2, happen: connectionsDropped},
	{name: "corrupt_batch", happen: corruptBatch},
	{name: "transactions_aborted", happen: transactionsAborted},
	{name: "storage_error", happen: storageError},
	{name: "fenced_epoch", happen: fencedEpoch},
	{name: "empty_fetches", happen: emptyFetches},
	{name: "record_too_large", happen: recordTooLarge},
	{name: "login_refused", login: true, happen: loginRefused},
	{name: "broker_restarted", happen: brokerRestarted},
}

// TestBrokerFaults has brokers fail in every way that they have while a database
// reads them. What a broker still has must be in the view and in history once, all of
// it within half a minute after the fault, by itself; and what a broker has lost must
// be told with its partition and its offsets, and passed over only as
// on_data_loss says.
func TestBrokerFaults(t *testing.T) {
	seed := seedOf(t)
	o := options(t, "--checkpoint_interval=300ms")
	db := start(t, o)
	count, began := &tally{faults: make(map[string]bool)}, time.Now()
	for run := range *brokerRuns {
		db = brokerRun(t, db, o, seed, run, count)
	}
	if errors := errorsLogged(db); len(errors) > 0 {
		t.Errorf("the database has logged %d errors, the first: %s", len(errors), errors[0])
	}
	result.Report(t, "broker faults", "%d faults, %d runs, %d records, %d lost, %d doubled; %d losses of %d offsets reported; slowest recovery %.1f s (%s); %d sources right after a restart; %.0f s; seed %d",
		len(count.faults), count.runs, count.records, count.lost, count.doubled, count.losses, count.reportedOffsets,
		count.slowest.Seconds(), count.slowestFault, count.afterRestartRuns, time.Since(began).Seconds(), seed)
}

// brokerRun has every fault happen once, restarts the database, and looks at
// everything again: what is in history, and what was counted.
func brokerRun(t *testing.T, db *instance.Instance, o instance.Options, seed uint64, run int, count *tally) *instance.Instance {
	var mu sync.Mutex
	var stands []*stand
	t.Run(fmt.Sprintf("run%d", run), func(t *testing.T) {
		var running sync.WaitGroup
		defer running.Wait()
		slots := make(chan struct{}, *brokersAtOnce)
		for _, f := range brokerFaults {
			running.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				t.Run(f.name, func(t *testing.T) {
					s := f.run(t, db, seed, run, count)
					mu.Lock()
					defer mu.Unlock()
					stands = append(stands, s)
				})
			})
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	if err := db.Stop(); err != nil {
		t.Fatal(err)
	}
	db = start(t, o)
	for _, s := range stands {
		s.t, s.db = t, db // its own are over
		s.verify(t, db, count)
		s.wantLosses()
		mustExec(t, db, "DROP MATERIALIZED VIEW "+s.name+"_sums", "DROP SOURCE "+s.name)
		count.afterRestartRuns++
	}
	return db
}

// run is one run of a fault.
func (f brokerFault) run(t *testing.T, db *instance.Instance, seed uint64, run int, count *tally) *stand {
	o, client := broker.Options{Brokers: f.brokers}, []kgo.Opt(nil)
	more := ""
	if f.login {
		o.Kfake = []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("PLAIN", user, password)}
		client = append(client, kgo.SASL(plain.Auth{User: user, Pass: password}.AsMechanism()))
		more += fmt.Sprintf(", properties.security.protocol = 'SASL_PLAINTEXT', properties.sasl.username = '%s', properties.sasl.password = '%s'", user, password)
	}
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, seed, run, f.name) // a hash takes everything
	s := newStand(t, db, h.Sum64(), fmt.Sprintf("%s_%d", f.name, run), cmp.Or(f.policy, "pause"), more, o, client...)
	s.count = count
	stop := s.feed()
	time.Sleep(s.while())
	f.happen(s)
	if s.ended.IsZero() {
		s.over()
	}
	time.Sleep(s.while() / 4)
	stop()
	s.mu.Lock()
	for p := range s.partitions { // it is read on everywhere
		s.mustSend(p, 1+s.random.IntN(5))
	}
	records := s.next
	s.mu.Unlock()
	s.heal()
	s.verify(t, db, count)
	s.wantLosses()
	if !db.Running() {
		t.Fatalf("millstream ended; the end of its log:\n%s", db.Log(20))
	}
	count.mu.Lock()
	defer count.mu.Unlock()
	count.runs++
	count.faults[f.name] = true
	count.records += records
	return s
}

// errorsLogged returns what a human would have to do something about.
func errorsLogged(db *instance.Instance) (lines []string) {
	for line := range strings.Lines(db.Log(1 << 20)) {
		if strings.Contains(line, `"level":"ERROR"`) {
			lines = append(lines, line)
		}
	}
	return lines
}
