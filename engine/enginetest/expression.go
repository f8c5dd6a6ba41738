package enginetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

// scalars are expressions over a column, by the family of its type. None of
// them fails on any value.
var scalars = map[string][]string{
	"integer": {
		"%s", "%s", "%s %% 3", "%s IS NULL", "coalesce(%s, 0)", "%s::VARCHAR", "CASE WHEN %[1]s > 0 THEN 'gain' WHEN %[1]s <= 0 THEN 'loss' END",
		"%s::HUGEINT + 1", "-(%s::HUGEINT)", "%s IN (0, 1, 2)",
	},
	"decimal":  {"%s", "%s", "round(%s, 0)", "%s < 0", "%s::DOUBLE", "%s::VARCHAR", "%s IS NOT NULL"},
	"float":    {"%s", "%s", "%s > 1", "isnan(%s)", "isfinite(%s)", "coalesce(%s, -1)"},
	"text":     {"%s", "%s", "upper(%s)", "lower(%s)", "length(%s)", "left(%s, 2)", "%s || '-suffix that is long'", "coalesce(%s, '?')", "md5(%s)", "reverse(%s)"},
	"blob":     {"%s", "octet_length(%s)", "md5(%s)"},
	"date":     {"%s", "extract(year FROM %s)", "%s > DATE '2000-01-01'", "%s::VARCHAR"},
	"time":     {"%s", "extract(hour FROM %s)"},
	"instant":  {"%s", "%s::DATE", "extract(month FROM %s)", "date_trunc('hour', %s)", "%s::VARCHAR"},
	"interval": {"%s::VARCHAR", "%s IS NULL", "extract(day FROM %s)"},
	"uuid":     {"%s", "%s::VARCHAR"},
	"json":     {"%s", "%s->>'$.k'", "json_type(%s)", "(%s->>'$.k') IS NULL"},
	"bool":     {"%s", "NOT %s", "coalesce(%s, false)", "%s::INTEGER"},
}

func family(t batch.Type) string {
	if integerBits[t.Kind] != 0 || t.Kind == batch.HugeInt {
		return "integer"
	}
	switch t.Kind {
	case batch.Decimal:
		return "decimal"
	case batch.Real, batch.Double:
		return "float"
	case batch.Varchar:
		return "text"
	case batch.Blob:
		return "blob"
	case batch.Date:
		return "date"
	case batch.Time:
		return "time"
	case batch.Timestamp, batch.TimestampTZ:
		return "instant"
	case batch.Interval:
		return "interval"
	case batch.UUID:
		return "uuid"
	case batch.JSON:
		return "json"
	default:
		return "bool"
	}
}

func (s *Source) column(r *rand.Rand) *Column { return &s.Columns[r.IntN(len(s.Columns))] }

// few returns the columns that have some values, but not many, and can be keys.
func (s *Source) few() (names []string) {
	for i := range s.Columns {
		if c := &s.Columns[i]; len(c.domain) > 1 && c.Type.Kind != batch.Interval {
			names = append(names, c.Name)
		}
	}
	return names
}

// scalar returns a random expression over one row.
func scalar(r *rand.Rand, s *Source) string {
	if s.of == nil && s.number == "" && chance(r, 15) {
		return pick(r, "_partition", "_offset % 10", "octet_length(_key)")
	}
	c := s.column(r)
	sql := apply(pick(r, scalars[family(c.Type)]...), c.Name)
	if c == s.eventTime() && strings.HasPrefix(sql, "date_trunc") {
		sql += "::VARCHAR" // by itself it would be a window
	}
	return sql
}

// apply writes an argument into a template: at every %[1]s, or at the one %s.
func apply(template, argument string) string { return fmt.Sprintf(template, argument) }

// condition returns a random BOOLEAN expression over one row; some need no SQL
// to be computed, others do.
func condition(r *rand.Rand, s *Source) string {
	switch r.IntN(7) {
	case 0:
		return condition(r, s) + " AND " + comparison(r, s)
	case 1:
		return "(" + comparison(r, s) + " OR " + comparison(r, s) + ")"
	case 2:
		return "NOT (" + comparison(r, s) + ")"
	default:
		return comparison(r, s)
	}
}

