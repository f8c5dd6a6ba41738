package torture

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The faults. Each returns when it is over; the stand is fed meanwhile, by others who
// need the ledger's mu.

func notLeader(s *stand) { s.fails(kerr.NotLeaderForPartition, kmsg.Fetch) }

func offsetOutOfRange(s *stand) { s.fails(kerr.OffsetOutOfRange, kmsg.Fetch) }

func unknownTopic(s *stand) {
	s.fails(kerr.UnknownTopicOrPartition, kmsg.Fetch, kmsg.Metadata, kmsg.ListOffsets)
}

func storageError(s *stand) { s.fails(kerr.KafkaStorageError, kmsg.Fetch, kmsg.ListOffsets) }

func fencedEpoch(s *stand) {
	s.fails(kerr.FencedLeaderEpoch, kmsg.Fetch, kmsg.ListOffsets, kmsg.OffsetForLeaderEpoch)
}

// leadersMoved elects leaders again and again.
func leadersMoved(s *stand) {
	for range 1 + s.random.IntN(12) {
		if s.random.IntN(2) == 0 {
			s.broker.Cluster().ShufflePartitionLeaders()
		} else if err := s.broker.Cluster().MoveTopicPartition(s.name, s.random.Int32N(s.partitions), s.random.Int32N(3)); err != nil {
			s.t.Fatal(err)
		}
		time.Sleep(s.while() / 4)
	}
}

// nodeRemoved takes a node out of the cluster, and puts another one in.
func nodeRemoved(s *stand) {
	c := s.broker.Cluster()
	for range 1 + s.random.IntN(2) {
		// The first is the one whose address the source has.
		node := 1 + s.random.Int32N(2)
		if err := c.RemoveNode(node); err != nil {
			s.t.Fatal(err)
		}
		time.Sleep(s.while())
		if _, _, err := c.AddNode(node, 0); err != nil {
			s.t.Fatal(err)
		}
		time.Sleep(s.while() / 2)
	}
}

// partitionsAdded adds partitions and fills them.
func partitionsAdded(s *stand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 1 + s.random.IntN(3)
	added, err := kadm.NewClient(s.ledger.client).CreatePartitions(s.t.Context(), n, s.name)
	if err == nil {
		err = added.Error()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.partitions += int32(n)
	s.reconnect()
	for p := s.partitions - int32(n); p < s.partitions; p++ {
		s.mustSend(p, s.random.IntN(40))
	}
}

// stalls has the broker keep requests waiting.
func stalls(s *stand) {
	pause := s.while()
	keys := []kmsg.Key{kmsg.Fetch}
	if s.random.IntN(2) == 0 {
		keys = append(keys, kmsg.Metadata, kmsg.ListOffsets)
	}
	end := s.control(func(kmsg.Request) (kmsg.Response, error, bool) {
		s.broker.Cluster().SleepControl(func() { time.Sleep(pause) })
		return nil, nil, false
	}, keys...)
	time.Sleep(pause + s.while())
	end()
}

var errDropped = errors.New("the connection is dropped")

// connectionsDropped ends connections instead of answering.
func connectionsDropped(s *stand) {
	share, random := 1+s.random.IntN(4), rand.New(rand.NewPCG(s.random.Uint64(), 0))
	end := s.control(func(kmsg.Request) (kmsg.Response, error, bool) {
		if random.IntN(share) > 0 {
			return nil, nil, false
		}
		return nil, errDropped, true
	}, -1)
	time.Sleep(s.while())
	end()
}

// corruptBatch damages a batch in the broker's files, before it is read.
func corruptBatch(s *stand) {
	p := s.random.Int32N(s.partitions)
	release := s.hold(p)
	s.mu.Lock()
	for range 1 + s.random.IntN(4) {
		s.mustSend(p, 1+s.random.IntN(30))
	}
	next := s.parts()[p].next
	batches, err := storedBatches(s.options.DataDir, s.name, p)
	s.mu.Unlock()
	if err != nil {
		s.t.Fatal(err)
	}
	var unread []stored
	for _, b := range batches {
		if b.first >= next {
			unread = append(unread, b)
		}
	}
	bad := unread[s.random.IntN(len(unread))]
	if err := damage(bad); err != nil {
		s.t.Fatal(err)
	}
	release()
	time.Sleep(s.while())
	s.wait(fmt.Sprintf("the damaged batch of partition %d is named", p), func() bool {
		at := s.parts()[p]
		return at.status == "retrying" && at.next == bad.first
	})
	if err := damage(bad); err != nil {
		s.t.Fatal(err)
	}
}

// hold keeps partitions from being fetched, and returns when no fetch from before is
// under way.
func (s *stand) hold(partitions ...int32) (release func()) {
	if len(partitions) == 0 { // a fault would be about all of them
		return func() {}
	}
	h := s.broker.Cluster().Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Fetch}, Topic: s.name, Partitions: partitions, Err: kerr.LeaderNotAvailable, Count: -1,
	})
	time.Sleep(700 * time.Millisecond) // a fetch waits for 500 ms
	for was := int64(-1); ; {          // what it has brought may take a while on a busy machine
		var read int64
		at := s.parts()
		for _, p := range partitions {
			read += at[p].next
		}
		if read == was {
			return h.Remove
		}
		was = read
		time.Sleep(500 * time.Millisecond)
	}
}

