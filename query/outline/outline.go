// Package outline draws the stages of a materialized view as lines of text, the
// last stage first: what EXPLAIN shows.
package outline

import (
	"fmt"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/stat"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/engine/window"
)

// Figures is what EXPLAIN ANALYZE knows of a view.
type Figures struct {
	stat.View
	Out int64 // the rows that a reader sees
}

// list returns figures if there are any.
func (f *Figures) list(figures func() []string) []string {
	if f == nil {
		return nil
	}
	return figures()
}

// perMillion is a stage's time for a million rows.
func (f *Figures) perMillion(d time.Duration) string {
	if f.Rows == 0 {
		return "no rows yet"
	}
	return (d * 1_000_000 / time.Duration(f.Rows)).Round(time.Millisecond).String() + " per million rows"
}

// drawing collects the lines of a view's stages, the last stage first.
type drawing struct {
	lines  []string
	indent string
}

// stage begins a stage, which reads from what comes below it.
func (d *drawing) stage(text string, figures ...string) {
	arrow := ""
	if len(d.lines) > 0 {
		d.indent += "  "
		arrow = "->  "
	}
	line := d.indent + arrow + text
	if len(figures) > 0 {
		line += "  (" + strings.Join(figures, ", ") + ")"
	}
	d.lines = append(d.lines, line)
	if arrow != "" {
		d.indent += "    "
	}
}

func (d *drawing) detail(format string, args ...any) {
	d.lines = append(d.lines, d.indent+"  "+fmt.Sprintf(format, args...))
}

// Sources finds the source of a name, or nil for a view.
type Sources func(name string) *catalog.SourceDefinition

// View draws a view's stages. f may be nil; else its figures stand beside them.
func View(def *view.Definition, sources Sources, f *Figures) []string {
	d := &drawing{}
	if def.AppendOnly() {
		d.stage("Rows of "+def.Name+": as they are made, in memory and then in history"+retained(def.Retention),
			f.list(func() []string { return []string{fmt.Sprintf("rows out %d", f.Out)} })...)
		d.detail("Output: %s", columnNames(def.Columns))
		if len(def.Union) > 0 {
			d.union(def, sources, f)
			return d.lines
		}
		d.input(def, sources, f)
		return d.lines
	}
	d.stage("Result of "+def.Name+": DuckDB, when the view is read", f.list(func() []string { return []string{fmt.Sprintf("rows out %d", f.Out)} })...)
	d.detail("Output: %s", columnNames(def.Columns))
	d.detail("SQL: %s", strings.Join(strings.Fields(def.Result), " "))
	if def.Window != nil {
		d.detail("Closed windows: in history%s", retained(def.Retention))
	}
	d.aggregate(def, f)
	d.input(def, sources, f)
	return d.lines
}

// union draws the branches of a UNION ALL. Their figures are those of all.
func (d *drawing) union(def *view.Definition, sources Sources, f *Figures) {
	d.stage("Union all", f.list(func() []string { return []string{fmt.Sprintf("rows in %d", f.Rows), f.perMillion(f.Compute + f.Join)} })...)
	indent := d.indent
	d.input(def, sources, nil)
	for i := range def.Union {
		d.indent = indent
		d.input(&def.Union[i], sources, nil)
	}
}

// aggregate draws the groups and their windows.
func (d *drawing) aggregate(def *view.Definition, f *Figures) {
	d.stage("Aggregate: native, incremental", f.list(func() []string {
		return []string{fmt.Sprintf("groups %d", f.Groups), fmt.Sprintf("state %d bytes", f.Bytes), f.perMillion(f.Fold)}
	})...)
	for i, k := range def.Keys {
		d.detail("Key k%d: %s", i, def.Exprs[k.Expr].SQL)
	}
	if def.GroupingSets != nil {
		d.detail("Grouping sets: %v of the keys", def.GroupingSets)
	}
	for i, a := range def.Aggregates {
		d.detail("%d: %s", i, aggregateText(def, &a))
	}
	if t := def.TTL; t != nil {
		d.stage("TTL: groups end "+micros(t.Micros)+" after their last row, by "+def.Exprs[t.Expr].SQL+", native",
			f.list(func() []string { return []string{fmt.Sprintf("late %d", f.Late)} })...)
	}
	w := def.Window
	if w == nil {
		return
	}
	d.stage("Window: "+windowText(&w.Spec)+", on "+def.Exprs[w.Expr].SQL+", native", f.list(func() []string {
		return []string{fmt.Sprintf("open windows %d", f.Windows), fmt.Sprintf("late %d", f.Late)}
	})...)
	if w.LatenessMicros > 0 {
		d.detail("Allowed lateness: %s", micros(w.LatenessMicros))
	}
	if w.Final {
		d.detail("Shown: once the window is closed")
	}
}

