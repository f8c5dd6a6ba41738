package query

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/engine/window"
	"github.com/millstream-db/millstream/query/parser"
)

// prepareExplainView answers EXPLAIN of a view with a drawing of its stages.
func (s *Session) prepareExplainView(st *Statement, t *parser.ExplainView) error {
	return s.textStatement(st, []string{"QUERY PLAN"}, func(ctx context.Context) ([][]string, error) {
		lines, err := s.explainView(ctx, st.SQL, t)
		rows := make([][]string, len(lines))
		for i, line := range lines {
			rows[i] = []string{line}
		}
		return rows, err
	})
}

func (s *Session) explainView(ctx context.Context, sql string, t *parser.ExplainView) ([]string, error) {
	if t.Create != nil {
		def, err := s.db.viewDefinition(ctx, t.Create, sql)
		if err != nil {
			return nil, err
		}
		return drawView(def, s.db.engine.Sources()[def.Source], nil), nil
	}
	if _, _, err := s.db.object(parser.MaterializedView, t.Name, false); err != nil {
		return nil, err
	}
	def := s.db.engine.Views()[t.Name.Name]
	if def == nil {
		return nil, missing(parser.MaterializedView, t.Name)
	}
	if !t.Analyze {
		return drawView(&def.Plan, s.db.engine.Sources()[def.Plan.Source], nil), nil
	}
	r, own, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	if own {
		defer r.Close()
	}
	stats, ok := r.View(t.Name.Name)
	if !ok {
		return nil, missing(parser.MaterializedView, t.Name)
	}
	figures := &viewFigures{ViewStats: stats}
	if figures.out, err = countRows(ctx, r, t.Name.Name); err != nil {
		return nil, err
	}
	return drawView(&def.Plan, s.db.engine.Sources()[def.Plan.Source], figures), nil
}

func countRows(ctx context.Context, r *engine.Read, name string) (n int64, err error) {
	rows, err := r.Conn().Query(ctx, "SELECT count(*) FROM live.public."+history.Quote(name))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if ok, err := rows.Next(); err != nil || !ok {
		return 0, err
	}
	return n, rows.Scan(&n)
}

// viewFigures is what EXPLAIN ANALYZE knows of a view.
type viewFigures struct {
	engine.ViewStats
	out int64 // the rows that a reader sees
}

// perMillion is a stage's time for a million rows.
func (f *viewFigures) perMillion(d time.Duration) string {
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

// drawView draws a view's stages; figures may be nil.
func drawView(def *view.Definition, source *engine.SourceDefinition, f *viewFigures) []string {
	d := &drawing{}
	figures := func(text func() []string) []string {
		if f == nil {
			return nil
		}
		return text()
	}
	d.stage("Result of "+def.Name+": DuckDB, when the view is read", figures(func() []string { return []string{fmt.Sprintf("rows out %d", f.out)} })...)
	d.detail("Output: %s", columnNames(def.Columns))
	d.detail("SQL: %s", oneLine(def.Result))
	if def.Window != nil {
		d.detail("Closed windows: in history%s", retained(def.Retention))
	}
	d.stage("Aggregate: native, incremental", figures(func() []string {
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
	if w := def.Window; w != nil {
		d.stage("Window: "+windowText(&w.Spec)+", on "+def.Exprs[w.Expr].SQL+", native", figures(func() []string {
			return []string{fmt.Sprintf("open windows %d", f.Windows), fmt.Sprintf("late %d", f.Late)}
		})...)
		if w.LatenessMicros > 0 {
			d.detail("Allowed lateness: %s", micros(w.LatenessMicros))
		}
		if w.Final {
			d.detail("Shown: once the window is closed")
		}
	}
	drawExpressions(d, def, f, figures)
	for i := len(def.Joins) - 1; i >= 0; i-- {
		drawJoin(d, &def.Joins[i], i == 0, f, figures)
	}
	d.stage("Source "+def.Source, figures(func() []string { return []string{fmt.Sprintf("rows in %d", f.Rows)} })...)
	if source != nil && source.EventTime != "" {
		d.detail("Watermark: %s - %s", source.EventTime, micros(source.DelayMicros))
	}
	return d.lines
}

// drawExpressions draws the filter and stage one: what is computed in DuckDB
// and why.
func drawExpressions(d *drawing, def *view.Definition, f *viewFigures, figures func(func() []string) []string) {
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
	d.stage("Expressions: "+where, figures(func() []string {
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

func drawJoin(d *drawing, j *view.Join, first bool, f *viewFigures, figures func(func() []string) []string) {
	kind := "Join"
	if j.Left {
		kind = "Left join"
	}
	var text []string
	if first { // the time of all joins is measured together
		text = figures(func() []string {
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

func oneLine(sql string) string { return strings.Join(strings.Fields(sql), " ") }
