package torture

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/millstream-db/millstream/ingest/broker"
)

// sale is what a record says. Coupon and internal are there since the second schema.
type sale struct {
	country          string
	cents, quantity  int64
	soldAtMillis     int64
	coupon, internal bool
}

// saleFormat is how a topic's records are written. Its schemas come one after
// another: a field is added and another one becomes wider.
type saleFormat struct {
	encode  string
	schemas []sr.Schema
	write   func(t *testing.T, schema int, id uint32, s sale) []byte
	poison  string // behind the id of the second schema
	says    string // why the poison is rejected
}

// schemaServer is a registry on a fixed address that can be down.
type schemaServer struct {
	registry *srfake.Registry
	addr     string
	server   *http.Server
}

func (s *schemaServer) up(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	s.addr, s.server = listener.Addr().String(), &http.Server{Handler: s.registry.Handler(), ReadHeaderTimeout: time.Second}
	server := s.server
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
}

func (s *schemaServer) down(t *testing.T) {
	t.Helper()
	if err := s.server.Close(); err != nil {
		t.Fatal(err)
	}
}

// sales writes records of a topic, and counts what must come of them.
type sales struct {
	format saleFormat
	addr   string
	ids    []uint32
	n      int64
	want   map[string][3]int64 // by country: records, quantity, cents
}

// frame is what stands before a record of a schema.
func frame(id uint32) []byte {
	return []byte{0, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}
}

func (s *sales) produce(t *testing.T, schema, count int) {
	t.Helper()
	var values []string
	for range count {
		s.n++
		x := sale{country: []string{"DE", "FR", "US", "IT"}[s.n%int64(3+schema)], cents: s.n * 13 % 10_000, quantity: s.n % 7, soldAtMillis: 1_700_000_000_000 + s.n}
		if schema == 1 {
			x.quantity += 1 << 33
			x.coupon, x.internal = s.n%2 == 0, true
		}
		values = append(values, string(s.format.write(t, schema, s.ids[schema], x)))
		w := s.want[x.country]
		s.want[x.country] = [3]int64{w[0] + 1, w[1] + x.quantity, w[2] + x.cents}
	}
	s.send(t, values...)
}

func (s *sales) send(t *testing.T, values ...string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.addr), kgo.DefaultProduceTopic("sales"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, v := range values {
		client.Produce(t.Context(), &kgo.Record{Value: []byte(v)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// rows is what the view must show.
func (s *sales) rows() string {
	var rows []string
	for _, country := range []string{"DE", "FR", "IT", "US"} {
		if w, ok := s.want[country]; ok {
			rows = append(rows, fmt.Sprintf("%s %d %d %d.%02d", country, w[0], w[1], w[2]/100, w[2]%100))
		}
	}
	return strings.Join(rows, ", ")
}

func TestAvroTopic(t *testing.T) { testSales(t, avroSales) }

func TestProtobufTopic(t *testing.T) { testSales(t, protobufSales) }

// testSales reads a topic while its schema changes, its registry is down, and the
// server is killed. The view must equal what was written, and records that are
// broken must be in $rejected.
func testSales(t *testing.T, format saleFormat) {
	b := startBroker(t, broker.Options{Topics: map[string]int{"sales": 3}})
	s := &schemaServer{registry: srfake.NewRegistry(), addr: "127.0.0.1:0"}
	s.up(t)
	t.Cleanup(func() { _ = s.server.Close() }) // may be down
	written := &sales{format: format, addr: b.Addr(), want: map[string][3]int64{}}
	for _, schema := range format.schemas {
		for _, r := range schema.References {
			if _, _, err := s.registry.RegisterSchema(r.Subject, sr.Schema{Schema: countryProto, Type: schema.Type}); err != nil {
				t.Fatal(err)
			}
		}
		id, _, err := s.registry.RegisterSchema("sales-value", schema)
		if err != nil {
			t.Fatal(err)
		}
		written.ids = append(written.ids, uint32(id))
	}
	o := options(t, "--checkpoint-interval", "1s")
	db := start(t, o)
	mustExec(t, db, fmt.Sprintf(`CREATE SOURCE sales (country VARCHAR, amount DECIMAL(12,2), quantity BIGINT, coupon VARCHAR, sold_at TIMESTAMPTZ)
		WITH (connector = 'kafka', topic = 'sales', properties.bootstrap.server = '%s')
		FORMAT PLAIN ENCODE %s (schema.registry = 'http://%s', schema.registry.username = 'reader', schema.registry.password = 'top-secret')`, b.Addr(), format.encode, s.addr),
		`CREATE MATERIALIZED VIEW per_country AS SELECT country, count(*) AS n, sum(quantity) AS quantity, sum(amount) AS amount FROM sales GROUP BY country`)
	const shown = "SELECT string_agg(country || ' ' || n || ' ' || quantity || ' ' || amount, ', ' ORDER BY country) FROM per_country"
	wantView := func(what string) {
		t.Helper()
		eventually(t, patience, what, func() bool { return text(t, db, shown) == written.rows() },
			func() string {
				return fmt.Sprintf("the view is %s, want %s; %s", text(t, db, shown), written.rows(), state(t, db))
			})
	}
	written.produce(t, 0, 3000)
	wantView("the first schema")

	s.down(t)
	written.produce(t, 0, 500) // whose schema is known
	wantView("a known schema")
	written.produce(t, 1, 2000)
	written.produce(t, 0, 500)
	wantStatus(t, db, "sales", "retrying", "waits for its schema", fmt.Sprintf("schema %d", written.ids[1]), "connection refused")
	db.Kill()
	db = start(t, o)
	wantStatus(t, db, "sales", "retrying", "waits for its schema")
	if got := number(t, db, `SELECT count(*) FROM "sales$rejected"`); got != 0 {
		t.Errorf("%d records were rejected while the registry was down", got)
	}
	s.up(t)
	wantView("the second schema")
	wantStatus(t, db, "sales", "running")

	poison := string(frame(written.ids[1])) + format.poison
	written.send(t, poison, `{"country":"DE"}`)
	written.produce(t, 1, 100)
	wantView("after broken records")
	wantRows(t, db, "sales$rejected", 2)
	for part, value := range map[string]string{format.says: poison, "begins with 0x7b": `{"country":"DE"}`} {
		got := text(t, db, fmt.Sprintf(`SELECT count(*) FROM "sales$rejected" WHERE position('%s' IN error) > 0 AND _offset >= 0 AND octet_length(value) = %d`, part, len(value)))
		if got != "1" {
			t.Errorf("%s records were rejected with %s: %s", got, part, text(t, db, `SELECT string_agg(error, '; ') FROM "sales$rejected"`))
		}
	}
	if got := number(t, db, "SELECT count(*) FROM sales WHERE sold_at = TIMESTAMPTZ '2023-11-14 22:13:20+00' + INTERVAL '1 millisecond'"); got != 1 {
		t.Errorf("%d records of the first time", got)
	}
	s.down(t)
	s.addr = "127.0.0.1:0"
	s.up(t)
	mustExec(t, db, fmt.Sprintf("ALTER SOURCE sales SET (schema.registry = 'http://%s')", s.addr))
	written.produce(t, 0, 100)
	written.produce(t, 1, 100)
	wantView("a registry that has moved")

	a, err := db.Query(t.Context(), "SHOW CREATE SOURCE sales")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(a.Rows); strings.Contains(got, "top-secret") || !strings.Contains(got, "schema.registry") {
		t.Errorf("SHOW CREATE SOURCE: %s", got)
	}
}