// input draws what comes before the aggregation: filter, stage one, joins and
// the source.
func (d *drawing) input(def *view.Definition, sources Sources, f *Figures) {
	d.expressions(def, f)
	for i := len(def.Joins) - 1; i >= 0; i-- {
		d.join(&def.Joins[i], i == 0, f)
	}
	source := sources(def.Source)
	kind := "View "
	if source != nil {
		kind = "Source "
	}
	d.stage(kind+def.Source, f.list(func() []string { return []string{fmt.Sprintf("rows in %d", f.Rows)} })...)
	if source != nil && source.EventTime != "" {
		d.detail("Watermark: %s - %s", source.EventTime, micros(source.DelayMicros))
	}
}

// expressions draws the filter and stage one: what is computed in DuckDB
// and why.
func (d *drawing) expressions(def *view.Definition, f *Figures) {
	if def.Where >= 0 {
		e := &def.Exprs[def.Where]
		d.stage("Filter: " + e.SQL)
		d.detail("%s", how(e))
	}
	native, computed := []string{}, []string{}
	for i := range def.Exprs {
		e := &def.Exprs[i]
		if e.Native() {
			if e.Column >= 0 {
				native = append(native, e.SQL)
			}
		} else {
			computed = append(computed, e.SQL)
		}
	}
	where := "native"
	if len(computed) > 0 {
		where = "one DuckDB statement for each batch"
	}
	d.stage("Expressions: "+where, f.list(func() []string {
		return []string{fmt.Sprintf("errors %d", f.Errors), f.perMillion(f.Compute)}
	})...)
	if len(native) > 0 {
		d.detail("Native: %s (columns as they are)", strings.Join(native, ", "))
	}
	for _, sql := range computed {
		d.detail("DuckDB: %s (more than a column or comparisons with literals)", sql)
	}
}

// how says where a condition is evaluated, and why.
func how(e *view.Expr) string {
	switch {
	case e.Conjuncts != nil:
		return "native: it compares columns with literals"
	case e.Column >= 0:
		return "native: it is a column"
	}
	return "DuckDB: it is more than comparisons of columns with literals, joined by AND"
}

func (d *drawing) join(j *view.Join, first bool, f *Figures) {
	kind := "Join"
	if j.Left {
		kind = "Left join"
	}
	var text []string
	if first { // the time of all joins is measured together
		text = f.list(func() []string {
			return []string{fmt.Sprintf("rows out of the joins %d", f.Joined), f.perMillion(f.Join)}
		})
	}
	d.stage(kind+" with table "+j.Table+": native, over a copy in memory", text...)
	for i := range j.Keys {
		at := "native"
		if !j.Keys[i].Row.Native() {
			at = "DuckDB"
		}
		d.detail("On: %s = %s (%s)", j.Keys[i].Row.SQL, j.Keys[i].Table, at)
	}
	if j.Where != "" {
		d.detail("Rows of %s where: %s", j.Table, j.Where)
	}
}

func aggregateText(def *view.Definition, a *view.Aggregate) string {
	text := a.Func.String()
	if len(a.Args) > 0 {
		args := make([]string, len(a.Args))
		for i, arg := range a.Args {
			args[i] = def.Exprs[arg].SQL
		}
		distinct := ""
		if a.Distinct {
			distinct = "DISTINCT "
		}
		text += "(" + distinct + strings.Join(args, ", ") + ")"
	}
	if a.Filter >= 0 {
		e := &def.Exprs[a.Filter]
		text += " FILTER (WHERE " + e.SQL + "), " + strings.SplitN(how(e), ":", 2)[0]
	}
	return text
}

func windowText(s *window.Spec) string {
	panes := func(n int64) string {
		switch {
		case s.Months > 0:
			return fmt.Sprintf("%d months", n*int64(s.Months))
		case s.Days > 0:
			return fmt.Sprintf("%d days", n*int64(s.Days))
		}
		return micros(n * s.WidthMicros)
	}
	zone := ""
	if s.Zone != "" {
		zone = " in " + s.Zone
	}
	switch s.Kind {
	case window.Hop:
		return fmt.Sprintf("hopping, %s every %s%s, in panes of %s that windows share", panes(s.SizePanes), panes(s.SlidePanes), zone, panes(1))
	case window.Cumulate:
		return fmt.Sprintf("cumulating, up to %s%s, in panes of %s that windows share", panes(s.SizePanes), zone, panes(1))
	case window.Session:
		return fmt.Sprintf("session, gap %s", micros(s.GapMicros))
	}
	return fmt.Sprintf("tumbling, %s%s", panes(1), zone)
}

func micros(n int64) string { return (time.Duration(n) * time.Microsecond).String() }

func retained(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return " for " + d.String()
}

func columnNames(columns []batch.Column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}
