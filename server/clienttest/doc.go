// Package clienttest runs the clients that people have against Millstream and
// against a real PostgreSQL, and compares what they print.
//
// A client is a program in testdata: a script for psql, a program over a driver
// or a library. It is told a server's host, port, user and database in the
// environment, does what such clients do, and prints what it got, a line each,
// in parts that begin with a line "== name". The test starts a PostgreSQL and
// the millstream binary, makes the same objects with the same rows in both,
// runs each client on both, and compares part by part.
//
// # Differences
//
// Where Millstream is meant to answer otherwise, testdata/<client>/differences
// says so and why:
//
//	# Materialized views are relations of their own kind in information_schema.
//	== tables
//	-revenue BASE TABLE
//	+revenue MATERIALIZED VIEW
//
// A comment is the reason for all parts up to the next comment; - is a line of
// PostgreSQL's, + one of Millstream's. A difference that isn't listed is a
// failure, and so is a listed one that is none any more. With -rewrite the file
// is written anew, reasons are kept, and new parts stand under an empty reason,
// which fails until somebody fills it in.
//
// # Running
//
//	make test-clients
//	go test ./server/clienttest -run TestPsql -args -clients
//
// Without -clients every test is skipped, so that `make test` needs none of the
// tools. Drivers and libraries are installed once, by the ordinary tools of their
// languages, into a directory below the user's cache directory; a client whose
// tool is missing is skipped with the reason, and fails under -all.
package clienttest
