package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
)

// distinctness is what DISTINCT does to an aggregate.
type distinctness uint8

const (
	distinctSet  distinctness = iota // a set stands before the accumulators, if there is one argument
	distinctNone                     // nothing: a value that comes twice changes nothing
)

// kept says how the engine keeps an aggregate function. Without funcs its
// arguments are kept in a bag, and DuckDB computes the function.
type kept struct {
	funcs    []aggregate.Function // whose state columns are $0, $1, … in value
	value    string               // the result, as SQL
	distinct distinctness
	ordered  bool   // ORDER BY inside the call changes the result
	arrival  bool   // so does the order of arrival
	event    bool   // the event time is the last argument
	squares  bool   // DuckDB raises an error where the squares of the arguments are not finite
	empty    string // of no rows, in a bag; "" for NULL
	// accept, when not nil, says whether the accumulators take the arguments'
	// types. Others go into a bag.
	accept func(args []batch.Type) bool
}

// own is a function that accumulators keep.
func own(value string, funcs ...aggregate.Function) kept { return kept{funcs: funcs, value: value} }

// finite is DuckDB's result where it must be finite: DuckDB raises an error
// where it isn't, and a view has NULL in place of an error.
func finite(x string) string { return fmt.Sprintf("CASE WHEN isfinite(%[1]s) THEN %[1]s END", x) }

// spread is a function of the columns of Variance.
func spread(least int, one, value string) kept {
	sql := fmt.Sprintf("CASE WHEN $0 > %d THEN %s", least, finite(value))
	if one != "" {
		sql += " WHEN $0 = 1 THEN " + one + "::DOUBLE"
	}
	return squared(numbers(own(sql+" END", aggregate.Variance)))
}

// line is a function of the columns of Covariance: $0 pairs, $1 and $2 the means
// of x and y, $3 the sum of the products of their distances, $4 and $5 the sums
// of their squares for x and y.
func line(sql string) kept { return squared(numbers(own(sql, aggregate.Covariance))) }

func squared(k kept) kept { k.squares = true; return k }

// numbers is for functions whose arguments are all numbers.
func numbers(k kept) kept {
	k.accept = func(args []batch.Type) bool {
		return !slices.ContainsFunc(args, func(t batch.Type) bool { return !isNumber(t) })
	}
	return k
}

// arg is an arg_min or arg_max: the value of the row whose key is outermost.
func arg(f aggregate.Function) kept {
	k := own("$0", f)
	k.distinct, k.ordered, k.arrival, k.accept = distinctNone, true, true, comparableKey
	return k
}

func comparableKey(args []batch.Type) bool { return len(args) == 2 && args[1].Kind != batch.Interval }

// picked is first, last or any_value.
func picked(f aggregate.Function) kept {
	k := arg(f)
	k.event, k.accept = true, nil
	return k
}

// idempotent is for functions to which a value's second time means nothing.
func idempotent(k kept) kept { k.distinct = distinctNone; return k }

// bagged is a function that DuckDB computes over a bag.
func bagged() kept { return kept{ordered: true} }

// inArrival is one whose result depends on the order of rows.
func inArrival() kept { return kept{ordered: true, arrival: true} }

// emptyIs is one whose result over no rows is not NULL.
func emptyIs(sql string) kept { return kept{ordered: true, empty: sql} }

func zero(k kept) kept { k.empty = "0::BIGINT"; return k }

// firstIs is for functions of an argument of some types.
func firstIs(accept func(t batch.Type) bool, k kept) kept {
	k.accept = func(args []batch.Type) bool { return len(args) > 0 && accept(args[0]) }
	return k
}

// singly is for functions that DuckDB has with more arguments too.
func singly(k kept) kept {
	k.accept = func(args []batch.Type) bool { return len(args) == 1 }
	return k
}

const (
	nan     = "'nan'::DOUBLE"
	spreads = "sqrt($4 / $0) * sqrt($5 / $0)"
)

