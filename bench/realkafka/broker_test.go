//go:build realkafka

package realkafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// startBroker starts a broker for the test; without java the test is skipped,
// so that everybody sees it.
func startBroker(t *testing.T) *Broker {
	t.Helper()
	b, err := Start(t.Context(), Options{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if errors.Is(err, ErrNoJava) {
		t.Skipf("NOT TESTED AGAINST A REAL KAFKA: %v (install java 17 and mvn, or set %s)", err, BrokersVariable)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of the broker's log:\n%s", b.Log(40))
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestBrokerKeepsRecordsAcrossRestarts(t *testing.T) {
	b := startBroker(t)
	if !b.Ours() {
		t.Skipf("%s is set: that broker is not ours to restart", BrokersVariable)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.DefaultProduceTopic("greetings"),
		kgo.ConsumeTopics("greetings"), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, nil, "greetings"); err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, how := range []Stop{Graceful, Killed} {
		for range 10 {
			record := &kgo.Record{Value: fmt.Appendf(nil, "hello %d", want)}
			if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
				t.Fatal(err)
			}
			want++
		}
		if err := b.Restart(ctx, how); err != nil {
			t.Fatal(err)
		}
	}
	for got := 0; got < want; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatal(err)
		}
		for r := range fetches.RecordsAll() {
			if text := fmt.Sprintf("hello %d", got); string(r.Value) != text || r.Offset != int64(got) {
				t.Fatalf("record at offset %d is %q, want %q at %d", r.Offset, r.Value, text, got)
			}
			got++
		}
	}
}
