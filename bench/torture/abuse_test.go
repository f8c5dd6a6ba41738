package torture

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/shopcheck"
	"github.com/millstream-db/millstream/engine/enginetest/result"
	"github.com/millstream-db/millstream/ingest/broker"
)

var (
	abuseFor  = flag.Duration("abuse", 1500*time.Millisecond, "how long each abuse of TestAbuse lasts")
	abuseOnly = flag.String("abuses", "", "the only abuse of TestAbuse")
)

const (
	abuseRate = 5_000 // records per second that come meanwhile
	// sessionsMax is how many clients may have a session.
	sessionsMax = 500
	// calmFor is how long the well-behaved clients are measured before and after
	// each abuse.
	calmFor = time.Second
	// A p99 of up to latencyFloor is never too slow, nor one of clockFactor times what the machine
	// makes anybody wait meanwhile who only sleeps for a millisecond: an answer takes some turns of
	// the scheduler, and a busy machine makes it twice as slow for no fault of the
	// database. What an abuse must not do is to make others wait for it: that shows in hundreds of
	// milliseconds or seconds, while the machine has time. Where it has so little that a sleep
	// takes clockMost longer, latencies say nothing and are not judged, but for latencyMost;
	// everything else is.
	latencyFloor = 50 * time.Millisecond
	latencyMost  = 20 * time.Second
	clockFactor  = 4
	clockMost    = 20 * time.Millisecond
	// abuseAttempts is how often an abuse is tried whose neighbours were slow: other work on
	// the machine is not there every time, a defect is.
	abuseAttempts = 3
	// holdPatience is how long an abuse may take to have all its connections.
	holdPatience = time.Minute
	// settlePatience is how long the process may have work with them at first.
	settlePatience = 10 * time.Second
	// recoverPatience is how long the process may take to give back what an abuse took.
	recoverPatience = time.Minute
	// What may be there more than before an abuse: the process goes on working.
	goroutinesMore  = 15
	descriptorsMore = 10
	memoryMore      = 128 << 20
	// hotMiB are rows that wait for a checkpoint, cacheMiB what DuckDB keeps of its file, in the course
	// of time. Beyond these two and what it took before all abuses, the process may take memoryMost
	// at any time, and memoryEnd when all is over.
	hotMiB     = 64
	cacheMiB   = 128
	memoryMost = 384 << 20
	memoryEnd  = 192 << 20
)

// abuse is what a client does that means no good, or is broken.
type abuse struct {
	name string
	// holds says that it opens connections and keeps them: it tells when it has them all, and what
	// counts is what comes then, not what it costs to open them.
	holds bool
	// run goes on until the context ends, or is done at once, gives up what it has opened, and says what it
	// did. Its error is what the database should not have done.
	run func(ctx context.Context, v *victim) (did string, err error)
}

// victim is the database that is abused.
type victim struct {
	db        *instance.Instance
	http, pg  string // addresses
	roots     *x509.CertPool
	broker    string
	neighbors []*neighbor
	clock     *neighbor     // asks nothing
	first     footprint     // before all abuses
	judged    int           // abuses beside which latencies said something
	idle      time.Duration // of the CPUs that the process uses in a second of calm
	up        func()        // is called when an abuse has all its connections
}

