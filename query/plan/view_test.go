package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/engine/window"
)

// TestView runs the files of testdata. Their commands are
//
//	source name=… [eventtime=…]   a column and its type on each line
//	view                          a SELECT; its definition or its error
//	batch relation=…              a SELECT as plain DuckDB SQL
func TestView(t *testing.T) {
	b := newDuckBinder(t)
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		sources := make(map[string]*Source)
		lookup := func(schema, name string) (*Source, error) {
			if strings.HasSuffix(name, "_view") {
				return nil, ErrView
			}
			if schema != "" && schema != "public" {
				return nil, &Error{Code: "3F000", Message: fmt.Sprintf("schema %q does not exist", schema)}
			}
			return sources[strings.ToLower(name)], nil
		}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "source":
				s := parseSource(t, d)
				sources[strings.ToLower(s.Name)] = s
				return ""
			case "view":
				def, err := View(context.Background(), b, "v", d.Input, 0, lookup)
				if err != nil {
					return dumpError(t, d.Input, err)
				}
				return dumpDefinition(def)
			case "batch":
				var relation string
				d.ScanArgs(t, "relation", &relation)
				text, err := BatchSQL(context.Background(), b, d.Input, relation)
				if err != nil {
					return dumpError(t, d.Input, err)
				}
				return text
			}
			d.Fatalf(t, "unknown command %q", d.Cmd)
			return ""
		})
	})
}

func parseSource(t *testing.T, d *datadriven.TestData) *Source {
	s := &Source{}
	d.ScanArgs(t, "name", &s.Name)
	d.MaybeScanArgs(t, "eventtime", &s.EventTime)
	for line := range strings.Lines(d.Input) {
		name, typeName, _ := strings.Cut(strings.TrimSpace(line), " ")
		typ, err := batch.ParseType(typeName)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		s.Columns = append(s.Columns, batch.Column{Name: name, Type: typ})
	}
	s.Visible = len(s.Columns)
	s.Columns = append(s.Columns, batch.MetadataColumns()...)
	return s
}

// dumpError prints an error and marks its place in the statement.
func dumpError(t *testing.T, sql string, err error) string {
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: not a plan.Error: %v", sql, err)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "ERROR %s: %s\n", e.Code, e.Message)
	if e.Offset >= 0 {
		rest := sql[e.Offset:]
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			rest = rest[:end]
		}
		fmt.Fprintf(&out, "AT %d: %s\n", e.Offset, rest)
	}
	if e.Hint != "" {
		fmt.Fprintf(&out, "HINT: %s\n", e.Hint)
	}
	return out.String()
}

var functionNames = map[aggregate.Function]string{
	aggregate.CountStar: "CountStar", aggregate.Count: "Count", aggregate.Sum: "Sum", aggregate.Min: "Min", aggregate.Max: "Max",
	aggregate.BoolAnd: "BoolAnd", aggregate.BoolOr: "BoolOr", aggregate.Bag: "Bag", aggregate.Mean: "Mean", aggregate.SumKahan: "SumKahan",
	aggregate.Product: "Product", aggregate.Variance: "Variance", aggregate.Covariance: "Covariance", aggregate.BitAnd: "BitAnd",
	aggregate.BitOr: "BitOr", aggregate.BitXor: "BitXor", aggregate.ArgMin: "ArgMin", aggregate.ArgMax: "ArgMax",
	aggregate.ArgMinNull: "ArgMinNull", aggregate.ArgMaxNull: "ArgMaxNull", aggregate.First: "First", aggregate.Last: "Last", aggregate.AnyValue: "AnyValue",
	aggregate.ApproxCountDistinct: "ApproxCountDistinct", aggregate.ApproxQuantile: "ApproxQuantile",
}

var opNames = map[view.CompareOp]string{
	view.Equal: "=", view.NotEqual: "<>", view.Less: "<", view.LessOrEqual: "<=", view.Greater: ">",
	view.GreaterOrEqual: ">=", view.IsNull: "IS NULL", view.IsNotNull: "IS NOT NULL",
}

