// Package query is the database as its users see it: a statement in, rows out.
//
// A [DB] is an open database, with or without listeners in front of it. A
// [Session] is one client's settings and transaction. A [Statement] is
// prepared once and planned anew for each execution; a [Result] hands out
// Arrow record batches that were read at one epoch.
//
// Statements of Millstream's own are read by package parser; everything else
// goes through package gate, and only then to DuckDB, as the user wrote it.
// SELECTs of materialized views are cut into stages by package plan. Errors
// are [Error] values with a SQLSTATE, a position and a hint.
package query