// TestAbuse is a bad neighbour to clients that ask light questions and push rows, in
// many ways, while records come in: the others are not slower than twice what they were
// (but see latencyFloor), have right answers only, ingest goes on and loses nothing, and
// the process gives back what the abuse took.
func TestAbuse(t *testing.T) {
	if testing.Short() {
		t.Skip("it judges latencies, for which it wants the machine to itself: run it without -short, or make torture")
	}
	b := startBroker(t, broker.Options{})
	orders := shopcheck.NewOrders(1, time.Now().Add(-48*time.Hour), time.Millisecond)
	feed, err := shopcheck.NewFeed(t.Context(), shopcheck.FeedOptions{Brokers: []string{b.Addr()}, Topic: "orders", Orders: orders, Rate: abuseRate})
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	v := startVictim(t, b.Addr())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var running sync.WaitGroup
	var feedErr error
	running.Go(func() { feedErr = feed.Run(ctx, 1<<40) })
	for _, n := range append(v.neighbors, v.clock) {
		running.Go(func() { n.run(ctx) })
	}
	defer running.Wait()
	defer stop()
	began := time.Now()
	time.Sleep(2 * calmFor) // until the process has grown to its size
	first, err := footprintOf(ctx, v.db)
	if err != nil {
		t.Fatal(err)
	}
	v.first = first
	tried, worst := 0, 0.0
	for _, a := range abuses() {
		if *abuseOnly != "" && a.name != *abuseOnly {
			continue
		}
		tried++
		worst = max(worst, v.suffer(t, a, feed))
	}
	stop()
	running.Wait()
	if feedErr != nil {
		t.Fatal(feedErr)
	}
	last := v.ended(t)
	answers := v.finish(t, feed, orders)
	if t.Failed() {
		return
	}
	result.Report(t, "abuse", "%d abuses of %s, %d right answers of neighbours, 0 wrong; worst p99 %.1f times that of the calm, judged beside %d, where the machine had time; %d records, 0 lost, 0 doubled; %s before, %s after; %.0f s",
		tried, *abuseFor, answers, worst, v.judged, feed.Sent(), v.first, last, time.Since(began).Seconds())
}

// startVictim starts a database with TLS, some tables and views, and the clients beside.
func startVictim(t *testing.T, addr string) *victim {
	t.Helper()
	dir := t.TempDir()
	cert, key, roots := certificate(t, dir)
	o := options(t, "--pg=127.0.0.1:0", fmt.Sprintf("--max_connections=%d", sessionsMax), "--tls_cert="+cert, "--tls_key="+key,
		"--checkpoint_interval=1s", fmt.Sprintf("--memory=%dMiB", hotMiB), fmt.Sprintf("--duckdb_memory=%dMiB", cacheMiB))
	o.Roots = roots
	// What Go has not collected yet, and what Go and the C library keep for later, is not what
	// the process keeps.
	o.Env = []string{
		"GOGC=50", "GOMEMLIMIT=128MiB", "MALLOC_ARENA_MAX=2", "MALLOC_TRIM_THRESHOLD_=131072", "MALLOC_MMAP_THRESHOLD_=131072",
	}
	db := start(t, o)
	mustExec(t, db, shopcheck.Statements(addr, "orders")...)
	mustExec(t, db,
		"CREATE TABLE prices (id BIGINT PRIMARY KEY, price BIGINT)",
		fmt.Sprintf("INSERT INTO prices SELECT i, i * %d FROM range(1000) t(i)", priceFactor),
		"CREATE TABLE loaded (a BIGINT, b VARCHAR)",
		"CREATE SOURCE events (client BIGINT, line BIGINT) WITH (connector = 'push')",
	)
	v := &victim{db: db, http: db.HTTP(), pg: db.Postgres(), roots: roots, broker: addr}
	v.neighbors, v.clock = []*neighbor{newPostgresNeighbor(t, v), newHTTPNeighbor(v), newPusher(v)}, newClock()
	return v
}

// certificate writes a certificate of 127.0.0.1 and its key.
func certificate(t *testing.T, dir string) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotAfter: time.Now().Add(10**abuseFor*time.Duration(len(abuses())) + time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &own.PublicKey, own)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: public}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(public)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return cert, key, roots
}