func comparison(r *rand.Rand, s *Source) string {
	c := s.column(r)
	switch {
	case chance(r, 6):
		return c.Name + pick(r, " IS NULL", " IS NOT NULL")
	case c.Type.Kind == batch.Boolean && chance(r, 2):
		return pick(r, c.Name, "NOT "+c.Name)
	case c.Type.Kind == batch.Varchar && chance(r, 4):
		return c.Name + pick(r, " LIKE 'twelve%'", " IN ('a', 'de', '')", " ILIKE 'd%'")
	case c.Type.Kind == batch.Interval:
		return "extract(day FROM " + c.Name + ") > 0"
	case c.Generated != "":
		return "length(" + c.Name + "::VARCHAR) > 3"
	}
	op := pick(r, "=", "<>", "<", "<=", ">", ">=")
	if family(c.Type) != "text" && family(c.Type) != "bool" {
		op = pick(r, op, "<", ">=")
	}
	low, high := s.literal(r, c), s.literal(r, c)
	switch r.IntN(6) {
	case 0:
		return fmt.Sprintf("%s BETWEEN %s AND %s", c.Name, low, high)
	case 1:
		return fmt.Sprintf("%s %s %s", low, op, c.Name)
	default:
		return fmt.Sprintf("%s %s %s", c.Name, op, low)
	}
}

// literal returns a value that records have in the column, as SQL.
func (s *Source) literal(r *rand.Rand, c *Column) string {
	if c == s.eventTime() {
		return literal(pick(r, int64(946684800000000), 1577836800000000, 1700000000123456)+s.StepMicros*r.Int64N(3000), c.Type)
	}
	if len(c.domain) > 0 {
		return literal(pick(r, c.domain...), c.Type)
	}
	return literal(randomValue(r, c.Type, c.wild), c.Type)
}

// output is one item of a SELECT list.
type output struct {
	sql    string
	judge  string // what plain DuckDB is asked for instead, "" for the same
	approx bool   // a float whose last digits may differ
}

// failing returns aggregates that fail for some rows or groups, and are NULL there.
// They share the part that fails.
func failing(r *rand.Rand, s *Source) (items []output) {
	templates := []string{"(count(*) * 50)::TINYINT + %d @ TRY_CAST(count(*) * 50 AS TINYINT) + %d"}
	if c := s.column(r); family(c.Type) == "integer" {
		templates = append(templates, "sum("+c.Name+"::TINYINT::INTEGER + %d) @ sum(TRY_CAST("+c.Name+" AS TINYINT)::INTEGER + %d)")
	}
	template := pick(r, templates...)
	for i := range 2 {
		sql, judge, _ := strings.Cut(fmt.Sprintf(template, i, i), " @ ")
		items = append(items, output{sql: sql, judge: judge})
	}
	return items
}

