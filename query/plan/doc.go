// Package plan turns the SELECT of a CREATE MATERIALIZED VIEW into a
// [view.Definition]: the view's three stages.
//
// [View] asks DuckDB for the statement's syntax tree, resolves its names
// against the [Source], finds the window that each row belongs to, and cuts the
// tree where the aggregation is. What lies below an aggregate or a group key
// becomes stage one, the aggregates themselves become stage two, and what lies
// above becomes the SQL text of stage three. A SELECT that means one thing in
// DuckDB and could mean another as a view is refused with an [Error] that says
// what to write instead.
//
// [BatchSQL] gives the same SELECT as plain DuckDB SQL over a table. It is the
// other side of the oracle: a view over some records and its BatchSQL over the
// same records must give the same rows.
//
// What knows nothing of views stands below: the text of a SELECT in
// query/plan/token, its syntax tree in query/plan/ast, intervals in
// query/plan/interval. time_bucket and date_trunc are read in query/plan/bucket.
//
// The package knows DuckDB only through [Binder] and never runs a query: it
// parses, binds and deparses. Where it must know how DuckDB computes a value
// (the alignment of time_bucket, the meaning of an interval, which comparisons
// are exact), tests hold that knowledge against DuckDB itself.
package plan
