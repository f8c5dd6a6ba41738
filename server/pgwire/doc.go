// Package pgwire serves the PostgreSQL wire protocol, versions 3.0 and 3.2, so
// that psql, JDBC, psycopg and the tools built on them connect to Millstream
// as to a PostgreSQL 15.
//
// A Server accepts connections. A connection belongs to one client and owns one
// Session of the Database; it reads messages, and answers each in the order in
// which it came. A prepared statement is a text that the session has planned;
// a portal is a prepared statement with its parameters and result formats
// bound, and holds the cursor through which its rows are sent.
//
// Rows go from Arrow arrays straight into DataRow messages: one closure per
// column and batch, no allocation per value, and one write per 64 KiB. Types
// are DuckDB's by name and PostgreSQL's by OID; type.go holds the mapping.
//
// What the package promises: a malformed, oversized or slow client costs at
// most its own connection and a bounded amount of memory; a statement stops
// when its client asks, goes away, or exceeds statement_timeout; a panic ends
// one session only. What it does not do: it parses no SQL beyond splitting a
// text into statements, keeps no transaction state (the session does), and has
// no function call protocol. Who may come in is for
// Options.Authenticator to say; without one, only clients on the same machine are let in.
package pgwire