// retention deletes records of one partition that were not read.
func retention(s *stand) {
	p := s.random.Int32N(s.partitions)
	release := s.hold(p)
	s.mu.Lock()
	next := s.parts()[p].next
	for range 1 + s.random.IntN(3) {
		s.mustSend(p, 2+s.random.IntN(30))
	}
	end := s.broker.Cluster().PartitionInfo(s.name, p).HighWatermark
	cut := next + 1 + s.random.Int64N(end-next)
	if err := s.broker.Cluster().DeleteRecords(s.name, p, cut); err != nil {
		s.t.Fatal(err)
	}
	if s.random.IntN(2) == 0 {
		s.broker.Cluster().ShufflePartitionLeaders()
	}
	s.lose(p, next, cut)
	s.mu.Unlock()
	release()
	s.over()
	if s.pauses() {
		s.paused(p, fmt.Sprintf("offsets %d to %d are lost", next, cut-1))
		s.mu.Lock()
		other := (p + 1) % s.partitions
		s.mustSend(other, 1)
		s.wait("another partition is read", func() bool { return s.read(s.parts()[other], other) })
		s.mu.Unlock()
		s.proceed()
	}
	s.wait("the loss is counted", func() bool { return s.parts()[p].lost == cut-next })
	s.wantReport(p, next, cut)
}

// truncation has a leader come up without the last records of a partition, which
// were read, and with others in their place.
func truncation(s *stand) {
	p := s.random.Int32N(s.partitions)
	s.mu.Lock()
	s.mustSend(p, 20)
	s.mustSend(p, 20)
	s.caughtUp()
	next := s.parts()[p].next
	s.broker.Close()
	batches, err := storedBatches(s.options.DataDir, s.name, p)
	if err != nil {
		s.t.Fatal(err)
	}
	from := batches[len(batches)-1-s.random.IntN(min(4, len(batches)-1))]
	if err := cutLog(s.options.DataDir, s.name, p, from); err != nil {
		s.t.Fatal(err)
	}
	lost := s.forget(p, from.first)
	s.lost[p] += lost
	s.startBroker()
	// The one who leads now was not there when the records were written. A real broker
	// knows from the election on where its epoch begins, the embedded one only once a
	// record is written in it.
	elected := s.broker.Cluster().Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.OffsetForLeaderEpoch}, Topic: s.name, Err: kerr.LeaderNotAvailable, Count: -1,
	})
	s.broker.Cluster().ShufflePartitionLeaders()
	s.reconnect()
	s.mustSend(p, 1+s.random.IntN(2*int(lost))) // sometimes over what was read
	elected.Remove()
	s.over()
	s.mu.Unlock()
	if s.pauses() {
		s.paused(p, fmt.Sprintf("offsets %d to %d are lost", from.first, next-1), "truncated")
		s.proceed()
	}
	s.wait("the loss is counted", func() bool { return s.parts()[p].lost == lost })
	s.wantReport(p, from.first, next)
}

