package plan

import (
	"github.com/millstream-db/millstream/query/plan/ast"
)

// aggregateNames are DuckDB's aggregate functions.
var aggregateNames = set(
	"any_value", "approx_count_distinct", "approx_quantile", "approx_top_k", "arbitrary", "arg_max", "arg_max_null",
	"arg_max_nulls_last", "arg_min", "arg_min_null", "arg_min_nulls_last", "argmax", "argmin", "array_agg", "avg",
	"bit_and", "bit_or", "bit_xor", "bitstring_agg", "bool_and", "bool_or", "corr", "count", "count_if", "count_star",
	"countif", "covar_pop", "covar_samp", "entropy", "favg", "first", "fsum", "group_concat", "histogram",
	"histogram_exact", "kahan_sum", "kurtosis", "kurtosis_pop", "last", "list", "listagg", "mad", "max", "max_by",
	"mean", "median", "min", "min_by", "mode", "product", "quantile", "quantile_cont", "quantile_disc", "regr_avgx",
	"regr_avgy", "regr_count", "regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy",
	"reservoir_quantile", "sem", "skewness", "stddev", "stddev_pop", "stddev_samp", "string_agg", "sum",
	"sum_no_overflow", "sumkahan", "var_pop", "var_samp", "variance",
)

// lambdaNames are the functions that take a lambda; for every other function
// a -> b is the arrow operator of JSON.
var lambdaNames = set(
	"apply", "array_apply", "array_filter", "array_reduce", "array_transform", "filter",
	"list_apply", "list_filter", "list_reduce", "list_transform", "reduce",
)

const (
	moment  = "changes from moment to moment; a continuous view can't be kept over it"
	session = "depends on the session; a continuous view can't be kept over it"
	effect  = "has an effect of its own; a continuous view can't be kept over it"
)

// volatileNames are the functions, and the keywords that are functions, whose
// value is not determined by the row alone. The value is the reason.
var volatileNames = map[string]string{
	"now": moment, "transaction_timestamp": moment, "get_current_timestamp": moment, "get_current_time": moment,
	"current_timestamp": moment, "current_date": moment, "current_time": moment, "current_localtimestamp": moment,
	"current_localtime": moment, "localtimestamp": moment, "localtime": moment, "today": moment,
	"statement_timestamp": moment, "clock_timestamp": moment,
	"random": moment, "uuid": moment, "uuidv4": moment, "uuidv7": moment, "gen_random_uuid": moment,
	"nextval": effect, "currval": session, "setseed": effect, "write_log": effect, "sleep_ms": effect, "stats": session,
	"txid_current": moment, "current_transaction_id": moment, "current_connection_id": session,
	"current_query": session, "current_query_id": moment, "current_setting": session, "getvariable": session,
	"getenv": session, "current_user": session, "session_user": session, "user": session, "current_role": session,
	"current_database": session, "current_catalog": session, "current_schema": session, "current_schemas": session,
	"in_search_path": session,
}

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, name := range names {
		m[name] = true
	}
	return m
}

// isAggregate reports whether n is a call of an aggregate function.
func isAggregate(n ast.Node) bool {
	if n.Class() != "FUNCTION" || n.Flag("is_operator") {
		return false
	}
	name := n.Str("function_name")
	_, macro := aggregateMacros[name]
	return macro || aggregateNames[name]
}

// isBuiltinSchema reports whether a function qualified by name is DuckDB's own.
func isBuiltinSchema(name string) bool {
	return name == "" || name == "main" || name == "system" || name == "pg_catalog"
}
