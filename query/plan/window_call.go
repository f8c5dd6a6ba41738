package plan

import (
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/window"
	"github.com/millstream-db/millstream/query/plan/ast"
	"github.com/millstream-db/millstream/query/plan/interval"
	"github.com/millstream-db/millstream/query/plan/token"
)

// windowCall is a call of a window table function in FROM.
type windowCall struct {
	name   string // TUMBLE, HOP, CUMULATE or SESSION
	offset int    // of the call in the statement
	column string // as written
	at     int    // of the column in the statement
	spec   window.Spec

	// How the windows of a row are computed in SQL: their size, and how far the
	// windows of a row are apart, in units of the clock or of a calendar.
	unit        calendarUnit
	size, slide int64
	local       interval.Interval // of a calendar with a zone: from midnight to the windows' start

	keys []ast.Node // whose sessions they are, as written
}

// parameters are the parameters of a window function in order, with Flink's
// names. Those from named on are never given by position.
type parameters struct {
	names []string
	named int
	usage string
}

var windowParameters = map[string]parameters{
	"TUMBLE":   {[]string{"data", "timecol", "size", "offset", "time_zone"}, 4, "TUMBLE(source, time_column, INTERVAL '1 minute' [, offset] [, time_zone => 'Europe/Berlin'])"},
	"HOP":      {[]string{"data", "timecol", "slide", "size", "offset", "time_zone"}, 5, "HOP(source, time_column, INTERVAL '1 minute', INTERVAL '5 minutes' [, offset] [, time_zone => 'Europe/Berlin']): the slide stands before the size"},
	"CUMULATE": {[]string{"data", "timecol", "step", "size", "offset", "time_zone"}, 5, "CUMULATE(source, time_column, INTERVAL '1 hour', INTERVAL '1 day' [, offset] [, time_zone => 'Europe/Berlin']): the step stands before the size"},
	"SESSION":  {[]string{"data", "timecol", "gap", "partition_by"}, 3, "SESSION(TABLE source PARTITION BY key, DESCRIPTOR(time_column), INTERVAL '30 minutes') or SESSION(source, time_column, INTERVAL '30 minutes' [, partition_by => key])"},
}

var windowKinds = map[string]window.Kind{
	"TUMBLE": window.Tumble, "HOP": window.Hop, "CUMULATE": window.Cumulate, "SESSION": window.Session,
}

// readWindowCall reads a table function's call, which must be one of a window
// function's, and the name of the source in it.
func (s *statement) readWindowCall(r *relation, call ast.Node) error {
	name := strings.ToUpper(call.Str("function_name"))
	params, ok := windowParameters[name]
	if !ok {
		return fail(codeUnsupported, r.offset, "%s is not supported in the FROM of a materialized view", name).
			hint("a view reads from a source, or from TUMBLE, HOP, CUMULATE or SESSION over one")
	}
	c := &windowCall{name: name, offset: r.offset, spec: window.Spec{Kind: windowKinds[name]}}
	args, err := c.arguments(call, params)
	if err != nil {
		return err
	}
	names := args["data"].Strings("column_names")
	if args["data"].Class() != "COLUMN_REF" || len(names) > 2 {
		return fail(codeSyntax, args["data"].Location(), "the first argument of %s is the name of a source", name).hint("write %s", params.usage)
	}
	r.name = names[len(names)-1]
	if len(names) == 2 {
		r.schema = names[0]
	}
	column := args["timecol"]
	c.at = column.Location()
	if inner := column.List("children"); column.IsCall("descriptor") && len(inner) == 1 {
		column = inner[0]
	}
	names = column.Strings("column_names")
	if column.Class() != "COLUMN_REF" || len(names) != 1 {
		return fail(codeSyntax, c.at, "the second argument of %s is a column of the source", name).hint("write %s", params.usage)
	}
	c.column = names[0]
	r.window = c
	return c.readSpec(&windowArguments{s: s, call: c, nodes: args})
}

