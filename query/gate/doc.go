// Package gate decides which queries of users reach DuckDB.
//
// DuckDB has no boundary of rights inside one process: with every lock closed,
// one SELECT can still stop the server, write its log files or read its
// settings. So nothing that a user wrote is given to it before [Check] has seen
// the whole of it, as the tree that DuckDB's own parser made of the text
// (json_serialize_sql): exactly one statement, only kinds of nodes that are
// known here, only functions on the list in functions.txt, only relations that
// the caller's [Relations] knows, and no VARIANT, whose casts crash on nested
// JSON. What is not known is refused: a new version of DuckDB adds nothing to
// what users can reach until someone has read about it.
//
// [Check] answers with [Reads]: what the query reads, whether its result can
// change by itself, and the bounds on event time from its WHERE clauses, by
// which batches can be skipped.
//
// Calls with constants that would fill the memory, such as repeat('x',
// 3000000000), are refused as far as constants show it; a number that comes out
// of a column does not. That, and queries that run long, are for the limit of
// the process's memory, which package duck holds, and the deadline of the session.
package gate