// aggregates are templates over a column, by the family of its type. The first
// character says whether the result is exact (=) or not (~). What plain DuckDB
// is asked for instead stands behind " @ ". A row's {place} is different for
// every row, {ts} is the event time.
var aggregates = map[string][]string{
	"integer": {"=sum(%s)", "=sum(%s)", "~avg(%s)", "=min(%s)", "=max(%s)", "=sum(%s::HUGEINT * 2)", "=max(-(%s::HUGEINT))", "~sum(%[1]s) / count(%[1]s)", "=bool_and(%s > 1)",
		"=bit_and(%s)", "=bit_or(%s)", "=bit_xor(%s)", "=bit_xor(DISTINCT %s)", "=sum(DISTINCT %s)", "~avg(DISTINCT %s)", "~var_samp(%s)", "~stddev_pop(%s)",
		"~sem(%s)", "~corr(%s %% 1000, _offset)", "~covar_samp(%s %% 1000, _offset)", "~regr_slope(_offset, %s %% 1000)", "~regr_r2(_offset, %s %% 1000)",
		"=regr_count(%s, _offset)", "~median(%s)", "=quantile_disc(%s, 0.9)", "=max(%s, 2)::VARCHAR", "~entropy(%s)", "~fsum(%s)", "~favg(%s)", "=product(1 + (%s > 0)::INTEGER)",
		"=list(%s ORDER BY %s, {place})::VARCHAR", "=list_sum(list(%s::HUGEINT))", "=histogram(%s)::VARCHAR",
		"=coalesce(abs(approx_quantile(%s, 1)::DOUBLE - max(%s)::DOUBLE) <= 1 + 0.01 * abs(max(%s)::DOUBLE), max(%s) IS NULL) @ count(*) >= 0",
		"=coalesce(abs(approx_quantile(%s, [0, 0.5])[1]::DOUBLE - min(%s)::DOUBLE) <= 1 + 0.01 * abs(min(%s)::DOUBLE), max(%s) IS NULL) @ count(*) >= 0",
		"=coalesce(approx_quantile(%s, 0.5)::DOUBLE BETWEEN min(%s)::DOUBLE - 1e-9 * abs(min(%s)::DOUBLE) AND max(%s)::DOUBLE + 1e-9 * abs(max(%s)::DOUBLE), max(%s) IS NULL) @ count(*) >= 0"},
	"decimal": {"=sum(%s)", "~avg(%s)", "=min(%s)", "=max(%s)", "=sum(%s) - 1", "=bool_or(%s < 0)",
		"=sum(DISTINCT %s)", "~avg(DISTINCT %s)", "~stddev(%s)", "~variance(DISTINCT %s)", "=quantile_disc(%s, 0.5)", "=list(DISTINCT %s ORDER BY %s)::VARCHAR"},
	"float": {"=min(%s)", "=max(%s)", "=bool_or(isnan(%s))", "=arg_max(%s, {place})",
		"=quantile_disc(%s, 0.25)", "=count(DISTINCT %s)"},
	"text": {"=min(%s)", "=max(%s)", "=sum(length(%s))", "~avg(length(%s))", "=upper(max(%s))", "=bool_and(%s = 'a')", "=coalesce(min(%s), 'none')", "=max(md5(%s))",
		"=string_agg(%s, '|' ORDER BY {place})", "=string_agg(DISTINCT %s, '' ORDER BY %s DESC)", "=list(%s ORDER BY {place} DESC)[1:3]::VARCHAR", "=min(%s, 3)::VARCHAR",
		"=histogram(%s)::VARCHAR", "=quantile_disc(%s, 0.4)", "=min_by({place}, %s || {place}::VARCHAR)"},
	"blob":     {"=min(%s)", "=max(%s)", "=sum(octet_length(%s))"},
	"date":     {"=min(%s)", "=max(%s)"},
	"time":     {"=min(%s)", "=max(%s)"},
	"instant":  {"=min(%s)", "=max(%s)", "=max(%s)::VARCHAR"},
	"interval": {"=count(DISTINCT %s::VARCHAR)", "=min(%s)", "=max(%s)"},
	"uuid":     {"=min(%s)", "=max(%s)"},
	"json":     {"=min(%s)", "=max(%s->>'$.k')"},
	"bool":     {"=bool_and(%s)", "=bool_or(%s)", "=min(%s)", "=max(%s)", "=sum(%s)", "=count_if(%s)"},
}

// anyType are templates over a column of any type.
var anyType = []string{
	"=count(*)", "=count(%s)", "=count(DISTINCT %s)", "=arg_min(%s, {place})", "=arg_max(%s, {place})", "=arg_min_null(%s, {place})",
	"=arg_max_null(%s, {place})", "=arg_min({place}, CASE WHEN %s IS NOT NULL THEN {place} END)", "=first({ts}) @ min({ts})", "=last({ts}) @ max({ts})", "=any_value({ts}) @ min({ts})",
	"=first(%s ORDER BY {place})", "=any_value(%s ORDER BY {place} DESC)", "=list(%s::VARCHAR ORDER BY {place})::VARCHAR",
	"=first({place} ORDER BY %s NULLS FIRST, {place} DESC)", "=last({place} ORDER BY %s DESC, {place})", "=any_value(%s ORDER BY %s, {place})", "=last(%s ORDER BY {place})",
	"=arg_max({place}, (%s, {place}))", "=arg_min(%s, {'a': %s, 'b': {place}})", "=arg_max_null(%s, [{place}])", "=max({'a': %s IS NULL, 'b': {place}})::VARCHAR",
	"=abs(approx_count_distinct(%s) - count(DISTINCT %s)) <= 1 + 0.04 * count(DISTINCT %s) @ count(*) >= 0",
}

