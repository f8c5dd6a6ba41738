// Command queries measures small and large queries on millstream and on a real
// PostgreSQL 15 side by side, with one client and with many: SELECT 1, lookups
// by key, the ten largest groups, a grouping of all rows, and a result of all
// rows. Millstream remembers the answer of SELECT 1, which shows what a statement
// costs beside its execution; SELECT $1 + 1 is executed each time.
//
// Both are processes of their own and hold the same rows. What millstream has
// as a materialized view of a source is in PostgreSQL an analyzed table with a
// primary key. Every query is compared before anything is measured: a fast
// wrong answer counts for nothing. Then the two take turns, so that what else
// happens on the machine hits both, and the medians of the rounds count. On a busy
// machine a server of many processes still gets more of it than one of few threads:
// the CPU time that a query costs its server does not depend on that.
//
// PostgreSQL is Debian's package postgresql and keeps its settings but for
// shared_buffers and work_mem, which get what millstream's DuckDB has. As root it
// is run as the user postgres.
//
//	make bench-queries ARGS="-for=200ms -rounds=1 -rows=100000 -only=SELECT"
package main
