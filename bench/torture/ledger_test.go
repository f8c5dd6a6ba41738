package torture

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/bench/instance"
)

// place is where a record stands in a topic.
type place struct {
	partition int32
	offset    int64
}

// ledger writes records to a topic and knows what must have become of each.
// Every record has a number of its own. It is safe for concurrent use.
type ledger struct {
	topic string

	mu       sync.Mutex      // mu protects the fields below; who has it decides what stands in the topic
	client   *kgo.Client     // to produce with
	random   *rand.Rand      // of what is produced
	next     int64           // number of the next record
	rows     map[int64]place // records that must be rows, once
	rejected map[place]bool  // records that must be in <source>$rejected, once
	lost     map[int32]int64 // by partition: offsets that must be counted as lost
	// The records that stand in the topic as it is now, by place.
	served map[place]int64
}

func newLedger(topic string, random *rand.Rand) *ledger {
	return &ledger{
		topic: topic, random: random, rows: make(map[int64]place), rejected: make(map[place]bool),
		lost: make(map[int32]int64), served: make(map[place]int64),
	}
}

// connect has the ledger produce to a broker from now on. mu must be held.
func (l *ledger) connect(addrs []string, opts ...kgo.Opt) error {
	if l.client != nil {
		l.client.Close()
	}
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(addrs...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(l.topic),
		kgo.ProducerBatchMaxBytes(48 << 20), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MetadataMinAge(20 * time.Millisecond),
		// The producer is idempotent and never gives up: what it has sent is there once.
		kgo.RecordRetries(1 << 30), kgo.UnknownTopicRetries(-1),
	}, opts...)...)
	l.client = client
	return err
}

func (l *ledger) close() {
	if l.mu.TryLock() { // a test that has failed may hold it for ever
		defer l.mu.Unlock()
	}
	if l.client != nil {
		l.client.Close()
	}
}

// record makes the next record for a partition. mu must be held.
func (l *ledger) record(partition int32) (*kgo.Record, int64) {
	return l.recordOf(partition, int(l.next*7%120))
}

// recordOf is record with a text of so many letters. Rows must have the one that
// sound wants.
func (l *ledger) recordOf(partition int32, size int) (*kgo.Record, int64) {
	id := l.next
	l.next++
	text := strings.Repeat("x", size)
	return &kgo.Record{Partition: partition, Value: fmt.Appendf(nil, `{"id":%d,"p":%d,"text":"%d:%s"}`, id, partition, id, text)}, id
}

// sound is whether a row is what record has made.
const sound = `(p = _partition AND text = id || ':' || repeat('x', (id * 7 %% 120)::INTEGER))::INTEGER`

// send produces n records to a partition and enters them. mu must be held.
func (l *ledger) send(ctx context.Context, partition int32, n int) error {
	records, ids := make([]*kgo.Record, n), make(map[*kgo.Record]int64, n)
	for i := range records {
		r, id := l.record(partition)
		records[i], ids[r] = r, id
	}
	for _, result := range l.client.ProduceSync(ctx, records...) {
		if result.Err != nil {
			return fmt.Errorf("produce to %s: %w", l.topic, result.Err)
		}
		l.enter(ids[result.Record], place{partition, result.Record.Offset})
	}
	return nil
}

func (l *ledger) enter(id int64, at place) { l.rows[id], l.served[at] = at, id }

// forget takes the records of a partition from an offset on out of the topic, which
// the database had read: they must be rows for ever. It returns how many there were.
func (l *ledger) forget(partition int32, from int64) (n int64) {
	for at := range l.served {
		if at.partition == partition && at.offset >= from {
			delete(l.served, at)
			n++
		}
	}
	return n
}

// lose takes the records of a partition at the offsets [from, to) out of the topic
// before the database could read them: none may ever be a row, and that must be told.
func (l *ledger) lose(partition int32, from, to int64) {
	for at, id := range l.served {
		if at.partition == partition && at.offset >= from && at.offset < to {
			delete(l.served, at)
			delete(l.rows, id)
		}
	}
	l.lost[partition] += to - from
}

// tally counts what was found over all runs.
type tally struct {
	mu                                sync.Mutex // mu protects the fields below
	runs                              int
	faults                            map[string]bool
	records, lost, doubled, losses    int64
	slowest                           time.Duration
	slowestFault                      string
	reportedOffsets, afterRestartRuns int64
}

// verify compares the rows of a source, the view over it and what was rejected with
// the ledger. Nothing may be on its way.
func (l *ledger) verify(t *testing.T, db *instance.Instance, count *tally) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	rows, err := db.Integers(t.Context(), fmt.Sprintf(`SELECT id, _partition, _offset, `+sound+` FROM "%s"`, l.topic))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[int64]int)
	var lost, doubled, foreign int64
	for _, r := range rows {
		want, ok := l.rows[r[0]]
		if got := (place{int32(r[1]), r[2]}); !ok || got != want || r[3] != 1 {
			foreign++
			t.Errorf("%s: row %d is at %+v, want it at %+v (%t), sound %d", l.topic, r[0], got, want, ok, r[3])
		}
		if seen[r[0]]++; seen[r[0]] > 1 {
			doubled++
		}
	}
	var missing []place
	for id, at := range l.rows {
		if seen[id] == 0 {
			lost++
			missing = append(missing, at)
		}
	}
	if lost+doubled+foreign > 0 {
		slices.SortFunc(missing, func(a, b place) int { return int(a.partition-b.partition)*1_000_000 + int(a.offset-b.offset) })
		t.Errorf("%s: of %d records %d are lost, %d doubled, %d foreign; missing %v", l.topic, len(l.rows), lost, doubled, foreign, missing[:min(20, len(missing))])
	}
	l.verifyView(t, db)
	l.verifyRejected(t, db)
	count.mu.Lock()
	defer count.mu.Unlock()
	count.lost += lost
	count.doubled += doubled
}

// bucketRecords is how many numbers a group of the view has.
const bucketRecords = 50

// verifyView compares the view with sums over the ledger.
func (l *ledger) verifyView(t *testing.T, db *instance.Instance) {
	t.Helper()
	type group struct{ n, total int64 }
	want := make(map[[2]int64]group)
	for id, at := range l.rows {
		k := [2]int64{int64(at.partition), id / bucketRecords}
		g := want[k]
		want[k] = group{g.n + 1, g.total + id}
	}
	rows, err := db.Integers(t.Context(), fmt.Sprintf(`SELECT p, bucket, n, total FROM "%s_sums"`, l.topic))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[[2]int64]group)
	for _, r := range rows {
		got[[2]int64{r[0], r[1]}] = group{r[2], r[3]}
	}
	if !maps.Equal(got, want) {
		t.Errorf("%s: the view has %d groups, want %d; of which differ:", l.topic, len(got), len(want))
		shown := 0
		for k, w := range want {
			if g := got[k]; g != w && shown < 5 {
				t.Errorf("  partition %d, bucket %d: %+v, want %+v", k[0], k[1], g, w)
				shown++
			}
		}
	}
}

func (l *ledger) verifyRejected(t *testing.T, db *instance.Instance) {
	t.Helper()
	rows, err := db.Integers(t.Context(), fmt.Sprintf(`SELECT _partition, _offset FROM "%s$rejected"`, l.topic))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[place]bool)
	for _, r := range rows {
		got[place{int32(r[0]), r[1]}] = true
	}
	if len(rows) != len(got) || !maps.Equal(got, l.rejected) {
		t.Errorf("%s: rejected are %v, want %v", l.topic, rows, l.rejected)
	}
}
