package workload

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/ingest/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var base = time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)

func TestRecordsDependOnSeedAndNumberOnly(t *testing.T) {
	t.Parallel()
	a, b, other := NewShop(7), NewShop(7), NewShop(8)
	same := 0
	for n := range int64(1000) {
		first := a.Record(n, base)
		b.Record(999-n, base) // in another order
		if again := b.Record(n, base); !reflect.DeepEqual(first, again) {
			t.Fatalf("record %d: %s, then %s", n, first.Value, again.Value)
		}
		if string(first.Value) == string(other.Record(n, base).Value) {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d records are the same for another seed", same)
	}
	x, y := NewClicks(7), NewClicks(7)
	y.AppendValue(nil, 3, base)
	if got, want := string(x.AppendValue(nil, 5, base)), string(y.AppendValue(nil, 5, base)); got != want {
		t.Errorf("click 5: %s, then %s", got, want)
	}
}

func TestShopIsSkewedLateAndSlightlyDirty(t *testing.T) {
	t.Parallel()
	const records = 100_000
	s := NewShop(1)
	var orders, noJSON, damaged, fromFuture, late, veryLate int
	countries := map[any]int{}
	ids := map[any]bool{}
	for n := range int64(records) {
		r := s.Record(n, base)
		switch age := base.Sub(r.EventTime); {
		case age < 0 || age > lateMax:
			t.Fatalf("record %d happened %s before it was sent", n, age)
		case age > 5*time.Second:
			veryLate++
		case age > time.Second:
			late++
		}
		if r.Damaged {
			damaged++
		}
		var fields map[string]any
		if json.Unmarshal(r.Value, &fields) != nil {
			noJSON++
			continue
		}
		if strings.HasPrefix(fields["ts"].(string), "2099") {
			fromFuture++
			if r.Topic == OrdersTopic {
				t.Errorf("order %d is from the future", n)
			}
		}
		if r.Topic == OrdersTopic {
			orders++
			countries[fields["country"]]++
			ids[fields["order_id"]] = true
		}
	}
	if len(ids) != orders || orders < 39_000 || orders > 40_000 {
		t.Errorf("%d orders, %d distinct", orders, len(ids))
	}
	between := func(what string, got, from, to int) {
		t.Helper()
		if got < from || got > to {
			t.Errorf("%s: %d, want %d to %d", what, got, from, to)
		}
	}
	between("damaged", damaged, 20, 120)
	between("no JSON", noJSON, 10, 80)
	between("from the future", fromFuture, 1, 20)
	between("out of order", late, 50_000, 80_000)
	between("late", veryLate, 200, 700)
	between("orders from DE", countries["DE"], orders/5, orders/2)
	between("orders without a country", countries[nil], 1, 40)
}

func TestClicksHave200Bytes(t *testing.T) {
	t.Parallel()
	c := NewClicks(1)
	users, pages, size := map[string]bool{}, map[string]bool{}, 0
	const records = 20_000
	var fields struct {
		User, Page string
		TS         time.Time
	}
	for n := range int64(records) {
		value := c.AppendValue(nil, n, base)
		size += len(value)
		if err := json.Unmarshal(value, &fields); err != nil {
			t.Fatalf("%v: %s", err, value)
		}
		users[fields.User], pages[fields.Page] = true, true
		if want := base.Add(time.Duration(n) * 10 * time.Microsecond).Truncate(time.Millisecond); !fields.TS.Equal(want) {
			t.Fatalf("click %d at %s, want %s", n, fields.TS, want)
		}
	}
	var all map[string]any
	if err := json.Unmarshal(c.AppendValue(nil, 0, base), &all); err != nil || len(all) != 10 {
		t.Errorf("%d fields, %v", len(all), err)
	}
	if mean := size / records; mean < 180 || mean > 220 {
		t.Errorf("%d bytes", mean)
	}
	if len(pages) != clickPages || len(users) < records*8/10 {
		t.Errorf("%d pages, %d users", len(pages), len(users))
	}
}

func TestPurchasesHaveExactly200Bytes(t *testing.T) {
	t.Parallel()
	p, again := NewPurchases(1), NewPurchases(1)
	for _, n := range []int64{0, 1, 999, 20_000_000, 1_000_000_000_000} {
		value := p.AppendValue(nil, n, base)
		if len(value) != 200 {
			t.Errorf("record %d has %d bytes: %s", n, len(value), value)
		}
		var fields struct {
			ID         int64
			TS         time.Time
			User, Page string
			Cents      int64
		}
		if err := json.Unmarshal(value, &fields); err != nil {
			t.Fatalf("%s: %v", value, err)
		}
		want := again.At(n, base)
		if fields.ID != n || !fields.TS.Equal(want.Time) || fields.User != UserName(want.User) ||
			fields.Page != PageName(want.Page) || fields.Cents != want.Cents {
			t.Errorf("record %d is %s, want %+v", n, value, want)
		}
	}
}

func TestStatementsNameTheBroker(t *testing.T) {
	t.Parallel()
	for _, sql := range ShopSources("host:1'; DROP") {
		if !strings.Contains(sql, "server = 'host:1''; DROP'") || strings.Contains(sql, "%!") {
			t.Error(sql)
		}
	}
	if len(ShopViews()) != 4 || len(ShopQueries()) != 4 {
		t.Error("four views and four queries")
	}
}

func startBroker(t *testing.T) *broker.Broker {
	t.Helper()
	b, err := broker.Start(t.Context(), broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// consume reads count records of the topics.
func consume(t *testing.T, b *broker.Broker, count int, topics ...string) []*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var records []*kgo.Record
	for len(records) < count {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d records: %v", len(records), err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

func TestProducerSendsBothTopics(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	p, err := NewProducer(ProducerOptions{Brokers: []string{b.Addr()}, Rate: 5000})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.CreateTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.CreateTopics(t.Context()); err != nil {
		t.Fatalf("a second time: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	records := consume(t, b, 1000, OrdersTopic, PageViewsTopic)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := p.Resume(t.Context()); err != nil {
		t.Error(err)
	}
	if p.opts.First < p.Sent() || p.opts.First > p.Sent()+5 {
		t.Errorf("%d records sent, the next run begins with number %d", p.Sent(), p.opts.First)
	}
	if p.Sent() < int64(len(records)) || p.Failed() != 0 {
		t.Errorf("sent %d, failed %d", p.Sent(), p.Failed())
	}
	partitions := map[string]map[int32]bool{OrdersTopic: {}, PageViewsTopic: {}}
	for _, r := range records {
		partitions[r.Topic][r.Partition] = true
	}
	if len(partitions[OrdersTopic]) != OrdersPartitions || len(partitions[PageViewsTopic]) != PageViewsPartitions {
		t.Errorf("partitions %v", partitions)
	}
}

func TestFillSendsEveryRecordOnce(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	if err := Fill(t.Context(), []string{b.Addr()}, "clicks", 4, 1000, NewClicks(1), base); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range consume(t, b, 1000, "clicks") {
		seen[string(r.Value)] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d distinct records", len(seen))
	}
}

func TestProducerOptionsAreChecked(t *testing.T) {
	t.Parallel()
	_, err := NewProducer(ProducerOptions{Rate: -1})
	if err == nil || !strings.Contains(err.Error(), "no brokers") || !strings.Contains(err.Error(), "rate -1") {
		t.Error(err)
	}
}

func BenchmarkClicks(b *testing.B) {
	c := NewClicks(1)
	var buf []byte
	for n := int64(0); b.Loop(); n++ {
		buf = c.AppendValue(buf[:0], n, base)
	}
}

func BenchmarkShop(b *testing.B) {
	s := NewShop(1)
	for n := int64(0); b.Loop(); n++ {
		s.Record(n, base)
	}
}