// keptFunctions are the aggregate functions of DuckDB that a view can keep.
var keptFunctions = map[string]kept{
	"count_star": own("$0", aggregate.CountStar),
	"count":      zero(own("$0", aggregate.Count)),
	"count_if":   firstIs(isBoolean, own("$0", aggregate.Sum)), // NULL, not 0, when there is no condition that isn't NULL
	"sum":        firstIs(isSummable, own("$0", aggregate.Sum)),
	"avg":        firstIs(isNumber, own("", aggregate.Mean)),
	"min":        singly(idempotent(own("$0", aggregate.Min))),
	"max":        singly(idempotent(own("$0", aggregate.Max))),
	"bool_and":   firstIs(isBoolean, idempotent(own("$0", aggregate.BoolAnd))),
	"bool_or":    firstIs(isBoolean, idempotent(own("$0", aggregate.BoolOr))),
	"bit_and":    firstIs(isInteger, idempotent(own("$0", aggregate.BitAnd))),
	"bit_or":     firstIs(isInteger, idempotent(own("$0", aggregate.BitOr))),
	"bit_xor":    firstIs(isInteger, own("$0", aggregate.BitXor)),
	"product":    numbers(own("$0", aggregate.Product)),
	"kahan_sum":  numbers(own("$0", aggregate.SumKahan)),
	"favg":       numbers(own("CASE WHEN $2 > 0 THEN $0 / $2 END", aggregate.SumKahan, aggregate.Count)),

	"var_pop":     spread(1, "0", "$2 / $0"),
	"var_samp":    spread(1, "", "$2 / ($0 - 1)"),
	"stddev_pop":  spread(1, "0", "sqrt($2 / $0)"),
	"stddev_samp": spread(1, "", "sqrt($2 / ($0 - 1))"),
	"sem":         spread(0, "", "sqrt($2 / $0) / sqrt($0)"),
	"covar_pop":   line("CASE WHEN $0 > 0 THEN $3 / $0 END"),
	"covar_samp":  line("CASE WHEN $0 > 1 THEN $3 / ($0 - 1) END"),
	"corr": line("CASE WHEN $0 = 1 THEN " + nan + " WHEN $0 > 1 AND isfinite($4) AND isfinite($5) THEN " +
		"CASE WHEN " + spreads + " = 0 THEN " + nan + " ELSE $3 / $0 / (" + spreads + ") END END"),
	"regr_count":     zero(line("$0::UINTEGER")),
	"regr_avgx":      line("CASE WHEN $0 > 0 THEN $1 END"),
	"regr_avgy":      line("CASE WHEN $0 > 0 THEN $2 END"),
	"regr_sxx":       line("CASE WHEN $0 > 1 THEN " + finite("$4") + " WHEN $0 = 1 THEN 0::DOUBLE END"),
	"regr_syy":       line("CASE WHEN $0 > 1 THEN " + finite("$5") + " WHEN $0 = 1 THEN 0::DOUBLE END"),
	"regr_sxy":       line("CASE WHEN $0 > 0 THEN $3 END"),
	"regr_slope":     line("CASE WHEN $0 = 1 OR $4 = 0 AND $0 > 0 THEN " + nan + " WHEN $0 > 1 AND isfinite($4) THEN $3 / $4 END"),
	"regr_intercept": line("CASE WHEN $0 > 1 AND $4 <> 0 AND isfinite($4) THEN $2 - $3 / $4 * $1 END"),
	"regr_r2": line("CASE WHEN $0 > 1 AND $4 <> 0 AND isfinite($4) AND isfinite($5) THEN " +
		"CASE WHEN $5 = 0 THEN 1::DOUBLE ELSE ($3 / $0 / (" + spreads + ")) ** 2 END END"),

	"arg_min":            arg(aggregate.ArgMin),
	"arg_max":            arg(aggregate.ArgMax),
	"arg_min_null":       arg(aggregate.ArgMinNull),
	"arg_max_null":       arg(aggregate.ArgMaxNull),
	"arg_min_nulls_last": inArrival(),
	"arg_max_nulls_last": inArrival(),
	"first":              picked(aggregate.First),
	"last":               picked(aggregate.Last),
	"any_value":          picked(aggregate.AnyValue),

	"approx_count_distinct": zero(idempotent(own("$0", aggregate.ApproxCountDistinct))),
	"approx_quantile":       bagged(), // of numbers, a sketch

	"list": inArrival(), "string_agg": inArrival(),
	"histogram": bagged(), "histogram_exact": bagged(), "mode": inArrival(), "approx_top_k": inArrival(),
	"median": bagged(), "quantile_cont": bagged(), "quantile_disc": bagged(), "mad": bagged(),
	"entropy": emptyIs("0::DOUBLE"), "kurtosis": squared(bagged()), "kurtosis_pop": squared(bagged()), "skewness": squared(bagged()),
}

