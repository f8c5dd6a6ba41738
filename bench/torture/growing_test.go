package torture

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	avrolib "github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/millstream-db/millstream/engine/enginetest/result"
	"github.com/millstream-db/millstream/ingest/broker"
)

// growing is a topic whose schemas have a field more each: id, f1, f2, …. A record
// of the nth has its id in all of them. From the first on they have w and x besides,
// and from the ninth on y, whose types get wider.
type growing struct {
	registry *srfake.Registry
	client   *kgo.Client
	schemas  []string
	ids      []uint32
	sent     int64
	counts   []int64 // how many records have the field
	sums     []int64
	large    int64   // how many records have a w that is no int
	w, y     int64   // their sums
	x        float64 // likewise, but for halves
}

// The schemas from which on a field is there, and those from which on it is wider.
const (
	fromW, longW   = 1, 3
	fromX, doubleX = 1, 4
	fromY, longY   = 9, 10
)

// beyond is added to numbers that an int can't be.
const beyond = 5_000_000_000

// changing returns the fields of schema n that are not the same in all of them.
func changing(n int) (fields []string) {
	field := func(name string, from, to int, narrow, wide string) {
		if n >= to {
			narrow = wide
		}
		if n >= from {
			fields = append(fields, fmt.Sprintf(`{"name":"%s","type":["null","%s"],"default":null}`, name, narrow))
		}
	}
	field("w", fromW, longW, "int", "long")
	field("x", fromX, doubleX, "int", "double")
	field("y", fromY, longY, "int", "long")
	return fields
}

// change sets the values of these fields.
func (g *growing) change(n int, values map[string]any) {
	whole := func(name string, from, to int, sum *int64) {
		switch {
		case n >= to:
			values[name] = g.sent + beyond
			*sum += g.sent + beyond
		case n >= from:
			values[name] = int32(g.sent)
			*sum += g.sent
		}
	}
	whole("w", fromW, longW, &g.w)
	whole("y", fromY, longY, &g.y)
	if n >= longW {
		g.large++
	}
	switch {
	case n >= doubleX:
		values["x"] = float64(g.sent) + 0.5
		g.x += float64(g.sent) + 0.5
	case n >= fromX:
		values["x"] = int32(g.sent)
		g.x += float64(g.sent)
	}
}

