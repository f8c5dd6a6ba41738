package enginetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

// cascade is what a view has to do with other views.
type cascade struct {
	branches []branch  // of a view without aggregation
	time     string    // the column by which views over the view can cut time, "" for none
	placed   string    // a column that is different for each row, "" for none
	of       *LiveView // what the view reads, nil for the source
	stream   *Source   // what views over the view read, once it is known
}

// branch is one SELECT of a view without aggregation.
type branch struct{ items, rest string }

// AppendOnly reports whether the view has no aggregation.
func (v *View) AppendOnly() bool { return v.branches != nil }

// Readable reports whether views can read the view: all rows, or those of
// windows that have closed.
func (v *View) Readable() bool {
	return v.AppendOnly() || v.window.start != "" || v.window.gap > 0
}

// Of returns the view that the view reads, nil if it reads the source.
func (v *View) Of() *LiveView { return v.of }

// Depth returns how many views lie between the view and the source.
func (v *View) Depth() int {
	if v.of == nil {
		return 0
	}
	return 1 + v.of.Depth()
}

func (s *Source) depth() int {
	if s.of == nil {
		return 0
	}
	return 1 + s.of.Depth()
}

// NewRowView returns a random view without aggregation, at times of several
// SELECTs over the same source.
func NewRowView(r *rand.Rand, s *Source, name string) *View {
	v := &View{Name: name}
	v.of, v.joins = s.of, s.joins
	branches := pick(r, 1, 1, 2, 2, 3)
	var columns []Column
	for range 2 + r.IntN(4) {
		columns = append(columns, *s.untimed(r))
	}
	if s.EventTime >= 0 && !chance(r, 5) {
		v.time = fmt.Sprint(s.prefix(), len(columns))
	}
	list := make([]string, 0, len(columns)+2)
	for i := range columns {
		sql := columns[i].Name
		if chance(r, 2) {
			sql = scalar(r, &Source{Columns: columns[i : i+1], EventTime: -1, of: s.of, number: s.number})
		}
		list = append(list, sql)
	}
	if v.time != "" {
		list = append(list, s.eventTime().Name)
	}
	if s.place() != "" {
		list = append(list, s.place())
		if s.joins.sql == "" {
			v.placed = fmt.Sprint(s.prefix(), len(list)-1)
		}
	}
	for i := range list {
		v.Columns = append(v.Columns, fmt.Sprint(s.prefix(), i))
		v.Approx = append(v.Approx, false)
	}
	var texts []string
	for b := range branches {
		items := slices.Clone(list)
		if s.place() != "" {
			items[len(items)-1] = fmt.Sprintf("%s * 4 + %d", s.place(), b)
		}
		if b > 0 { // other values of the same types, or of types that union widens
			for i, c := range columns {
				switch {
				case chance(r, 3):
					items[i] = "NULL"
				case integerBits[c.Type.Kind] != 0 && items[i] == c.Name && chance(r, 2):
					items[i] = c.Name + "::HUGEINT"
				}
			}
		}
		for i := range items {
			if b == 0 || chance(r, 2) {
				items[i] += " AS " + v.Columns[i]
			}
		}
		rest := " FROM " + s.Name + s.joins.sql
		if chance(r, 2) {
			rest += " WHERE " + condition(r, s)
		}
		v.branches = append(v.branches, branch{strings.Join(items, ", "), rest})
		texts = append(texts, "SELECT "+v.branches[b].items+rest)
	}
	v.SQL = strings.Join(texts, " UNION ALL ")
	v.Judge = v.SQL
	return v
}

// untimed returns a column that is not the event time.
func (s *Source) untimed(r *rand.Rand) *Column {
	for {
		if c := s.column(r); c != s.eventTime() {
			return c
		}
	}
}

// prefix begins the names of columns of views over the source: they are never
// those of the source.
func (s *Source) prefix() string { return strings.Repeat("o", 1+s.depth()) }

// place is an expression that is different for each row, "" if there is none.
func (s *Source) place() string {
	if s.number != "" {
		return s.number
	}
	if s.of == nil {
		return "(_offset * 100 + _partition)"
	}
	return s.of.placed
}

// Stream returns what views over a view read, as a source. Its columns have
// types that only DuckDB knows.
func (j *Judge) Stream(ctx context.Context, v *LiveView) (*Source, error) {
	if v.stream != nil {
		return v.stream, nil
	}
	if err := j.judge(ctx); err != nil {
		return nil, err
	}
	sql, err := j.statement(ctx, v, 0, "true", Conditions{})
	if err != nil {
		return nil, err
	}
	types, err := j.db.Text(ctx, "SELECT column_name, column_type FROM (DESCRIBE "+sql+")")
	if err != nil {
		return nil, err
	}
	root := j.source
	s := &Source{Name: v.Name, EventTime: -1, StepMicros: root.StepMicros, Rounded: root.Rounded, Focus: root.Focus, of: v}
	for i, name := range v.Columns {
		t, err := batch.ParseType(types[i][1])
		if err != nil || v.Approx[i] || !v.AppendOnly() && family(t) == "float" {
			continue
		}
		if name == v.time {
			s.EventTime = len(s.Columns)
		}
		s.Columns = append(s.Columns, Column{Name: name, Type: t, wild: true, nulls: 1 << 30})
	}
	v.stream = s
	return s, nil
}

