// Package rowchange says how the rows of tables change.
//
// A Change is what one statement does to a table: rows that come, rows with new
// values, rows that go. It checks the table's rules and knows the SQL that makes
// it in the file. A Set is what a transaction has changed and not committed, of
// all tables: the changes of its statements laid over each other, as relations
// that stand in front of the rows in the file, and at the end one Change per
// table. Nothing here writes to the file.
package rowchange