func (g *growing) grow(t *testing.T) {
	t.Helper()
	fields := []string{`{"name":"id","type":"long"}`}
	for i := range g.schemas {
		fields = append(fields, fmt.Sprintf(`{"name":"f%d","type":["null","long"],"default":null}`, i+1))
	}
	fields = append(fields, changing(len(g.schemas))...)
	schema := `{"type":"record","name":"G","fields":[` + strings.Join(fields, ",") + `]}`
	id, _, err := g.registry.RegisterSchema("growing-value", sr.Schema{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	g.schemas, g.ids = append(g.schemas, schema), append(g.ids, uint32(id))
	g.counts, g.sums = append(g.counts, 0), append(g.sums, 0)
}

// produce writes records of all schemas, most of them of the newest.
func (g *growing) produce(t *testing.T, r *rand.Rand, count int) {
	t.Helper()
	var records []*kgo.Record
	for range count {
		n := len(g.schemas) - 1
		if r.IntN(4) == 0 {
			n = r.IntN(len(g.schemas))
		}
		g.sent++
		values := map[string]any{"id": g.sent}
		for i := range n + 1 {
			if i > 0 {
				values[fmt.Sprint("f", i)] = g.sent
			}
			g.counts[i]++
			g.sums[i] += g.sent
		}
		g.change(n, values)
		value, err := avrolib.MustParse(g.schemas[n]).AppendEncode(frame(g.ids[n]), values)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, &kgo.Record{Value: value})
	}
	if err := g.client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// TestGrowingTopic reads a topic whose schemas bring fields and widen their types, into a
// source that gets columns for them and whose columns get wider, while the server is killed again and again. Each field must be
// there as often as it was written, however the kills fell.
func TestGrowingTopic(t *testing.T) {
	b := startBroker(t, broker.Options{Topics: map[string]int{"growing": 3}})
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.DefaultProduceTopic("growing"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s := &schemaServer{registry: srfake.NewRegistry(), addr: "127.0.0.1:0"}
	s.up(t)
	t.Cleanup(func() { _ = s.server.Close() })
	g := &growing{registry: s.registry, client: client}
	r := rand.New(rand.NewPCG(3, 4))
	g.grow(t)
	g.produce(t, r, 100)
	o := options(t, "--checkpoint_interval", "300ms")
	db := start(t, o)
	mustExec(t, db, fmt.Sprintf(`CREATE SOURCE growing WITH (connector = 'kafka', topic = 'growing', properties.bootstrap.server = '%s')
		FORMAT PLAIN ENCODE AVRO (schema.registry = 'http://%s', schema.evolution = 'add')`, b.Addr(), s.addr),
		"CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n, sum(id)::BIGINT AS total FROM growing",
		"CREATE MATERIALIZED VIEW everything AS SELECT * FROM growing")
	kills := 0
	for round := range 6 {
		g.grow(t)
		g.produce(t, r, 300)
		for range 2 { // before, while and after columns are added
			time.Sleep(time.Duration(r.IntN(250)) * time.Millisecond)
			db.Kill()
			kills++
			db = start(t, o)
		}
		g.produce(t, r, 300)
		if round == 0 { // views of columns that will get wider, on whose types they do not depend
			wantNumber(t, db, "SELECT count(*) FROM information_schema.columns WHERE table_name = 'growing' AND column_name IN ('w', 'x')", 2)
			mustExec(t, db, "CREATE MATERIALIZED VIEW large AS SELECT count(*) AS n FROM growing WHERE w > 1000000000 AND x IS NOT NULL",
				"CREATE MATERIALIZED VIEW shown AS SELECT count(*) AS n, sum(w::DECIMAL(38,0))::BIGINT AS w, sum(x::DOUBLE) AS x FROM growing",
				"CREATE MATERIALIZED VIEW texts AS SELECT id, w::VARCHAR AS w FROM growing WHERE w > 0")
		}
	}
	want := func() {
		t.Helper()
		wantNumber(t, db, "SELECT n FROM totals", g.sent)
		wantNumber(t, db, "SELECT total FROM totals", g.sums[0])
		wantNumber(t, db, "SELECT count(*) FROM growing", g.sent)
		for i := 1; i < len(g.schemas); i++ {
			wantNumber(t, db, fmt.Sprintf("SELECT count(f%d) FROM growing", i), g.counts[i])
			wantNumber(t, db, fmt.Sprintf("SELECT sum(f%d)::BIGINT FROM growing", i), g.sums[i])
		}
		wantNumber(t, db, "SELECT sum(w)::BIGINT FROM growing", g.w)
		wantNumber(t, db, "SELECT (sum(x) * 2)::BIGINT FROM growing", int64(2*g.x))
		wantNumber(t, db, "SELECT n FROM large", g.large)
		wantNumber(t, db, "SELECT w FROM shown", g.w)
		wantNumber(t, db, "SELECT (x * 2)::BIGINT FROM shown", int64(2*g.x))
		wantNumber(t, db, "SELECT sum(w::BIGINT)::BIGINT FROM texts", g.w)
	}
	want()
	wantNumber(t, db, "SELECT count(*) FROM information_schema.columns WHERE table_name = 'growing' AND (column_name, data_type) IN (('w', 'bigint'), ('x', 'double precision'))", 2)
	wantRows(t, db, "growing$rejected", 0)
	// A view keeps the columns that it was created with.
	wantNumber(t, db, "SELECT count(*) FROM information_schema.columns WHERE table_name = 'everything'", 1)
	wantNumber(t, db, "SELECT count(*) FROM everything", g.sent)

	// Whoever refuses is told what the change is; nothing is read past it.
	mustExec(t, db, "ALTER SOURCE growing SET (schema.evolution = 'refuse')")
	g.grow(t)
	g.produce(t, r, 50)
	wantStatus(t, db, "growing", "stalled", fmt.Sprintf(`schema %d (G) has fields without a column: "f7" BIGINT`, g.ids[7]))
	db.Kill()
	db = start(t, o)
	wantStatus(t, db, "growing", "stalled", `"f7" BIGINT`)
	mustExec(t, db, "ALTER SOURCE growing ADD COLUMN f7 BIGINT")
	want()
	g.grow(t)
	g.produce(t, r, 50)
	wantStatus(t, db, "growing", "stalled", `"f8" BIGINT`)
	mustExec(t, db, "ALTER SOURCE growing SET (schema.evolution = 'add')")
	want()

	// A registry that has moved is asked for schemas that nobody has seen yet.
	s.down(t)
	s.addr = "127.0.0.1:0"
	s.up(t)
	g.grow(t)
	g.produce(t, r, 50)
	wantStatus(t, db, "growing", "retrying", "connection refused")
	mustExec(t, db, fmt.Sprintf("ALTER SOURCE growing SET (schema.registry = 'http://%s', schema.evolution = 'add')", s.addr))
	want()

	// A view that depends on a column's type keeps it, and the source waits until it has gone.
	wantNumber(t, db, "SELECT count(y) FROM growing", g.counts[fromY])
	mustExec(t, db, "CREATE MATERIALIZED VIEW ys AS SELECT sum(y)::BIGINT AS y FROM growing")
	g.grow(t)
	g.produce(t, r, 50)
	const why = `needs columns of wider types: "y" BIGINT: a column can't get a wider type: materialized view ys depends on it, drop that and create it again once the source goes on`
	wantStatus(t, db, "growing", "stalled", why)
	db.Kill()
	db = start(t, o)
	wantStatus(t, db, "growing", "stalled", why)
	mustExec(t, db, "DROP MATERIALIZED VIEW ys")
	want()
	mustExec(t, db, "CREATE MATERIALIZED VIEW ys AS SELECT sum(y)::BIGINT AS y FROM growing")
	wantNumber(t, db, "SELECT y FROM ys", g.y)
	if err := db.Stop(); err != nil {
		t.Error(err)
	}
	db = start(t, o)
	want()
	wantNumber(t, db, "SELECT y FROM ys", g.y)
	wantRows(t, db, "growing$rejected", 0)
	result.Report(t, "growing topic", "%d records of %d schemas, %d kills: nothing lost, nothing doubled", g.sent, len(g.schemas), kills)
}
