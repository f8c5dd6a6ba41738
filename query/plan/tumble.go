package plan

import (
	"context"
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

// tumble is a call of TUMBLE in FROM.
type tumble struct {
	column       string // as written
	offset       int    // of the column in the statement
	width, shift int64  // microseconds; windows start at shift + n*width since 1970-01-01 UTC
}

// tumbleNames are the parameters of TUMBLE in order, with Flink's names.
var tumbleNames = []string{"data", "timecol", "size", "offset"}

const tumbleHint = "write TUMBLE(source, time_column, INTERVAL '1 minute' [, offset])"

// readTumble reads a table function's call, which must be TUMBLE.
func (r *relation) readTumble(call node) (*tumble, error) {
	if name := strings.ToLower(call.str("function_name")); name != "tumble" {
		e := fail(codeUnsupported, r.offset, "%s is not supported in the FROM of a materialized view", strings.ToUpper(name))
		return nil, e.hint("a view reads from a source, or from TUMBLE(source, time_column, width)")
	}
	args, err := r.tumbleArguments(call)
	if err != nil {
		return nil, err
	}
	names := args[0].strings("column_names")
	if args[0].class() != "COLUMN_REF" || len(names) > 2 {
		return nil, fail(codeSyntax, args[0].location(), "the first argument of TUMBLE is the name of a source").hint(tumbleHint)
	}
	r.name = names[len(names)-1]
	if len(names) == 2 {
		r.schema = names[0]
	}
	t := &tumble{offset: args[1].location()}
	column := args[1]
	if inner := column.list("children"); column.function("descriptor") && len(inner) == 1 {
		column = inner[0]
	}
	names = column.strings("column_names")
	if column.class() != "COLUMN_REF" || len(names) != 1 {
		return nil, fail(codeSyntax, t.offset, "the second argument of TUMBLE is a column of the source").hint(tumbleHint)
	}
	t.column = names[0]
	if t.width, err = tumbleInterval(args[2], "width"); err != nil {
		return nil, err
	}
	if t.width <= 0 {
		return nil, fail(codeInvalidParameter, args[2].location(), "the width of TUMBLE must be positive")
	}
	if args[3] != nil {
		if t.shift, err = tumbleInterval(args[3], "offset"); err != nil {
			return nil, err
		}
		t.shift = floorMod(t.shift, t.width)
	}
	return t, nil
}

// tumbleArguments returns the four arguments in order; the offset may be nil.
func (r *relation) tumbleArguments(call node) ([4]node, error) {
	var args [4]node
	given := call.list("children")
	for i, arg := range given {
		at := i
		if alias := arg.str("alias"); alias != "" {
			at = len(args)
			for j, name := range tumbleNames {
				if strings.EqualFold(alias, name) {
					at = j
				}
			}
		}
		if at >= len(args) || args[at] != nil {
			return args, fail(codeSyntax, arg.location(), "TUMBLE takes a source, a time column, a width and an offset").hint(tumbleHint)
		}
		args[at] = arg
	}
	if args[0] == nil || args[1] == nil || args[2] == nil {
		return args, fail(codeSyntax, r.offset, "TUMBLE takes a source, a time column, a width and an offset").hint(tumbleHint)
	}
	return args, nil
}

func tumbleInterval(n node, what string) (int64, error) {
	v, ok := constInterval(n)
	if !ok {
		return 0, fail(codeUnsupported, n.location(), "the %s of TUMBLE must be a constant interval", what).hint(tumbleHint)
	}
	micros, ok := v.fixed()
	if !ok {
		return 0, fail(codeUnsupported, n.location(), "the %s of TUMBLE must have a fixed length, and months have none", what).
			hint("for calendar months write FROM the source itself and GROUP BY date_trunc('month', time_column)")
	}
	return micros, nil
}

func floorMod(a, b int64) int64 {
	if m := a % b; m < 0 {
		return m + b
	} else {
		return m
	}
}

// check resolves the time column against the source and returns its position.
func (t *tumble) check(source *Source) (int, error) {
	if source.EventTime == "" {
		return 0, fail(codeInvalidDefinition, t.offset, "source %q has no watermark, so its windows would never close", source.Name).
			hint("declare WATERMARK FOR %s AS %s - INTERVAL '5 seconds' in CREATE SOURCE", t.column, t.column)
	}
	i := source.index(t.column)
	if i < 0 {
		return 0, fail(codeUndefinedColumn, t.offset, "column %q does not exist", t.column).
			hint("the watermark column of %q is %q", source.Name, source.EventTime)
	}
	if !strings.EqualFold(source.EventTime, t.column) {
		return 0, fail(codeInvalidDefinition, t.offset, "TUMBLE over %q needs its watermark column %q, not %q",
			source.Name, source.EventTime, t.column).hint("declare WATERMARK FOR %s in CREATE SOURCE, or write TUMBLE(%s, %s, …)",
			t.column, source.Name, source.EventTime)
	}
	if !isTimestamp(source.Columns[i].Type) {
		return 0, fail(codeDatatypeMismatch, t.offset, "the time column of TUMBLE must be a TIMESTAMP or TIMESTAMPTZ, and %q is a %s",
			t.column, source.Columns[i].Type)
	}
	for _, name := range []string{windowStart, windowEnd} {
		if source.index(name) >= 0 {
			return 0, fail(codeAmbiguousColumn, t.offset, "source %q has a column %q, which TUMBLE would add", source.Name, name).
				hint("write FROM the source itself and GROUP BY time_bucket(width, %s)", t.column)
		}
	}
	return i, nil
}

func isTimestamp(t batch.Type) bool { return t.Kind == batch.Timestamp || t.Kind == batch.TimestampTZ }

// startSQL is the start of the window of a row as plain SQL. Adding an interval
// of microseconds keeps the column's type and knows no time zone.
func (t *tumble) startSQL() string { return t.boundSQL(0) }

func (t *tumble) endSQL() string { return t.boundSQL(t.width) }

// boundSQL is the moment so long after the start of a row's window. An infinite
// time is its own window, as in time_bucket.
func (t *tumble) boundSQL(after int64) string {
	column := quote(t.column)
	elapsed := fmt.Sprintf("epoch_us(%s)", column)
	if t.shift != 0 {
		elapsed = fmt.Sprintf("(%s - %d)", elapsed, t.shift)
	}
	bound := fmt.Sprintf("%s - to_microseconds((%s %% %d + %d) %% %d)", column, elapsed, t.width, t.width, t.width)
	if after != 0 {
		bound += fmt.Sprintf(" + to_microseconds(%d)", after)
	}
	return fmt.Sprintf("CASE WHEN isfinite(%s) THEN %s ELSE %s END", column, bound, column)
}

// boundaries returns startSQL and endSQL as syntax trees.
func (t *tumble) boundaries(ctx context.Context, b Binder) (start, end node, err error) {
	items, err := parseItems(ctx, b, "SELECT "+t.startSQL()+", "+t.endSQL())
	if err != nil {
		return nil, nil, err
	}
	return items[0], items[1], nil
}

// parseItems returns the SELECT list of a SELECT that the planner wrote itself.
func parseItems(ctx context.Context, b Binder, sql string) ([]node, error) {
	sel, err := parseOwn(ctx, b, sql)
	return sel.list("select_list"), err
}

func parseOwn(ctx context.Context, b Binder, sql string) (node, error) {
	text, err := b.Serialize(ctx, sql)
	if err != nil {
		return nil, err
	}
	doc, err := decode(text)
	if err != nil {
		return nil, err
	}
	statements := node(doc).list("statements")
	if len(statements) != 1 {
		return nil, fmt.Errorf("parse %q: %s", sql, node(doc).str("error_message"))
	}
	return withoutLocations(statements[0].child("node")), nil
}

// withoutLocations forgets the places of a tree that is not the user's text.
func withoutLocations(n node) node {
	out, _ := mapChildren(n, func(c node) (node, error) { return withoutLocations(c), nil })
	delete(out, "query_location")
	return out
}

// quote returns the identifier in double quotes.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
