package nexmark

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the judge: DuckDB's own driver, nothing of ours
	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/enginetest"
	"github.com/millstream-db/millstream/query"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// options make 20,000 events in 200 seconds around midnight, out of order by
// up to a second.
var options = Options{Seed: 1, Start: time.Date(2015, 7, 14, 23, 58, 30, 0, time.UTC), Rate: 100, Disorder: 100}

const (
	events     = 20_000
	batchRows  = 1000
	arrivalGap = 3 * time.Second // of the database's clock between two batches
)

// world is the database and its judge, with the same records.
type world struct {
	dir   string
	db    *query.DB
	judge *sql.DB
	clock atomic.Int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	w.open(t)
	var err error
	if w.judge, err = sql.Open("duckdb", ""); err != nil {
		t.Fatal(err)
	}
	w.judge.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := errors.Join(w.db.Close(context.Background()), w.judge.Close()); err != nil {
			t.Error(err)
		}
	})
	w.judgeExec(t, "SET TimeZone = 'UTC'")
	w.judgeExec(t, "CREATE TABLE bid (auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time TIMESTAMP, extra VARCHAR)")
	for _, s := range slices.Concat(Sources, SideInput) {
		if err := w.db.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	for _, s := range SideInput {
		w.judgeExec(t, s)
	}
	return w
}

