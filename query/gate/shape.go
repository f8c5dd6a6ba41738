package gate

// part is what a field of a node holds, and so how it is walked.
type part uint8

const (
	leaf      part = iota // names, numbers and flags: nothing to walk
	expr                  // an expression
	exprs                 // a list of expressions
	query                 // a query node
	statement             // an object with a query node at "node"
	table                 // a table reference
	modifier              // ORDER BY, LIMIT, DISTINCT
	modifiers             // a list of them
	orders                // a list of objects with an expression
	keyed                 // a list of {key, value: expression}
	rows                  // a list of lists of expressions
	own                   // the node's own code looks at it
)

// shape names the fields of one kind of node.
type shape map[string]part

// queryShapes are the query nodes by "type".
var queryShapes = map[string]shape{
	"SELECT_NODE": {
		"type": leaf, "modifiers": modifiers, "cte_map": own, "select_list": exprs, "from_table": own,
		"where_clause": expr, "group_expressions": exprs, "group_sets": leaf, "aggregate_handling": leaf,
		"having": expr, "qualify": expr, "sample": own,
	},
	"SET_OPERATION_NODE": {
		"type": leaf, "modifiers": modifiers, "cte_map": own, "setop_type": leaf, "setop_all": leaf,
		"left": query, "right": query,
	},
	"RECURSIVE_CTE_NODE": {
		"type": leaf, "modifiers": modifiers, "cte_map": own, "cte_name": leaf, "union_all": leaf,
		"left": own, "right": own, "aliases": leaf, "key_targets": exprs,
	},
}

// modifierShapes are the modifiers of a query by "type".
var modifierShapes = map[string]shape{
	"ORDER_MODIFIER":         {"type": leaf, "orders": orders},
	"LIMIT_MODIFIER":         {"type": leaf, "limit": expr, "offset": expr},
	"LIMIT_PERCENT_MODIFIER": {"type": leaf, "limit": expr, "offset": expr},
	"DISTINCT_MODIFIER":      {"type": leaf, "distinct_on_targets": exprs},
}

var orderShape = shape{"type": leaf, "null_order": leaf, "expression": expr}

// tableShapes are the table references by "type", without the fields that all
// of them have.
var tableShapes = map[string]shape{
	"BASE_TABLE": {"schema_name": leaf, "table_name": leaf, "catalog_name": leaf, "column_name_alias": leaf, "at_clause": own},
	"JOIN": {
		"left": own, "right": own, "condition": expr, "join_type": leaf, "ref_type": leaf, "using_columns": leaf,
		"delim_flipped": leaf,
	},
	"SUBQUERY":        {"subquery": statement, "column_name_alias": leaf},
	"TABLE_FUNCTION":  {"function": own, "column_name_alias": leaf, "with_ordinality": leaf},
	"EXPRESSION_LIST": {"values": rows, "expected_names": leaf, "column_name_alias": leaf},
	"EMPTY":           {},
	"PIVOT": {
		"source": own, "aggregates": exprs, "unpivot_names": leaf, "pivots": own, "groups": leaf,
		"column_name_alias": leaf, "include_nulls": leaf,
	},
}

var commonTableFields = shape{"type": leaf, "alias": leaf, "sample": own, "query_location": leaf}

// exprShapes are the expressions by "class", without the fields that all of
// them have.
var exprShapes = map[string]shape{
	"BETWEEN":     {"input": expr, "lower": expr, "upper": expr},
	"CASE":        {"case_checks": own, "else_expr": expr},
	"CAST":        {"child": expr, "cast_type": own, "try_cast": leaf},
	"COLLATE":     {"child": expr, "collation": own},
	"COLUMN_REF":  {"column_names": own},
	"COMPARISON":  {"left": expr, "right": expr},
	"CONJUNCTION": {"children": exprs},
	"CONSTANT":    {"value": leaf},
	"DEFAULT":     {},
	"FUNCTION": {
		"function_name": own, "schema": leaf, "catalog": leaf, "children": exprs, "filter": expr,
		"order_bys": modifier, "distinct": leaf, "is_operator": leaf, "export_state": own,
	},
	"LAMBDA":               {"lhs": expr, "expr": expr, "syntax_type": leaf},
	"OPERATOR":             {"children": exprs},
	"PARAMETER":            {"identifier": own},
	"POSITIONAL_REFERENCE": {"index": leaf},
	"STAR": {
		"relation_name": leaf, "exclude_list": leaf, "replace_list": keyed, "columns": leaf, "expr": expr,
		"unpacked": leaf, "qualified_exclude_list": leaf, "rename_list": leaf,
	},
	"SUBQUERY": {"subquery_type": leaf, "subquery": statement, "child": expr, "comparison_type": leaf},
	"WINDOW": {
		"function_name": own, "schema": leaf, "catalog": leaf, "children": exprs, "partitions": exprs, "orders": orders,
		"start": leaf, "end": leaf, "start_expr": expr, "end_expr": expr, "offset_expr": expr, "default_expr": expr,
		"ignore_nulls": leaf, "filter_expr": expr, "exclude_clause": leaf, "distinct": leaf, "arg_orders": orders,
	},
}

var commonExprFields = shape{"class": leaf, "type": leaf, "alias": leaf, "query_location": leaf}
