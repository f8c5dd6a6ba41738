package torture

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/engine/enginetest/result"
)

// pushers are clients that send rows and repeat each request until it is answered.
type pushers struct {
	db      atomic.Pointer[instance.Instance]
	stop    atomic.Bool
	running sync.WaitGroup

	requests, repeats, refusals atomic.Int64
}

// run sends requests of a few rows: client, number of the request, number of the
// row, of which one can't be decoded now and then.
func (p *pushers) run(t *testing.T, client int) {
	random := rand.New(rand.NewPCG(7, uint64(client)))
	for n := 0; !p.stop.Load(); n++ {
		var body []byte
		rows := 1 + random.IntN(50)
		for row := range rows {
			body = fmt.Appendf(body, `{"client": %d, "request": %d, "line": %d}`+"\n", client, n, row)
		}
		bad := int64(n % 3 / 2)
		if bad > 0 {
			body = fmt.Appendf(body, `{"client": "nobody", "request": %d}`+"\n", n)
		}
		p.send(t, fmt.Sprintf("%d-%d", client, n), body, int64(rows), bad)
	}
}

func (p *pushers) send(t *testing.T, key string, body []byte, rows, bad int64) {
	for {
		done, err := p.db.Load().Push(t.Context(), "events", "application/x-ndjson", key, body)
		switch {
		case err != nil: // it was killed: nobody knows what became of the rows
			time.Sleep(5 * time.Millisecond)
			continue
		case done.Status != http.StatusOK:
			if done.Status != http.StatusTooManyRequests && done.Status != http.StatusServiceUnavailable {
				t.Errorf("%s: status %d: %v", key, done.Status, done.Error)
				return
			}
			p.refusals.Add(1)
			time.Sleep(5 * time.Millisecond)
			continue
		case done.Accepted != rows || done.Rejected != bad:
			t.Errorf("%s: %+v, sent were %d and %d", key, done, rows, bad)
		}
		p.requests.Add(1)
		if done.Repeated {
			p.repeats.Add(1)
		}
		return
	}
}

// TestPush kills the database while clients push rows and repeat what was not
// answered. Everything that was answered must be there, once.
func TestPush(t *testing.T) {
	o := options(t)
	p := new(pushers)
	db := start(t, o)
	mustExec(t, db, "CREATE SOURCE events (client INTEGER, request INTEGER, line INTEGER) WITH (connector = 'push')",
		"CREATE MATERIALIZED VIEW per_request AS SELECT client, request, count(*) AS n, count(DISTINCT line) AS lines, max(line) AS last FROM events GROUP BY client, request")
	p.db.Store(db)
	for client := range 8 {
		p.running.Go(func() { p.run(t, client) })
	}
	for range *cycles {
		time.Sleep(time.Duration(rand.IntN(600)) * time.Millisecond)
		db.Kill()
		db = start(t, o)
		p.db.Store(db)
	}
	time.Sleep(200 * time.Millisecond)
	p.stop.Store(true)
	p.running.Wait()
	db.Kill() // what was answered must not depend on an orderly end
	db = start(t, o)
	for what, sql := range map[string]string{
		"rows of a request are missing or doubled":       "SELECT count(*) FROM per_request WHERE n <> lines OR n <> last + 1",
		"the view has other rows than the source":        "SELECT (SELECT sum(n) FROM per_request) - (SELECT count(*) FROM events)",
		"offsets are missing or doubled":                 `SELECT max(o) + 1 - count(*) + count(*) - count(DISTINCT o) FROM (SELECT _offset AS o FROM events UNION ALL SELECT _offset FROM "events$rejected")`,
		"a client's requests have gaps":                  "SELECT count(*) FROM (SELECT client FROM per_request GROUP BY client HAVING max(request) + 1 <> count(*))",
		"rejected records are missing or doubled":        `SELECT (SELECT count(*) FROM per_request WHERE request % 3 = 2) - (SELECT count(*) FROM "events$rejected")`,
		"a request was taken twice or was not taken all": fmt.Sprintf("SELECT count(*) - %d FROM per_request", p.requests.Load()),
	} {
		if n := number(t, db, sql); n != 0 {
			t.Errorf("%s: %d", what, n)
		}
	}
	result.Report(t, "push", "%d kills, %d requests, %d of them answered when they were repeated, %d refused for a while, %d rows", *cycles+1,
		p.requests.Load(), p.repeats.Load(), p.refusals.Load(), number(t, db, "SELECT count(*) FROM events"))
}