// arguments returns the arguments by the names of their parameters.
func (c *windowCall) arguments(call ast.Node, params parameters) (map[string]ast.Node, error) {
	args := make(map[string]ast.Node)
	wrong := func(n ast.Node) error {
		at := c.offset
		if n != nil {
			at = n.Location()
		}
		takes := map[string]string{
			"TUMBLE": "a source, a time column, a size, an offset and a time zone", "HOP": "a source, a time column, a slide, a size, an offset and a time zone",
			"CUMULATE": "a source, a time column, a step, a size, an offset and a time zone", "SESSION": "a source, a time column, a gap and the keys of the sessions",
		}
		return fail(codeSyntax, at, "%s takes %s", c.name, takes[c.name]).hint("write %s", params.usage)
	}
	position := 0
	for _, arg := range c.positional(call) {
		name := strings.ToLower(arg.Str("alias"))
		switch {
		case name == "":
			if position == params.named {
				return nil, wrong(arg)
			}
			name = params.names[position]
			position++
		case name == token.PartitionParameter || name == "keys":
			name = "partition_by"
		}
		if name == "partition_by" && c.spec.Kind != window.Session {
			return nil, fail(codeSyntax, arg.Location(), "only SESSION has PARTITION BY: the windows of %s are the same for all rows", c.name).
				hint("write GROUP BY window_start, window_end and the keys")
		}
		known := false
		for _, p := range params.names {
			known = known || p == name
		}
		if !known || args[name] != nil {
			return nil, wrong(arg)
		}
		args[name] = arg
	}
	for _, p := range params.names[:params.named] {
		if args[p] == nil && p != "offset" {
			return nil, wrong(nil)
		}
	}
	return args, nil
}

// positional returns the arguments of a call. In TABLE s PARTITION BY a, b,
// DESCRIPTOR(ts) it adds the keys after the first to the first.
func (c *windowCall) positional(call ast.Node) []ast.Node {
	var out []ast.Node
	partition, open := -1, false
	for _, arg := range call.List("children") {
		if strings.EqualFold(arg.Str("alias"), token.PartitionParameter) {
			partition, open = len(out), hasDescriptor(call)
		} else if open && arg.Str("alias") == "" && arg.Class() == "COLUMN_REF" {
			keys, _ := out[partition]["children"].([]any)
			if !out[partition].IsCall("row") {
				keys = []any{out[partition]}
			}
			out[partition] = ast.Node{
				"class": "FUNCTION", "type": "FUNCTION", "function_name": "row", "alias": token.PartitionParameter, "children": append(append([]any{}, keys...), arg),
			}
			continue
		} else if arg.IsCall("descriptor") {
			open = false
		}
		out = append(out, arg)
	}
	return out
}

func hasDescriptor(call ast.Node) bool {
	for _, arg := range call.List("children") {
		if arg.IsCall("descriptor") {
			return true
		}
	}
	return false
}

// check resolves the time column against the source.
func (c *windowCall) check(source *Source) error {
	if source.EventTime == "" {
		return fail(codeInvalidDefinition, c.at, "source %q has no watermark, so its windows would never close", source.Name).
			hint("declare WATERMARK FOR %s AS %s - INTERVAL '5 seconds' in CREATE SOURCE", c.column, c.column)
	}
	i := source.index(c.column)
	if i < 0 {
		return fail(codeUndefinedColumn, c.at, "column %q does not exist", c.column).
			hint("the watermark column of %q is %q", source.Name, source.EventTime)
	}
	if !strings.EqualFold(source.EventTime, c.column) {
		return fail(codeInvalidDefinition, c.at, "%s over %q needs its watermark column %q, not %q",
			c.name, source.Name, source.EventTime, c.column).hint("declare WATERMARK FOR %s in CREATE SOURCE, or write %s(%s, %s, …)",
			c.column, c.name, source.Name, source.EventTime)
	}
	t := source.Columns[i].Type
	if !isTimestamp(t) {
		return fail(codeDatatypeMismatch, c.at, "the time column of %s must be a TIMESTAMP or TIMESTAMPTZ, and %q is a %s", c.name, c.column, t)
	}
	if c.spec.Zone != "" && t.Kind != batch.TimestampTZ {
		return fail(codeDatatypeMismatch, c.at, "a time zone needs a TIMESTAMPTZ, and %q is a %s, which has no zone", c.column, t).
			hint("declare %s TIMESTAMPTZ in CREATE SOURCE, or leave time_zone out", c.column)
	}
	for _, name := range []string{ast.WindowStart, ast.WindowEnd} {
		if source.index(name) >= 0 {
			return fail(codeAmbiguousColumn, c.at, "source %q has a column %q, which %s would add", source.Name, name, c.name).
				hint("write FROM the source itself and GROUP BY time_bucket(width, %s)", c.column)
		}
	}
	return nil
}

func isTimestamp(t batch.Type) bool { return t.Kind == batch.Timestamp || t.Kind == batch.TimestampTZ }
