package broker

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t testing.TB, opts Options) *Broker {
	t.Helper()
	b, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func connect(t testing.TB, b *Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.Addr())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// roundTrip produces records and reads them back with an ordinary client.
func roundTrip(t testing.TB, b *Broker, topic string) {
	t.Helper()
	ctx := deadline(t)
	client := connect(t, b, kgo.ConsumeTopics(topic), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	const records = 100
	for i := range records {
		err := client.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "v%d", i)}).FirstErr()
		if err != nil {
			t.Fatalf("produce %d: %v", i, err)
		}
	}
	for got := 0; got < records; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		got += fetches.NumRecords()
	}
}

func frame(size uint32, key int16, body string) []byte {
	var f []byte
	f = binary.BigEndian.AppendUint32(f, size)
	f = binary.BigEndian.AppendUint16(f, uint16(key))
	return append(f, body...)
}

func TestBadFrameEndsOnlyItsConnection(t *testing.T) {
	b := start(t, Options{Topics: map[string]int{"t": 2}})
	for _, tt := range []struct {
		name string
		sent []byte
	}{
		{"http get", []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")},
		{"tls hello", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")},
		{"unknown key", frame(30, 30000, "\x00\x00\x00\x00\x00\x01\x00\x00 and more that is ignored")},
		{"negative key", frame(20, -1, "\x00\x00\x00\x00\x00\x01\x00\x00..........")},
		{"oversize", frame(maxFrameBytes+1, 3, "\x00\x00")},
		{"largest size", frame(1<<32-1, 3, "\x00\x00")},
		{"empty frame", frame(0, 0, "")},
		{"short frame", frame(2, 3, "")},
		{"short frame after a good one", append(frame(10, 18, "\x00\x00\x00\x00\x00\x01\x00\x00"), frame(1, 18, "x")...)},
		{"known key, junk body", frame(50, 0, "\x00\x09junkjunkjunkjunkjunkjunkjunkjunkjunkjunkjunkjunk!!")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", b.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write(tt.sent); err != nil {
				t.Fatal(err)
			}
			if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, conn); os.IsTimeout(err) {
				t.Fatal("the connection was left open")
			}
		})
	}
	roundTrip(t, b, "t")
}

func TestPartialFrameHarmsNobody(t *testing.T) {
	b := start(t, Options{Topics: map[string]int{"t": 1}})
	for _, sent := range []string{"\x00", "\x00\x00\x00\x1e", "\x00\x00\x00\x1e\x00", "\x00\x00\x00\x1e\x00\x03\x00", "\x06\x00\x00\x00\x00\x03\x00"} {
		conn, err := net.Dial("tcp", b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(sent)); err != nil {
			t.Fatal(err)
		}
	}
	roundTrip(t, b, "t")
}

// TestFrameInPieces sends a whole request one byte at a time.
func TestFrameInPieces(t *testing.T) {
	b := start(t, Options{})
	conn, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, c := range frame(10, 18, "\x00\x00\x00\x00\x00\x07\xff\xff") {
			if _, err := conn.Write([]byte{c}); err != nil {
				t.Fatal(err)
			}
		}
		var head [8]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			t.Fatal(err)
		}
		if corr := binary.BigEndian.Uint32(head[4:]); corr != 7 {
			t.Fatalf("answer to request %d, want 7", corr)
		}
		size := binary.BigEndian.Uint32(head[:4])
		if _, err := io.CopyN(io.Discard, conn, int64(size)-4); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAdvertisedAddress(t *testing.T) {
	b := start(t, Options{Addr: "localhost:0", Brokers: 2})
	host, port, err := net.SplitHostPort(b.Addr())
	if err != nil || host != "localhost" || port == "0" {
		t.Fatalf("advertised %q", b.Addr())
	}
	meta, err := kadm.NewClient(connect(t, b)).BrokerMetadata(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(meta.Brokers) != 2 {
		t.Fatalf("%d brokers, want 2", len(meta.Brokers))
	}
	for i, m := range meta.Brokers {
		if got := net.JoinHostPort(m.Host, fmt.Sprint(m.Port)); got != b.Addrs()[i] {
			t.Errorf("broker %d is at %s, want %s", i, got, b.Addrs()[i])
		}
	}
}

func TestLogSurvivesRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kafka")
	b := start(t, Options{DataDir: dir, Topics: map[string]int{"t": 1}})
	roundTrip(t, b, "t")
	b.Close()
	b.Close()

	b = start(t, Options{DataDir: dir, Topics: map[string]int{"t": 1, "u": 3}})
	ends, err := kadm.NewClient(connect(t, b)).ListEndOffsets(deadline(t), "t", "u")
	if err != nil {
		t.Fatal(err)
	}
	if end, _ := ends.Lookup("t", 0); end.Offset != 100 {
		t.Errorf("end offset %d after the restart, want 100", end.Offset)
	}
	if len(ends["u"]) != 3 {
		t.Errorf("topic u has %d partitions, want 3", len(ends["u"]))
	}
}

// TestRetentionCoversEveryTopic: also those that were created without a retention.
func TestRetentionCoversEveryTopic(t *testing.T) {
	b := start(t, Options{AutoCreateTopics: true, RetentionBytes: 1000, RetentionInterval: 10 * time.Millisecond})
	ctx := deadline(t)
	client := connect(t, b, kgo.AllowAutoTopicCreation())
	value := make([]byte, 900)
	for range 20 {
		if err := client.ProduceSync(ctx, &kgo.Record{Topic: "auto", Partition: 0, Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	admin := kadm.NewClient(client)
	for {
		starts, err := admin.ListStartOffsets(ctx, "auto")
		if err != nil {
			t.Fatal(err)
		}
		dropped := int64(0)
		starts.Each(func(o kadm.ListedOffset) { dropped += o.Offset })
		if dropped > 0 {
			return
		}
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	for _, opts := range []Options{
		{Addr: "nowhere"},
		{Advertise: "nowhere"},
		{Brokers: -1},
		{RetentionInterval: -1},
		{MaxRecordBatchBytes: 1 << 40},
		{Topics: map[string]int{"t": 0}},
	} {
		if b, err := Start(t.Context(), opts); err == nil {
			b.Close()
			t.Errorf("%+v was accepted", opts)
		}
	}
}

func TestNegativeRetentionIsNone(t *testing.T) {
	for age, want := range map[time.Duration]int64{-1: -1, -time.Hour: -1, time.Second: 1000} {
		if got := retentionMillis(age); got != want {
			t.Errorf("retentionMillis(%s) = %d, want %d", age, got, want)
		}
	}
}
