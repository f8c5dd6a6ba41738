// Package aggregate keeps the running results of aggregate functions in
// pages of rows. An [Accumulator] folds a batch's values into state columns;
// they already are the result, or what it is computed from, as SQL reads them.
//
// The nouns: a [Column] is a state column cut into pages of [PageRows] groups;
// a [StringHandle] is DuckDB's 16-byte string, whose bytes live in an [Arena];
// a [Detail] is what an aggregate keeps besides, such as a [Distinct], the exact
// set behind count(DISTINCT), or the sketches of the approximate aggregates:
// HyperLogLog, whose standard error is 0.81 %, and DDSketch, whose quantiles are
// within 1 % of the value at the place.
//
// One family of functions, one file. NULL arguments are skipped, as SQL wants;
// which rows reach an accumulator (WHERE, FILTER, late records) is decided
// before.
package aggregate