// topicRecreated deletes the topic, some of which may not have been read, and makes
// another one of the same name.
func topicRecreated(s *stand) {
	s.mu.Lock()
	s.caughtUp()
	c := s.broker.Cluster()
	var held []int32
	for p := range s.partitions {
		if s.random.IntN(2) == 0 {
			held = append(held, p)
		}
	}
	release := s.hold(held...)
	next, ends := make(map[int32]int64), make(map[int32]int64)
	for p, at := range s.parts() {
		next[p] = at.next
	}
	for _, p := range held {
		s.mustSend(p, 1+s.random.IntN(20))
	}
	for p := range s.partitions {
		ends[p] = c.PartitionInfo(s.name, p).HighWatermark
		s.wait("the end of a partition that can't be read is known", func() bool { return s.parts()[p].end == ends[p] })
		s.lose(p, next[p], ends[p])
		s.forget(p, 0)
	}
	if err := c.DeleteTopic(s.name); err != nil {
		s.t.Fatal(err)
	}
	if s.random.IntN(2) == 0 {
		time.Sleep(s.while())
	}
	old := s.partitions
	s.partitions = 1 + s.random.Int32N(4)
	if err := c.CreateTopic(s.name, s.partitions, nil); err != nil {
		s.t.Fatal(err)
	}
	release()
	s.over()
	s.reconnect()
	for p := range s.partitions {
		s.mustSend(p, s.random.IntN(60))
	}
	s.mu.Unlock()
	if s.pauses() {
		for p := range old {
			s.paused(p, "created again", lostText(next[p], ends[p]))
		}
		s.proceed()
	}
	for p := range old {
		s.wait("the losses are counted", func() bool { return s.parts()[p].lost == ends[p]-next[p] })
		s.wantReport(p, next[p], ends[p])
	}
}

func lostText(from, to int64) string {
	if from == to {
		return fmt.Sprintf("its end at offset %d", from)
	}
	return fmt.Sprintf("offsets %d to %d are lost", from, to-1)
}

// transactionsAborted has transactions end both ways, after a while.
func transactionsAborted(s *stand) {
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(s.broker.Addrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(s.name),
		kgo.TransactionalID(s.name),
	}, s.login...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	ctx := s.t.Context()
	for range 2 + s.random.IntN(5) {
		if err := client.BeginTransaction(); err != nil {
			s.t.Fatal(err)
		}
		places := make(map[int64]place)
		for range 1 + s.random.IntN(3) {
			s.mu.Lock()
			var records []*kgo.Record
			ids := make(map[*kgo.Record]int64)
			for range 1 + s.random.IntN(20) {
				r, id := s.record(s.random.Int32N(s.partitions))
				records, ids[r] = append(records, r), id
			}
			results := client.ProduceSync(ctx, records...)
			s.mu.Unlock()
			if err := results.FirstErr(); err != nil {
				s.t.Fatal(err)
			}
			for _, r := range results {
				places[ids[r.Record]] = place{r.Record.Partition, r.Record.Offset}
			}
			time.Sleep(s.while() / 8)
		}
		commits := kgo.TransactionEndTry(s.random.IntN(2) == 0)
		if err := client.EndTransaction(ctx, commits); err != nil {
			s.t.Fatal(err)
		}
		if commits == kgo.TryCommit {
			s.mu.Lock()
			for id, at := range places {
				s.enter(id, at)
			}
			s.mu.Unlock()
		}
	}
}

// emptyFetches answers every fetch with nothing.
func emptyFetches(s *stand) {
	end := s.control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		s.broker.Cluster().SleepControl(func() { time.Sleep(5 * time.Millisecond) })
		answer := req.ResponseKind().(*kmsg.FetchResponse)
		answer.SessionID = req.(*kmsg.FetchRequest).SessionID
		return answer, nil, true
	}, kmsg.Fetch)
	time.Sleep(s.while())
	end()
}

// recordTooLarge sends records beyond what a row, a fetch and a batch may have.
func recordTooLarge(s *stand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, size := range []int{2 << 20, 20 << 20} {
		r, _ := s.recordOf(s.random.Int32N(s.partitions), size)
		if err := s.client.ProduceSync(s.t.Context(), r).FirstErr(); err != nil {
			s.t.Fatal(err)
		}
		s.rejected[place{r.Partition, r.Offset}] = true
		s.mustSend(r.Partition, 3)
	}
}

// loginRefused ends all connections and lets nobody in again for a while.
func loginRefused(s *stand) {
	s.mu.Lock() // nobody may produce
	end := s.control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		switch kmsg.Key(req.Key()) {
		case kmsg.ApiVersions, kmsg.SASLHandshake:
			return nil, nil, false
		case kmsg.SASLAuthenticate:
			answer := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
			answer.ErrorCode = kerr.SaslAuthenticationFailed.Code
			return answer, nil, true
		}
		return nil, errDropped, true
	}, -1)
	time.Sleep(s.while())
	s.wait("the source says that it can't log in", func() bool {
		p := s.parts()[0]
		return p.status == "retrying"
	})
	end()
	s.reconnect()
	s.mu.Unlock()
}

// brokerRestarted stops the broker and starts it again where it was.
func brokerRestarted(s *stand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broker.Close()
	time.Sleep(s.while())
	s.startBroker()
	s.reconnect()
}
