package engine

import (
	"fmt"
	"math"
	"testing"

	"github.com/millstream-db/millstream/engine/view"
)

// TestNarrowedReadKeepsItsEpoch: what a read is narrowed to stays as it was while
// the writer goes on, whether it was copied or is read in place.
func TestNarrowedReadKeepsItsEpoch(t *testing.T) {
	e := newOrders(t, "")
	defer closeClean(t, e)
	if err := e.CreateView(ctx, totalsDefinition()); err != nil {
		t.Fatal(err)
	}
	appendOrders(t, e, 0, 9000)
	for name, c := range map[string]struct {
		top  *view.TopNeed
		held bool // it needs the epoch's memory
	}{
		"copied":   {&view.TopNeed{Column: 2, Desc: true, Rows: 5}, false}, // by ids
		"in place": {&view.TopNeed{Column: 1, Desc: true, Rows: 5}, true},  // by n, which is 3 everywhere
	} {
		r, err := e.BeginRead(ctx)
		if err != nil {
			t.Fatal(err)
		}
		pin := r.snapshot.pin
		r.Narrow(map[string]*view.Needs{"totals": {Low: math.MinInt64, High: math.MaxInt64, Top: c.top}}, true)
		if held := r.snapshot.pin == pin; held != c.held {
			t.Errorf("%s: the epoch is held: %t", name, held)
		}
		const sql = "SELECT concat_ws(' ', count(*), min(n), max(n), sum(ids), min(country), max(country)) FROM totals"
		ask := func() (answer string) {
			t.Helper()
			rows, err := r.Conn().Query(ctx, sql)
			if err == nil {
				defer rows.Close()
				if _, err = rows.Next(); err == nil {
					err = rows.Scan(&answer)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			return answer
		}
		before := ask()
		for range 20 {
			appendOrders(t, e, int(e.stats.records.Load()), 3000)
		}
		if after := ask(); after != before {
			t.Errorf("%s: %s was %s", name, after, before)
		}
		r.Widen()
		r.Close()
		if name == "copied" && before[:2] != "5 " {
			t.Errorf("of the first 5, %s are read", before)
		}
		check(t, e, "SELECT min(n) = max(n) AND count(*) = 3000 FROM totals", fmt.Sprint([]bool{true}))
	}
}
