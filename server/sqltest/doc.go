// Package sqltest runs the SQL tests in testdata over the Postgres wire: the
// real engine, the real server, a client on a loopback port. They say what
// Millstream's SQL means, one file for each feature.
//
// # The format
//
// It is sqllogictest's. A file is a list of records, separated by empty lines;
// # begins a comment line.
//
//	statement ok
//	CREATE SOURCE orders (id BIGINT, ts TIMESTAMPTZ, WATERMARK FOR ts AS ts - INTERVAL '1 second')
//
//	statement count 2
//	INSERT INTO orders VALUES (1, '2024-01-01 00:00:01Z'), (2, '2024-01-01 00:01:00Z')
//
//	query TI rowsort
//	SELECT ts, id FROM orders
//	----
//	2024-01-01 00:00:01+00	1
//	2024-01-01 00:01:00+00	2
//
//	statement error 42P01 relation "nope" does not exist
//	SELECT * FROM nope
//
// A query names its columns' types: T text, I integer, R a number with a
// fraction (compared to 12 digits), B boolean; ? takes any. The rows follow, a
// line each, values separated by tabs, or one value a line. NULL is NULL, an
// empty text (empty). rowsort sorts the rows before they are compared, valuesort
// the values.
//
// A statement's error is given as an SQLSTATE, a regular expression, or both;
// the expression is looked for in the message. The whole error can be given
// instead, behind ---- as a query's rows are: code and message, hint, and the
// text at the place that the error names.
//
//	skipif <setting>      do not run the next record under a setting
//	onlyif <setting>      run it under that one only
//	connection <name>     run the next record on another connection, with the
//	                      rights of the role of that name if there is one
//	restart               close the database and open it again
//	checkpoint            write a checkpoint
//	advance <duration>    move the clock, which otherwise stands at 2030-01-01;
//	                      a query behind it is repeated until it gives its rows
//	halt                  stop here
//
// # The settings
//
// Every file runs four times (with -short twice, by turns), and must give the
// same each time:
//
//	batch1      rows of an INSERT are inserted one by one, an epoch each
//	batch4096   neighbouring INSERTs become one, of up to 4,096 rows
//	restart     the database is reopened after each statement that changes it
//	            (definitions that follow each other count as one), by turns
//	            where it was closed and as a crash would have left it
//	checkpoint  a checkpoint follows each INSERT, and all goes through the
//	            extended protocol
//
// # Adding a file
//
// Write testdata/<feature>.test with the statements, leave the results out, run
//
//	go test ./server/sqltest -run 'TestFiles/<feature>' -args -rewrite
//
// and read what it has filled in as if somebody else had claimed it. Data comes
// from INSERT into sources without a connector. Keep a file under two seconds.
package sqltest