func dumpDefinition(def *view.Definition) string {
	var out strings.Builder
	for i, e := range def.Exprs {
		fmt.Fprintf(&out, "e%d %s: %s", i, e.Type, e.SQL)
		if e.Column >= 0 {
			fmt.Fprintf(&out, " [column %d]", e.Column)
		}
		for _, c := range e.Conjuncts {
			fmt.Fprintf(&out, " {%d %s", c.Column, opNames[c.Op])
			if c.Literal != nil {
				fmt.Fprintf(&out, " %T(%v)", c.Literal, c.Literal)
			}
			out.WriteString("}")
		}
		out.WriteString("\n")
	}
	if def.Where >= 0 {
		fmt.Fprintf(&out, "where e%d\n", def.Where)
	}
	if w := def.Window; w != nil {
		out.WriteString(dumpWindow(w))
	}
	for i, k := range def.Keys {
		fmt.Fprintf(&out, "k%d %s: e%d\n", i, k.Type, k.Expr)
	}
	if def.GroupingSets != nil {
		fmt.Fprintf(&out, "sets %v\n", def.GroupingSets)
	}
	for i, a := range def.Aggregates {
		first, err := def.FirstColumn(i)
		if err != nil {
			return err.Error()
		}
		if a.Func == aggregate.Bag {
			fmt.Fprintf(&out, "bag%d:", i)
		} else {
			fmt.Fprintf(&out, "a%d: %s", first, functionNames[a.Func])
		}
		if a.Distinct {
			out.WriteString(" distinct")
		}
		for _, arg := range a.Args {
			fmt.Fprintf(&out, " e%d", arg)
		}
		if a.Params != nil {
			fmt.Fprintf(&out, " %v", a.Params)
		}
		if a.Filter >= 0 {
			fmt.Fprintf(&out, " filter e%d", a.Filter)
		}
		out.WriteString("\n")
	}
	fmt.Fprintf(&out, "%s\n", def.Result)
	for _, c := range def.Columns {
		fmt.Fprintf(&out, "-> %s %s\n", c.Name, c.Type)
	}
	return out.String()
}

var kindNames = map[window.Kind]string{window.Tumble: "tumble", window.Hop: "hop", window.Cumulate: "cumulate", window.Session: "session"}

func dumpWindow(w *view.Window) string {
	out := fmt.Sprintf("window e%d %s", w.Expr, kindNames[w.Kind])
	for _, part := range []struct {
		name  string
		value int64
	}{
		{"width", w.WidthMicros}, {"days", int64(w.Days)}, {"months", int64(w.Months)}, {"origin", w.OriginMicros},
		{"size", w.SizePanes}, {"slide", w.SlidePanes}, {"gap", w.GapMicros},
	} {
		if part.value != 0 {
			out += fmt.Sprintf(" %s=%d", part.name, part.value)
		}
	}
	if w.Zone != "" {
		out += " zone=" + w.Zone
	}
	return out + "\n"
}

// TestInfiniteTimeIsItsOwnWindow holds for TUMBLE what DuckDB does in
// time_bucket.
func TestInfiniteTimeIsItsOwnWindow(t *testing.T) {
	b := newDuckBinder(t)
	for _, ts := range []string{"infinity", "-infinity"} {
		w := windowCall{column: "ts", size: 60e6, spec: window.Spec{OriginMicros: 7}}
		start, end := w.boundsSQL()
		rows := b.rows(t, "SELECT ("+start+")::VARCHAR, ("+end+")::VARCHAR FROM (SELECT '"+ts+"'::TIMESTAMP AS ts)")
		if rows[0][0] != ts || rows[0][1] != ts {
			t.Errorf("the window of %s is %v", ts, rows[0])
		}
	}
}