// suffer measures the neighbours before, during and after an abuse, and what the process
// takes. It returns the worst p99 of light questions as a multiple of the calm one.
func (v *victim) suffer(t *testing.T, a abuse, feed *shopcheck.Feed) (worst float64) {
	t.Helper()
	for attempt := 1; ; attempt++ {
		before := v.calm(t)
		taken := number(t, v.db, takenOrders)
		peak, did, err := v.abused(t, a)
		beside, machine := v.percentiles(), v.clock.percentile()
		if err != nil {
			t.Errorf("%s: %v", a.name, err)
		}
		if now := number(t, v.db, takenOrders); now <= taken {
			t.Errorf("%s: no record came in meanwhile; %s", a.name, state(t, v.db))
		}
		if peak.memory > v.first.memory+(hotMiB+cacheMiB)<<20+memoryMost {
			t.Errorf("%s: the process took %s; it took %s before all abuses", a.name, peak, v.first)
		}
		after := v.recovered(t, a.name, before.footprint, feed)
		slow, p99 := "", []string(nil)
		worst = 0
		for i, n := range v.neighbors {
			calm := max(before.p99[i], after.p99[i])
			p99 = append(p99, fmt.Sprintf("%s %s, %s before, %s after", n.name, ms(beside[i]), ms(before.p99[i]), ms(after.p99[i])))
			if n.light {
				worst = max(worst, float64(beside[i])/float64(calm))
			}
			if n.light && v.slow(beside[i], calm, machine) {
				slow += fmt.Sprintf("; %s had a p99 of %s, %s in the calm", n.name, ms(beside[i]), ms(calm))
			}
		}
		t.Logf("%s: %s; p99: %s; the machine %s; at most %s, then %s", a.name, did, strings.Join(p99, "; "), ms(machine), peak, after.footprint)
		if slow == "" || t.Failed() {
			if machine > clockMost {
				return 0 // it says nothing
			}
			v.judged++
			return worst
		}
		if attempt == abuseAttempts {
			t.Errorf("%s: neighbours were slow in all of %d attempts%s", a.name, attempt, slow)
			return worst
		}
	}
}

