// Package enginetest decides whether the engine is right.
//
// From a seed it makes a [Source] with columns of every type, a [Stream] of
// records over several partitions (out of order, late, with NULLs and extreme
// values), the [Delivery] batches in which they arrive, and [View] statements
// from a grammar. A [Judge] keeps the log of what arrived in a plain DuckDB and
// says what every table of the database must hold: the same SELECT over the
// same records, minus those that the late rule takes out. The late rule is
// computed there, in SQL, from the log alone, and so is which rows make the
// groups that a TTL has not ended.
//
// A view may read the rows of another view, or its windows that have closed;
// what the judge says of the other view is then what the statement runs over. A
// [Log] is records that can be cut into batches in many ways: TestMetamorphic
// gives them to a database in each, which all have to end with the same.
//
// The package shares no code with the engine but the types of package batch:
// a mistake in the engine must not repeat itself in what the engine is
// compared with. The tests of this package run seeds against package query,
// and with -faults run them again on an engine with faults planted in it, all
// of which must be found.
package enginetest
