// Package duck is the only package that speaks to DuckDB's C API: databases,
// connections, prepared statements, results as chunks or Arrow batches, and one
// table function, ms_scan, by which DuckDB reads columns that Go owns.
//
// The nouns: a [DB] is one open DuckDB instance; a [Conn] runs one statement at
// a time; [Rows] is a result read chunk by chunk; a [Relation] is a set of
// columns in memory that ms_scan('name') finds through the connection's
// [Relations], looked up anew by every execution, so that a statement prepared
// once reads the snapshot that its connection carries now.
//
// One limit holds for the memory of the whole process (memory.go): DuckDB's own does
// not count what expressions make. Connections are the engine's or users' ([Conn.Guard]);
// the statements of users are ended when the process has too much, in two ways. Large
// pieces are refused inside DuckDB's allocator where an error is safe, and what goes
// on to grow is interrupted, the newest first.
//
// What it does not do: decide what SQL may run. Callers gate user statements
// before they come here.
package duck
