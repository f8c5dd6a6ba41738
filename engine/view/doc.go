// Package view keeps materialized views.
//
// A [Definition] says what a view is. A [Stage] is its first part: expressions
// over a batch, some read from the batch's columns as they are, the rest
// computed by one DuckDB statement. A [View] is the second: per window a hash
// table of groups over pages of rows. A [Snapshot] is an immutable view of
// those pages, which DuckDB reads in place to evaluate the third part.
//
// A View belongs to the engine's writer; only Snapshots are for readers.
package view