// input is the relation of what a view reads at a point, under the name judged:
// its columns, arrival, batch, and the watermark in force before it as mark.
func (j *Judge) input(ctx context.Context, v *LiveView, at int) (string, error) {
	if v.of == nil {
		return "judged", nil
	}
	of := v.of
	if of.AppendOnly() {
		from, err := j.input(ctx, of, at)
		if err != nil {
			return "", err
		}
		texts := make([]string, len(of.branches))
		for i, b := range of.branches {
			sql := fmt.Sprintf("SELECT %s, batch AS batch, mark AS mark, arrival * 4 + %d AS arrival%s", b.items, i, b.rest)
			if texts[i], err = of.BatchSQL(sql, "(SELECT * FROM "+from+")", Conditions{}); err != nil {
				return "", err
			}
		}
		names := strings.Join(of.Columns, ", ")
		return fmt.Sprintf("(SELECT %s, batch, mark, row_number() OVER (ORDER BY arrival, %s) AS arrival FROM (%s) AS t(%s, batch, mark, arrival)) AS judged",
			names, names, strings.Join(texts, " UNION ALL "), names), nil
	}
	rows, err := j.closed(ctx, of, at)
	if err != nil {
		return "", err
	}
	if v.ttl > 0 {
		return j.inOrder(ctx, v, rows)
	}
	names := strings.Join(of.Columns, ", ")
	return fmt.Sprintf("(SELECT *, 0 AS batch, NULL::BIGINT AS mark, row_number() OVER (ORDER BY %s) AS arrival FROM (%s) AS t(%s)) AS judged", names, rows, names), nil
}

// mark is the watermark of what a view reads at a point, as microseconds in SQL.
func (j *Judge) mark(v *LiveView, at int) string {
	mark := j.streamMark(v, at)
	if v.window.gap > 0 && v.overClosed() { // a row that comes at the mark itself still joins a session that ends there
		return "(" + mark + " - 1)"
	}
	return mark
}

// overClosed reports whether all rows that the view reads are windows that have
// closed, or come from such.
func (v *View) overClosed() bool {
	return v.of != nil && (!v.of.AppendOnly() || v.of.overClosed())
}

func (j *Judge) streamMark(v *LiveView, at int) string {
	switch {
	case v.of == nil:
		return fmt.Sprintf("(SELECT max(after) FROM judged WHERE batch <= %d)", at)
	case v.of.AppendOnly():
		return j.streamMark(v.of, at)
	case v.of.window.gap > 0:
		return fmt.Sprintf("(%s - %d)", j.mark(v.of, at), v.of.window.lateness)
	}
	// The least start of the windows that hold the moment up to which windows
	// have closed.
	return fmt.Sprintf("(SELECT epoch_us(%s) FROM (SELECT make_timestamp%s(%s - %d) AS %s))",
		v.of.window.start, j.zone(), j.mark(v.of, at), v.of.window.lateness, v.of.window.time)
}

// closed is the rows of a view's windows that have closed by a point.
func (j *Judge) closed(ctx context.Context, v *LiveView, at int) (string, error) {
	rows, conditions, err := j.counted(ctx, v, at)
	if err != nil {
		return "", err
	}
	bound := func(end string) string {
		return fmt.Sprintf("(CASE WHEN isfinite(%[1]s) THEN %[1]s + to_microseconds(%[2]d) ELSE %[1]s END) <= make_timestamp%[3]s(%[4]s)",
			end, v.window.lateness, j.zone(), j.mark(v, at))
	}
	if v.window.all != "" || v.window.gap > 0 {
		conditions.Windows += " AND " + bound("window_end")
	} else {
		rows += " AND " + bound(v.window.end)
	}
	return j.statement(ctx, v, at, rows, conditions)
}

// statement is the view's SELECT over what satisfies conditions, one of them on
// the rows that it reads.
func (j *Judge) statement(ctx context.Context, v *LiveView, at int, rows string, c Conditions) (string, error) {
	from, err := j.input(ctx, v, at)
	if err != nil {
		return "", err
	}
	return v.BatchSQL(v.Judge, fmt.Sprintf("(SELECT * FROM %s WHERE batch <= %d AND %s)", from, at, rows), c)
}

// Folded returns how many rows a view has read by a point when it was built then.
func (j *Judge) Folded(ctx context.Context, v *LiveView, at int) (int, error) {
	times := max(1, len(v.branches))
	if v.of == nil {
		return times * j.Records(at), nil
	}
	if err := j.judge(ctx); err != nil {
		return 0, err
	}
	from, err := j.input(ctx, v, at)
	if err != nil {
		return 0, err
	}
	rows, err := j.db.Text(ctx, fmt.Sprintf("SELECT (%d * count(*))::VARCHAR FROM %s WHERE batch <= %d", times, from, at))
	if err != nil {
		return 0, err
	}
	n := 0
	_, err = fmt.Sscan(rows[0][0], &n)
	return n, err
}

// timeColumn returns the output that is the start of the view's windows, or for
// sessions their end, "" if there is none.
func (v *View) timeColumn(alias []string) string {
	bound := "window_start"
	if v.window.gap > 0 {
		bound = "window_end"
	}
	for i, key := range v.window.keys {
		if key == bound || key == v.window.start {
			return alias[i]
		}
	}
	return ""
}
