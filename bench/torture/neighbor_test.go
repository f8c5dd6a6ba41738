package torture

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// priceFactor is what the prices of the table are multiples of.
	priceFactor = 7
	// neighborPause is between two questions.
	neighborPause = 2 * time.Millisecond
	// neighborPatience is how long an answer may take at most.
	neighborPatience = time.Minute
)

// neighbor is a well-behaved client that asks over and over, on one connection.
type neighbor struct {
	name  string
	light bool // what it asks for takes no time worth speaking of
	// ask asks question number n. An error is a wrong answer, or none.
	ask func(ctx context.Context, n int64) error
	// check looks at the end at what it has brought about; nil: nothing.
	check   func(ctx context.Context) error
	answers atomic.Int64

	mu sync.Mutex
	// mu protects the fields below.
	took   []time.Duration
	since  time.Time // when the question under way was asked
	failed error     // the first
}

// run asks until the context ends or an answer is wrong.
func (n *neighbor) run(ctx context.Context) {
	for i := int64(0); ctx.Err() == nil; i++ {
		began := time.Now()
		n.mu.Lock()
		n.since = began
		n.mu.Unlock()
		// What is under way when the context ends is waited for.
		asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), neighborPatience)
		err := n.ask(asking, i)
		cancel()
		n.mu.Lock()
		n.took = append(n.took, time.Since(began))
		n.since = time.Time{}
		n.failed = err
		n.mu.Unlock()
		if err != nil {
			return
		}
		n.answers.Add(1)
		time.Sleep(neighborPause)
	}
}

// percentile returns the p99 of the answers since it was called last. The question under way, if
// there is one, has taken so long already.
func (n *neighbor) percentile() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	took := n.took
	n.took = nil
	if !n.since.IsZero() {
		took = append(took, time.Since(n.since))
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

func (n *neighbor) err() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.failed
}

// The questions of light neighbours: a row of a table, whose price is known, and a group of a
// view, which only grows. A number or parameter, or a text, goes behind them.
const (
	priceOf  = "SELECT price FROM prices WHERE id = "
	ordersOf = "SELECT coalesce(sum(orders), 0)::BIGINT FROM product_totals WHERE product = "
	product  = "espresso beans"
)

// judge says whether the answers to a neighbour's two questions are right.
type judge struct{ orders int64 }

func (j *judge) price(id, price int64) error {
	if price != id*priceFactor {
		return fmt.Errorf("the price of %d is %d, want %d", id, price, id*priceFactor)
	}
	return nil
}

func (j *judge) grown(orders int64) error {
	if orders < j.orders {
		return fmt.Errorf("%d orders, and %d before", orders, j.orders)
	}
	j.orders = orders
	return nil
}

// newPostgresNeighbor returns one that speaks the Postgres protocol, with prepared
// statements, over TLS.
func newPostgresNeighbor(t *testing.T, v *victim) *neighbor {
	t.Helper()
	conn, err := connect(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // the server is gone by then
	var j judge
	return &neighbor{name: "postgres", light: true, ask: func(ctx context.Context, n int64) error {
		if n%2 == 0 {
			id, price := n%1000, int64(0)
			if err := conn.QueryRow(ctx, priceOf+"$1", id).Scan(&price); err != nil {
				return err
			}
			return j.price(id, price)
		}
		var orders int64
		if err := conn.QueryRow(ctx, ordersOf+"$1", product).Scan(&orders); err != nil {
			return err
		}
		return j.grown(orders)
	}}
}

// connect opens a connection over TLS.
func connect(ctx context.Context, v *victim) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(fmt.Sprintf("postgres://neighbor@%s/millstream?sslmode=require", v.pg))
	if err != nil {
		return nil, err
	}
	config.TLSConfig.RootCAs, config.TLSConfig.InsecureSkipVerify, config.TLSConfig.ServerName = v.roots, false, "127.0.0.1"
	return pgx.ConnectConfig(ctx, config)
}

// newHTTPNeighbor returns one that sends its questions to /v1/query.
func newHTTPNeighbor(v *victim) *neighbor {
	var j judge
	ask := func(ctx context.Context, sql string) (int64, error) {
		rows, err := v.db.Integers(ctx, sql)
		if err != nil {
			return 0, err
		}
		if len(rows) != 1 {
			return 0, fmt.Errorf("%s: %d rows", sql, len(rows))
		}
		return rows[0][0], nil
	}
	return &neighbor{name: "http", light: true, ask: func(ctx context.Context, n int64) error {
		if n%2 == 0 {
			id := n % 1000
			price, err := ask(ctx, fmt.Sprint(priceOf, id))
			if err != nil {
				return err
			}
			return j.price(id, price)
		}
		orders, err := ask(ctx, ordersOf+"'"+product+"'")
		if err != nil {
			return err
		}
		return j.grown(orders)
	}}
}

// newClock returns one that asks nobody: what its "answers" take is what the machine makes
// anybody wait.
func newClock() *neighbor {
	return &neighbor{name: "clock", ask: func(context.Context, int64) error {
		time.Sleep(time.Millisecond)
		return nil
	}}
}

// newPusher returns a program that sends rows to /v1/ingest, each request once.
func newPusher(v *victim) *neighbor {
	var sent atomic.Int64
	return &neighbor{name: "push",
		ask: func(ctx context.Context, n int64) error {
			body := fmt.Appendf(nil, `{"client": 1, "line": %d}`+"\n"+`{"client": 2, "line": %d}`+"\n", n, n)
			done, err := v.db.Push(ctx, "events", "application/x-ndjson", fmt.Sprint("neighbor-", n), body)
			switch {
			case err != nil:
				return err
			case done.Status != http.StatusOK:
				return fmt.Errorf("status %d: %w", done.Status, done.Error)
			case done.Accepted != 2 || done.Rejected != 0:
				return fmt.Errorf("2 rows were sent: %+v", done)
			}
			sent.Add(1)
			return nil
		},
		check: func(ctx context.Context) error {
			rows, err := v.db.Integers(ctx, "SELECT count(*), count(DISTINCT (client, line)) FROM events")
			if err == nil && (rows[0][0] != 2*sent.Load() || rows[0][1] != rows[0][0]) {
				err = fmt.Errorf("%d rows were taken, %d are there, %d different ones", 2*sent.Load(), rows[0][0], rows[0][1])
			}
			return err
		},
	}
}