// slow says whether a p99 is too long, beside one in the calm, and what the machine made anybody
// wait.
func (v *victim) slow(beside, calm, machine time.Duration) bool {
	if machine > clockMost {
		return beside > latencyMost
	}
	return beside > max(2*calm, latencyFloor, clockFactor*machine)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

// calm is how things are while nobody is abused.
type calm struct {
	p99       []time.Duration // by neighbour
	footprint footprint
}

// calm measures for a while.
func (v *victim) calm(t *testing.T) calm {
	t.Helper()
	v.percentiles() // what was before
	v.clock.percentile()
	began, used := time.Now(), v.db.CPUTime()
	time.Sleep(max(calmFor, min(*abuseFor/10, 10*time.Second)))
	v.idle = time.Duration(float64(v.db.CPUTime()-used) / time.Since(began).Seconds())
	f, err := footprintOf(t.Context(), v.db)
	if err != nil {
		t.Fatal(err)
	}
	v.clock.percentile()
	return calm{v.percentiles(), f}
}

// percentiles returns the p99 of each neighbour since the last call.
func (v *victim) percentiles() []time.Duration {
	list := make([]time.Duration, len(v.neighbors))
	for i, n := range v.neighbors {
		list[i] = n.percentile()
	}
	return list
}

// abused runs an abuse and returns the most that the process took meanwhile.
func (v *victim) abused(t *testing.T, a abuse) (peak footprint, did string, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	holding, ended := make(chan struct{}), make(chan struct{})
	v.up = sync.OnceFunc(func() { close(holding) })
	if !a.holds {
		v.up()
	}
	var watching sync.WaitGroup
	over := make(chan struct{})
	watching.Go(func() {
		for {
			if f, err := footprintOf(t.Context(), v.db); err == nil { // one that fails is seen in the calm
				peak = peak.max(f)
			}
			select {
			case <-over:
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	go func() {
		did, err = a.run(ctx, v)
		close(ended)
	}()
	select {
	case <-holding:
		if a.holds {
			v.settle(ended)
		}
		v.percentiles() // of the time before
		v.clock.percentile()
		select {
		case <-ended:
		case <-time.After(*abuseFor):
		}
	case <-ended:
	case <-time.After(holdPatience):
		t.Errorf("%s: not all connections are there after %s", a.name, holdPatience)
	}
	cancel()
	<-ended
	close(over)
	watching.Wait()
	if !v.db.Running() {
		t.Fatalf("%s: millstream has ended: %v; the end of its log:\n%s", a.name, v.db.Err(), v.db.Log(30))
	}
	return peak, did, err
}

// settle waits until the process works no more than it did in the calm, or settlePatience is
// over: what clients have asked for that do not read it is made until the buffers between
// are full.
func (v *victim) settle(ended <-chan struct{}) {
	const step = 250 * time.Millisecond
	for deadline := time.Now().Add(settlePatience); time.Now().Before(deadline); {
		before := v.db.CPUTime()
		select {
		case <-ended:
			return
		case <-time.After(step):
		}
		if v.db.CPUTime()-before <= v.idle*step/time.Second+step/20 {
			return
		}
	}
}

// takenOrders counts the records that were taken in.
const takenOrders = "SELECT coalesce(sum(next_offset), 0)::BIGINT FROM millstream.partitions WHERE source = 'orders'"

// recovered waits until the process takes what it took before, and has read what was sent,
// and measures then.
func (v *victim) recovered(t *testing.T, name string, before footprint, feed *shopcheck.Feed) calm {
	t.Helper()
	sent, now := feed.Sent(), footprint{}
	eventually(t, recoverPatience, name+": the process recovers", func() bool {
		var err error
		if now, err = footprintOf(t.Context(), v.db); err != nil {
			t.Fatal(err)
		}
		return !now.above(before) && number(t, v.db, takenOrders) >= sent
	}, func() string {
		return fmt.Sprintf("it took %s before and takes %s; %d records were sent; %s", before, now, sent, state(t, v.db))
	})
	for _, n := range v.neighbors {
		if err := n.err(); err != nil {
			t.Fatalf("%s: %s: %v", name, n.name, err)
		}
	}
	return v.calm(t)
}

// ended waits until the process takes what it may when all is over.
func (v *victim) ended(t *testing.T) (last footprint) {
	t.Helper()
	most := v.first
	most.memory += (hotMiB+cacheMiB)<<20 + memoryEnd - memoryMore
	eventually(t, recoverPatience, "the process gives back what all abuses took", func() bool {
		var err error
		if last, err = footprintOf(t.Context(), v.db); err != nil {
			t.Fatal(err)
		}
		return !last.above(most)
	}, func() string { return fmt.Sprintf("it took %s before and takes %s", v.first, last) })
	return last
}

// finish looks at everything that was stored, and returns how many answers the
// neighbours had.
func (v *victim) finish(t *testing.T, feed *shopcheck.Feed, orders *shopcheck.Orders) (answers int64) {
	t.Helper()
	waitFor(t, v.db, feed.Sent())
	f := mustVerify(t, v.db)
	if f.Records != feed.Sent() || f.Lag != 0 {
		t.Errorf("%d records are stored with a lag of %d, %d were sent", f.Records, f.Lag, feed.Sent())
	}
	if err := shopcheck.VerifyContent(t.Context(), v.db, orders, f.Next); err != nil {
		t.Error(err)
	}
	if n := number(t, v.db, "SELECT count(*) FROM loaded"); n != 0 {
		t.Errorf("%d rows are there of clients that were killed before they had sent all", n)
	}
	for _, n := range v.neighbors {
		if n.check != nil {
			if err := n.check(t.Context()); err != nil {
				t.Errorf("%s: %v", n.name, err)
			}
		}
		answers += n.answers.Load()
	}
	if err := v.db.Stop(); err != nil {
		t.Error(err)
	}
	return answers
}
