package enginetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

// View is a random materialized view.
type View struct {
	Name    string
	SQL     string   // the SELECT
	Judge   string   // the SELECT that plain DuckDB runs to know what the view must hold
	Columns []string // its output
	Approx  []bool   // by column: floats whose last digits may differ
	Fails   bool     // expressions fail for some rows or groups

	where     string // "" for none
	joins     joins
	window    window
	partition []string // the keys of sessions, or of groups with a TTL
	ttl       int64    // microseconds, 0 for none
	cascade
}

// NewView returns a random view over a source.
func NewView(r *rand.Rand, s *Source, name string) *View {
	v := &View{Name: name, window: newWindow(r, s)}
	v.of, v.joins = s.of, s.joins
	var scalars []string
	for range pick(r, 0, 1, 1, 2, 3) {
		scalars = append(scalars, scalar(r, s))
	}
	if few := s.few(); s.Focus == Bags && chance(r, 2) { // so few groups that batches bring none
		scalars = few[:min(len(few), r.IntN(2))]
	}
	if v.window.gap > 0 {
		if few := s.few(); len(scalars) > 0 && few != nil && chance(r, 2) { // sessions of many keys, which end
			scalars = []string{pick(r, few...)}
		}
		if c := &s.Columns[len(s.Columns)-1]; s.joins.sql != "" && c.Type.Kind != batch.Interval && chance(r, 2) {
			scalars = append(scalars[:min(1, len(scalars))], c.Name) // a record is in sessions of several keys
		}
		v.window.partition(r, s, scalars)
		v.partition = scalars
	}
	scalars = v.expire(r, s, scalars)
	keys := append(slices.Clone(v.window.keys), scalars...)
	a := newAfter(r, &v.window, keys)
	if v.ttl > 0 { // a row would end in one set and go on in another
		a.sets, a.grouping = "", ""
	}
	selected := make([]bool, len(keys)) // a group may be shown without its key
	all := true
	for i := range keys {
		selected[i] = !chance(r, 10)
		all = all && selected[i]
	}
	var items []output
	alias := make([]string, len(keys))
	for i, key := range keys {
		if selected[i] {
			alias[i] = fmt.Sprint(s.prefix(), len(items))
			items = append(items, output{sql: key})
		}
	}
	for range pick(r, 1, 1, 2, 3, 5) {
		items = append(items, aggregate(r, s, all))
	}
	if chance(r, 6) {
		items = append(items, failing(r, s)...)
		v.Fails = true
	}
	items = append(items, a.items(r)...)
	if all && len(v.window.keys) == 2 && chance(r, 3) {
		items = append(items, output{sql: "epoch_us(window_end) - epoch_us(window_start)"})
	}
	if all && len(keys) > 0 && chance(r, 20) { // no aggregate at all
		items, a = items[:len(keys)], after{distinct: true}
		a.rest = v.rest(r, s, items)
	} else {
		a.rest = v.rest(r, s, items) + v.groupBy(r, keys, alias, all && !a.over, a.sets)
		if chance(r, 4) {
			a.rest += " HAVING " + having(r, s)
		}
		a.rest += a.clauses()
	}
	v.time = v.timeColumn(alias)
	v.finish(r, items, &a, v.windowColumn(alias))
	return v
}

// rest is the statement between the SELECT list and GROUP BY.
func (v *View) rest(r *rand.Rand, s *Source, items []output) string {
	for i, it := range items {
		v.Columns = append(v.Columns, fmt.Sprint(s.prefix(), i))
		v.Approx = append(v.Approx, it.approx)
	}
	sql := " FROM " + v.window.from + s.joins.sql
	switch {
	case v.ttl > 0 && len(v.partition) == 0 && chance(r, 2): // or the one group never ends
		v.where = phase(r, s) + " = 1"
		sql += " WHERE " + v.where
	case chance(r, 2):
		v.where = condition(r, s)
		sql += " WHERE " + v.where
	}
	return sql
}

// groupBy writes the keys as expressions, numbers or aliases, or says ALL, or
// writes grouping sets.
func (v *View) groupBy(r *rand.Rand, keys, alias []string, all bool, sets string) string {
	if len(keys) == 0 {
		return ""
	}
	if sets != "" {
		return " GROUP BY " + sets
	}
	if all && chance(r, 4) {
		return " GROUP BY ALL"
	}
	style := r.IntN(3)
	list := make([]string, len(keys))
	number := 0
	for i, key := range keys {
		list[i] = key
		if alias[i] == "" {
			continue
		}
		number++
		switch style {
		case 1:
			list[i] = fmt.Sprint(number)
		case 2:
			list[i] = alias[i]
		}
	}
	return " GROUP BY " + strings.Join(list, ", ")
}

func having(r *rand.Rand, s *Source) string {
	c := s.column(r)
	condition := pick(r, "count(*) > 1", "count(*) % 2 = 0", fmt.Sprintf("count(%s) > 0", c.Name), fmt.Sprintf("count(DISTINCT %s::VARCHAR) < 5", c.Name))
	if family(c.Type) == "integer" && chance(r, 2) {
		condition = fmt.Sprintf("sum(%s) > 10 OR max(%s) IS NULL", c.Name, c.Name)
	}
	return condition
}

// CreateSQL returns the statement that makes the view.
func (v *View) CreateSQL() string {
	sql := "CREATE MATERIALIZED VIEW " + v.Name
	if v.ttl > 0 {
		sql += fmt.Sprintf(" WITH (ttl = '%d microseconds')", v.ttl)
	}
	sql += " AS " + v.SQL
	if v.window.lateness > 0 {
		sql += " ALLOW LATENESS " + micros(v.window.lateness)
	}
	if v.window.final {
		sql += " EMIT ON WINDOW CLOSE"
	}
	return sql
}
