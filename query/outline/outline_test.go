package outline

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/stat"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/engine/window"
)

// sources knows one source, orders.
func sources(name string) *catalog.SourceDefinition {
	if name != "orders" {
		return nil
	}
	return &catalog.SourceDefinition{Name: "orders", EventTime: "ts", DelayMicros: 5e6}
}

func TestViewsWithoutAggregation(t *testing.T) {
	def := &view.Definition{
		Name: "v", Source: "orders", Where: 1, Select: []int{0}, Columns: []batch.Column{{Name: "id"}}, Retention: time.Hour,
		Exprs: []view.Expr{{SQL: `"id"`, Column: 0}, {SQL: "amount > 100", Column: -1, Conjuncts: []view.Comparison{{}}}},
	}
	union := *def
	union.Union = []view.Definition{{Name: "v", Source: "w", Where: -1, Select: []int{0}, Exprs: []view.Expr{{SQL: "abs(id)", Column: -1}}}}
	f := &Figures{View: stat.View{Work: stat.Work{Rows: 2e6, Compute: time.Second, Join: time.Second}}, Out: 7}
	for _, c := range []struct {
		def  *view.Definition
		f    *Figures
		want string
	}{
		{def, nil, `
Rows of v: as they are made, in memory and then in history for 1h0m0s
  Output: id
  ->  Filter: amount > 100
        native: it compares columns with literals
        ->  Expressions: native
              Native: "id" (columns as they are)
              ->  Source orders
                    Watermark: ts - 5s`},
		{&union, f, `
Rows of v: as they are made, in memory and then in history for 1h0m0s  (rows out 7)
  Output: id
  ->  Union all  (rows in 2000000, 1s per million rows)
        ->  Filter: amount > 100
              native: it compares columns with literals
              ->  Expressions: native
                    Native: "id" (columns as they are)
                    ->  Source orders
                          Watermark: ts - 5s
        ->  Expressions: one DuckDB statement for each batch
              DuckDB: abs(id) (more than a column or comparisons with literals)
              ->  View w`},
	} {
		if diff := cmp.Diff(strings.TrimPrefix(c.want, "\n"), strings.Join(View(c.def, sources, c.f), "\n")); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}

func TestWindows(t *testing.T) {
	for want, s := range map[string]window.Spec{
		"tumbling, 1m0s":                    {WidthMicros: 60e6},
		"tumbling, 1 days in Europe/Berlin": {Days: 1, Zone: "Europe/Berlin"},
		"hopping, 6 months every 2 months, in panes of 2 months that windows share": {Kind: window.Hop, Months: 2, SizePanes: 3, SlidePanes: 1},
		"cumulating, up to 1h0m0s, in panes of 15m0s that windows share":            {Kind: window.Cumulate, WidthMicros: 900e6, SizePanes: 4},
		"session, gap 30m0s": {Kind: window.Session, GapMicros: 1800e6},
	} {
		if got := windowText(&s); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAggregates(t *testing.T) {
	def := &view.Definition{Exprs: []view.Expr{{SQL: `"id"`, Column: 0}, {SQL: "x LIKE 'a%'", Column: -1}}}
	for want, a := range map[string]view.Aggregate{
		"count(*)":             {Func: aggregate.CountStar, Filter: -1},
		`count(DISTINCT "id")`: {Func: aggregate.Count, Args: []int{0}, Distinct: true, Filter: -1},
		`sum("id") FILTER (WHERE x LIKE 'a%'), DuckDB`: {Func: aggregate.Sum, Args: []int{0}, Filter: 1},
		"aggregate 250": {Func: aggregate.Function(250), Filter: -1},
	} {
		if got := aggregateText(def, &a); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