// bags are templates over a column of any type whose rows are kept.
var bags = []string{
	"=list(%s::VARCHAR ORDER BY {place})::VARCHAR", "=list(%s::VARCHAR ORDER BY %s::VARCHAR)::VARCHAR", "=histogram(%s::VARCHAR)::VARCHAR",
	"=string_agg(%s::VARCHAR, '|' ORDER BY %s::VARCHAR)", "=quantile_disc(%s::VARCHAR, 0.5)",
}

// aggregate returns a random aggregate, or an expression over aggregates.
func aggregate(r *rand.Rand, s *Source, approx bool) output {
	c := s.column(r)
	if chance(r, 3) {
		c = &s.Columns[len(s.Columns)-1-r.IntN(min(3, len(s.Columns)))] // combinations on the same column
	}
	list := aggregates[family(c.Type)]
	switch r.IntN(6) {
	case 0, 1:
		list = anyType
	case 2: // which are the same in each family, and other code for each type
		list = []string{"=min(%s)", "=max(%s)"}
	}
	list = slices.DeleteFunc(slices.Clone(list), s.lacks)
	if bits := integerBits[c.Type.Kind]; bits != 0 && c.Type.Kind != batch.UBigInt {
		list = append(list, "=sum(%s / 3) @ sum(%s // 3)") // plain DuckDB's / gives a fraction
	}
	if family(c.Type) == "float" && !c.wild {
		list = append(list, "=sum(%s)", "~avg(%s)", "=sum(%s)",
			"~var_pop(CASE WHEN isfinite(%[1]s) THEN %[1]s END)", "~corr(CASE WHEN isfinite(%[1]s) THEN %[1]s END, _offset)", "~median(%s)")
	}
	if s.Focus == Bags && !chance(r, 10) {
		list = slices.DeleteFunc(slices.Clone(bags), s.lacks)
	}
	template := pick(r, list...)
	// A row that joins several of a table's has the place of all of them.
	for !approx && template[0] == '~' || s.joins.sql != "" && strings.Contains(template, "{place}") {
		template = pick(r, list...)
	}
	out := output{approx: template[0] == '~'}
	template = strings.NewReplacer("{place}", s.place(), "{ts}", s.timeName()).Replace(template)
	call, judge, other := strings.Cut(template[1:], " @ ")
	if strings.Contains(call, "%") {
		call = apply(strings.ReplaceAll(call, "%s", "%[1]s"), c.Name)
	}
	if strings.Contains(judge, "%") {
		judge = apply(strings.ReplaceAll(judge, "%s", "%[1]s"), c.Name)
	}
	if chance(r, 4) && !strings.Contains(call, ")::") && strings.HasSuffix(call, ")") && oneCall(call) {
		filter := " FILTER (WHERE " + condition(r, s) + ")"
		call, judge = call+filter, judge+filter
	}
	if out.sql = call; other {
		out.judge = judge
	}
	if strings.HasPrefix(call, "count(") && chance(r, 4) {
		out.sql = pick(r, call+" + 1", "CASE WHEN "+call+" > 3 THEN 'many' ELSE 'few' END")
	}
	return out
}

// lacks reports whether a template needs what the source does not have.
func (s *Source) lacks(template string) bool {
	return strings.Contains(template, "{place}") && s.place() == "" || strings.Contains(template, "_offset") && (s.of != nil || s.number != "") ||
		strings.Contains(template, "{ts}") && s.EventTime < 0
}

// oneCall reports whether the parenthesis that ends an expression belongs to
// the function that begins it, and that is an aggregate.
func oneCall(sql string) bool {
	name, _, _ := strings.Cut(sql, "(")
	depth := 0
	for i, c := range sql {
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 && i < len(sql)-1 {
				return false
			}
		}
	}
	return name != "upper" && name != "coalesce" && name != "list_sum" && name != "abs"
}