func (w *world) open(t *testing.T) {
	t.Helper()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := func() time.Time { return start.Add(time.Duration(w.clock.Load())) }
	var err error
	if w.db, err = query.Open(t.Context(), w.dir, query.Options{Engine: engine.Options{Now: now}}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) judgeExec(t *testing.T, statement string) {
	t.Helper()
	if _, err := w.judge.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// fill appends the events from first to next to the database and its judge.
func (w *world) fill(t *testing.T, first, next int64) {
	t.Helper()
	g := NewGenerator(options)
	rows := make(map[string]*batch.Builder)
	for _, name := range []string{"person", "auction", "bid", "arrivals"} {
		b, err := w.db.NewRows(name)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Release()
		rows[name] = b
	}
	var values []string
	for n := first; n < next; n++ {
		switch e := g.Event(n); {
		case e.Person != nil:
			e.Person.AppendTo(rows["person"])
		case e.Auction != nil:
			e.Auction.AppendTo(rows["auction"])
		default:
			b := e.Bid
			b.AppendTo(rows["bid"])
			rows["arrivals"].Column(0).AppendInt64(b.Bidder)
			values = append(values, fmt.Sprintf("(%d, %d, %d, '%s', '%s', '%s', '%s')", b.Auction, b.Bidder, b.Price, b.Channel, b.URL,
				b.At.Format("2006-01-02 15:04:05.000"), b.Extra))
		}
	}
	for name, b := range rows {
		rec := b.Finish()
		err := w.db.AppendRecord(t.Context(), name, rec)
		rec.Release()
		if err != nil {
			t.Fatal(err)
		}
	}
	w.judgeExec(t, "INSERT INTO bid VALUES "+strings.Join(values, ", "))
	w.clock.Add(int64(arrivalGap))
}

// copyArrivals tells the judge when the database says that bids arrived: it is
// the only one to know.
func (w *world) copyArrivals(t *testing.T) {
	t.Helper()
	w.judgeExec(t, "CREATE TABLE arrivals (bidder BIGINT, arrived TIMESTAMPTZ)")
	var values []string
	for _, row := range w.read(t, "SELECT bidder, arrived FROM arrivals") {
		values = append(values, fmt.Sprintf("(%s, '%s')", row[0], row[1]))
	}
	w.judgeExec(t, "INSERT INTO arrivals VALUES "+strings.Join(values, ", "))
}

// read returns a query's rows as DuckDB writes them.
func (w *world) read(t *testing.T, sql string) enginetest.Rows {
	t.Helper()
	empty, err := w.db.Query(t.Context(), "SELECT * FROM ("+sql+") LIMIT 0")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, c := range empty.Columns {
		list = append(list, fmt.Sprintf(`CAST("%s" AS VARCHAR)`, c.Name))
	}
	empty.Close()
	r, err := w.db.Query(t.Context(), "SELECT "+strings.Join(list, ", ")+" FROM ("+sql+")")
	if err != nil {
		t.Fatal(err)
	}
	var out enginetest.Rows
	for row, err := range r.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		texts := make([]string, len(row))
		for i, v := range row {
			if texts[i] = enginetest.Null; v != nil {
				texts[i] = v.(string)
			}
		}
		out = append(out, texts)
	}
	return out
}

// judged returns the judge's rows, and which columns are floating point.
func (w *world) judged(t *testing.T, q Query) (columns []string, approx []bool, rows enginetest.Rows) {
	t.Helper()
	r, err := w.judge.QueryContext(t.Context(), "SELECT * FROM ("+strings.TrimSuffix(q.Judge, ";")+") LIMIT 0")
	if err != nil {
		t.Fatalf("%s: %v", q.Name, err)
	}
	types, err := r.ColumnTypes()
	if err = errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, c := range types {
		columns, approx = append(columns, c.Name()), append(approx, c.DatabaseTypeName() == "DOUBLE")
		list = append(list, fmt.Sprintf(`CAST("%s" AS VARCHAR)`, c.Name()))
	}
	r, err = w.judge.QueryContext(t.Context(), "SELECT "+strings.Join(list, ", ")+" FROM ("+strings.TrimSuffix(q.Judge, ";")+")")
	if err != nil {
		t.Fatalf("%s: %v", q.Name, err)
	}
	cells, pointers := make([]sql.NullString, len(types)), make([]any, len(types))
	for i := range cells {
		pointers[i] = &cells[i]
	}
	for r.Next() {
		if err := r.Scan(pointers...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(cells))
		for i, c := range cells {
			if row[i] = enginetest.Null; c.Valid {
				row[i] = c.String
			}
		}
		rows = append(rows, row)
	}
	if err := errors.Join(r.Err(), r.Close()); err != nil {
		t.Fatal(err)
	}
	return columns, approx, rows
}

func TestQueriesEqualDuckDB(t *testing.T) {
	t.Parallel()
	queries, err := Queries()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	for _, q := range queries {
		if err := w.db.Exec(t.Context(), q.View); err != nil {
			t.Fatalf("%s: %v (%s)", q.Name, err, query.AsError(err).Hint)
		}
	}
	for n := int64(0); n < events; n += batchRows {
		w.fill(t, n, n+batchRows)
		switch n {
		case events / 4:
			if err := w.db.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
		case events / 2: // with windows and sessions open
			if err := w.db.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.open(t)
		}
	}
	w.copyArrivals(t)
	for _, late := range []string{"bid$late", "arrivals$late"} {
		if rows := w.read(t, `SELECT count(*) AS n FROM "`+late+`"`); rows[0][0] != "0" {
			t.Fatalf("%s rows in %s: the views can't equal the judge", rows[0][0], late)
		}
	}
	for _, q := range queries {
		t.Run(q.Name, func(t *testing.T) { w.compare(t, q) })
	}
}

func (w *world) compare(t *testing.T, q Query) {
	columns, approx, want := w.judged(t, q)
	if len(want) == 0 {
		t.Error("the judge has no rows: nothing is compared")
	}
	have := w.read(t, `SELECT "`+strings.Join(columns, `", "`)+`" FROM `+q.Name)
	if diff := enginetest.Differ(have, want, approx); diff != "" {
		t.Error(diff)
	}
}

func TestGeneratorFollowsItsDistributions(t *testing.T) {
	t.Parallel()
	const n = 50_000
	g := NewGenerator(Options{Seed: 7})
	count := make(map[string]int)
	var last time.Time
	for i := range int64(n) {
		switch e := g.Event(i); {
		case e.Person != nil:
			count["person"]++
			if e.Person.ID != firstPerson+i/50 {
				t.Fatalf("event %d is person %d", i, e.Person.ID)
			}
		case e.Auction != nil:
			count["auction"]++
			if want := firstAuction + i/50*3 + i%50 - 1; e.Auction.ID != want {
				t.Fatalf("event %d is auction %d, want %d", i, e.Auction.ID, want)
			}
			if e.Auction.Seller%100 == firstPerson%100 {
				count["hot seller"]++
			}
			if e.Auction.Reserve <= e.Auction.InitialBid || !e.Auction.Expires.After(e.Auction.At) {
				t.Fatalf("event %d: %+v", i, e.Auction)
			}
		default:
			b := e.Bid
			count["bid"]++
			if b.Auction%100 == 0 {
				count["hot auction"]++
			}
			if b.Bidder%100 == 1 {
				count["hot bidder"]++
			}
			if !strings.HasPrefix(b.Channel, "channel-") {
				count["hot channel"]++
			}
			if b.Price < 10_000 {
				count["below 100"]++
			}
			if b.At.Before(last) {
				t.Fatalf("event %d comes before the one before it", i)
			}
			last = b.At
		}
	}
	for name, want := range map[string]float64{
		"person": n * 0.02, "auction": n * 0.06, "bid": n * 0.92, "hot seller": n * 0.06 * 0.75, "hot auction": n * 0.92 * 0.5,
		"hot bidder": n * 0.92 * 0.75, "hot channel": n * 0.92 * 0.5, "below 100": n * 0.92 / 3,
	} {
		if got := float64(count[name]); got < want*0.95 || got > want*1.05 {
			t.Errorf("%s: %.0f, want about %.0f", name, got, want)
		}
	}
}

func TestEventsArePureFunctions(t *testing.T) {
	t.Parallel()
	show := func(e Event) string {
		if e.Bid != nil {
			return fmt.Sprintf("%+v", *e.Bid)
		}
		return fmt.Sprintf("%+v %+v", e.Person, e.Auction)
	}
	a, b, other := NewGenerator(options), NewGenerator(options), NewGenerator(Options{Seed: 2, Start: options.Start, Rate: options.Rate, Disorder: options.Disorder})
	same := 0
	for i := int64(199); i >= 50; i-- {
		if i%50 < 4 {
			continue // pointers
		}
		first := show(a.Event(i))
		if first != show(b.Event(i)) || first != show(a.Event(i)) {
			t.Fatalf("event %d differs from itself", i)
		}
		if first == show(other.Event(i)) {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d events do not depend on the seed", same)
	}
	seen := make(map[int64]bool)
	for i := range int64(200) {
		seen[a.reorder(i)] = true
	}
	if len(seen) != 200 {
		t.Errorf("%d of 200 events have a place of their own", len(seen))
	}
}
