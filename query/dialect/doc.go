// Package dialect is what makes Millstream's SQL, which is DuckDB's, mean what
// PostgreSQL's means where a statement is valid in both, and take what people who
// come from PostgreSQL write.
//
// [Functions] defines functions that DuckDB lacks. They belong to the language,
// not to a session: queries and materialized views have them. [Known] lists them
// for the gate. The rest of the dialect lies elsewhere: package duck has the
// division of integers and the place of NULL in an order, package pgcatalog
// rewrites what the parser takes otherwise.
package dialect
