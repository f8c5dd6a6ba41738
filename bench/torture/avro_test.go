package torture

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	avrolib "github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/millstream-db/millstream/ingest/broker"
)

// The schemas of a topic, one after another: a field is added and another one
// becomes wider.
var saleSchemas = []string{
	`{"type":"record","name":"Sale","namespace":"shop","fields":[
		{"name":"Country","type":{"type":"enum","name":"Country","symbols":["DE","FR","US"]}},
		{"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}},
		{"name":"quantity","type":"int"},
		{"name":"sold_at","type":{"type":"long","logicalType":"timestamp-millis"}}]}`,
	`{"type":"record","name":"Sale","namespace":"shop","fields":[
		{"name":"sold_at","type":{"type":"long","logicalType":"timestamp-micros"}},
		{"name":"Country","type":{"type":"enum","name":"Country","symbols":["DE","US","FR","IT"]}},
		{"name":"coupon","type":["null","string"],"default":null},
		{"name":"internal","type":{"type":"map","values":["null","long"]},"default":{}},
		{"name":"quantity","type":"long"},
		{"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}}]}`,
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
	addr string
	ids  []uint32
	n    int64
	want map[string][3]int64 // by country: records, quantity, cents
}

// frame is what stands before a record of a schema.
func frame(id uint32) []byte {
	return []byte{0, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}
}

func (s *sales) produce(t *testing.T, schema, count int) {
	t.Helper()
	library := avrolib.MustParse(saleSchemas[schema])
	var values []string
	for range count {
		s.n++
		country := []string{"DE", "FR", "US", "IT"}[s.n%int64(3+schema)]
		quantity, cents := s.n%7, s.n*13%10_000
		sale := map[string]any{
			"Country": country, "amount": fmt.Sprintf("%d.%02d", cents/100, cents%100), "quantity": quantity, "sold_at": 1_700_000_000_000 + s.n,
		}
		if schema == 1 {
			quantity += 1 << 33
			sale["quantity"], sale["sold_at"], sale["internal"] = quantity, (1_700_000_000_000+s.n)*1000, map[string]any{"k": s.n}
			if s.n%2 == 0 {
				sale["coupon"] = "WINTER"
			}
		}
		value, err := library.AppendEncode(frame(s.ids[schema]), sale)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, string(value))
		w := s.want[country]
		s.want[country] = [3]int64{w[0] + 1, w[1] + quantity, w[2] + cents}
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

// TestAvroTopic reads a topic of Avro records while its schema changes, its
// registry is down, and the server is killed. The view must equal what was
// written, and records that are broken must be in $rejected.
func TestAvroTopic(t *testing.T) {
	b := startBroker(t, broker.Options{Topics: map[string]int{"sales": 3}})
	s := &schemaServer{registry: srfake.NewRegistry(), addr: "127.0.0.1:0"}
	s.up(t)
	t.Cleanup(func() { _ = s.server.Close() }) // may be down
	written := &sales{addr: b.Addr(), want: map[string][3]int64{}}
	for _, schema := range saleSchemas {
		id, _, err := s.registry.RegisterSchema("sales-value", sr.Schema{Schema: schema})
		if err != nil {
			t.Fatal(err)
		}
		written.ids = append(written.ids, uint32(id))
	}
	o := options(t, "--checkpoint-interval", "1s")
	db := start(t, o)
	mustExec(t, db, fmt.Sprintf(`CREATE SOURCE sales (country VARCHAR, amount DECIMAL(12,2), quantity BIGINT, coupon VARCHAR, sold_at TIMESTAMPTZ)
		WITH (connector = 'kafka', topic = 'sales', properties.bootstrap.server = '%s')
		FORMAT PLAIN ENCODE AVRO (schema.registry = 'http://%s', schema.registry.username = 'reader', schema.registry.password = 'top-secret')`, b.Addr(), s.addr),
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
	wantStatus(t, db, "sales", "retrying", "waits for its schema", "schema 2", "connection refused")
	db.Kill()
	db = start(t, o)
	wantStatus(t, db, "sales", "retrying", "waits for its schema")
	if got := number(t, db, `SELECT count(*) FROM "sales$rejected"`); got != 0 {
		t.Errorf("%d records were rejected while the registry was down", got)
	}
	s.up(t)
	wantView("the second schema")
	wantStatus(t, db, "sales", "running")

	poison := string(frame(written.ids[1])) + "\x80\x80"
	written.send(t, poison, `{"country":"DE"}`)
	written.produce(t, 1, 100)
	wantView("after broken records")
	wantRows(t, db, "sales$rejected", 2)
	for part, value := range map[string]string{`column "sold_at": the record ends inside the value`: poison, "begins with 0x7b": `{"country":"DE"}`} {
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
