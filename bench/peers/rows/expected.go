package rows

import (
	"time"

	"github.com/millstream-db/millstream/bench/workload"
)

// Window is the length of the tumbling windows.
const Window = time.Minute

// Key says what the rows are grouped by beside the window.
type Key string

// The keys.
const (
	ByPage Key = "page"
	ByUser Key = "user"
)

// Keys are all keys.
var Keys = []Key{ByPage, ByUser}

// count returns how many names there are at most, and name the i-th.
func (k Key) names() (count int, name func(i int) string) {
	if k == ByPage {
		return workload.PurchasePages, workload.PageName
	}
	return workload.PurchaseUsers, workload.UserName
}

// group is a row without its window and key. Its count is 0 where there is no row.
type group struct{ count, sum, least, greatest int64 }

func (g *group) add(cents int64) {
	if g.count == 0 {
		g.least, g.greatest = cents, cents
	}
	g.count++
	g.sum += cents
	g.least, g.greatest = min(g.least, cents), max(g.greatest, cents)
}

// Expected are the right rows by one key.
type Expected struct {
	key   Key
	first time.Time      // start of the first window
	names map[string]int // of keys
	list  []string       // the same by number
	rows  [][]group      // by window, and by key
	count int            // of the rows
}

// NewExpected returns the right rows of the first count records that begin at
// base, by each key.
func NewExpected(purchases *workload.Purchases, count int64, base time.Time) map[Key]*Expected {
	all := map[Key]*Expected{}
	for _, k := range Keys {
		n, name := k.names()
		e := &Expected{key: k, first: base.Truncate(Window), names: make(map[string]int, n), list: make([]string, n)}
		for i := range n {
			e.list[i] = name(i)
			e.names[e.list[i]] = i
		}
		all[k] = e
	}
	pages, users := all[ByPage], all[ByUser]
	for n := range count {
		p := purchases.At(n, base)
		pages.add(p.Time, p.Page, p.Cents)
		users.add(p.Time, p.User, p.Cents)
	}
	return all
}

func (e *Expected) add(t time.Time, key int, cents int64) {
	w := int(t.Sub(e.first) / Window)
	for len(e.rows) <= w {
		e.rows = append(e.rows, make([]group, len(e.list)))
	}
	g := &e.rows[w][key]
	if g.count == 0 {
		e.count++
	}
	g.add(cents)
}

// Rows returns how many rows there are.
func (e *Expected) Rows() int { return e.count }