// otherNames are the names under which DuckDB knows an aggregate besides.
var otherNames = map[string]string{
	"countif": "count_if", "mean": "avg", "fsum": "kahan_sum", "sumkahan": "kahan_sum", "variance": "var_samp", "stddev": "stddev_samp",
	"argmin": "arg_min", "argmax": "arg_max", "min_by": "arg_min", "max_by": "arg_max", "arbitrary": "first",
	"array_agg": "list", "group_concat": "string_agg", "listagg": "string_agg", "quantile": "quantile_disc",
}

// aggregateMacros are DuckDB's macros that contain aggregates.
var aggregateMacros = map[string]struct {
	params []string
	sql    string
}{
	"geomean":        {[]string{"x"}, "exp(avg(ln(x)))"},
	"geometric_mean": {[]string{"x"}, "exp(avg(ln(x)))"},
	"wavg":           {[]string{"x", "w"}, "sum(x * w) / sum(CASE WHEN x IS NOT NULL THEN w ELSE 0 END)"},
	"weighted_avg":   {[]string{"x", "w"}, "sum(x * w) / sum(CASE WHEN x IS NOT NULL THEN w ELSE 0 END)"},
	"json_group_array": {[]string{"x"},
		"(('[' || string_agg(CASE WHEN x IS NULL THEN 'null'::JSON ELSE to_json(x) END, ',')) || ']')::JSON"},
	"json_group_object": {[]string{"n", "v"}, "(('{' || string_agg((CASE WHEN n IS NULL THEN error('json_group_object key cannot be NULL') " +
		"ELSE to_json(n::VARCHAR) END || ':') || CASE WHEN v IS NULL THEN 'null'::JSON ELSE to_json(v) END, ',')) || '}')::JSON"},
}

// notKept says why the aggregates that a view does not keep are not.
var notKept = map[string]string{
	"bitstring_agg":      "bitstring_agg fails on every value that is out of its range: write list(DISTINCT x ORDER BY x)",
	"reservoir_quantile": "reservoir_quantile draws a random sample: write approx_quantile or quantile_disc",
}

// aggregateHint lists what a view keeps.
var aggregateHint = func() string {
	names := slices.Collect(maps.Keys(keptFunctions))
	names = append(names, slices.Collect(maps.Keys(aggregateMacros))...)
	names = slices.DeleteFunc(names, func(name string) bool { return name == "count_star" })
	slices.Sort(names)
	return "a view keeps " + strings.Join(names, ", ") + ", each with FILTER and DISTINCT"
}()

func isSummable(t batch.Type) bool { return t.Kind == batch.Boolean || isNumber(t) }

func isBoolean(t batch.Type) bool { return t.Kind == batch.Boolean }

func isInteger(t batch.Type) bool { return t.Kind >= batch.TinyInt && t.Kind <= batch.HugeInt }
