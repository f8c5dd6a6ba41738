// Package cursor moves over the rows of a query: what DECLARE, FETCH and MOVE
// are about.
//
// A [Cursor] stands before the first row, on a row, or behind the last. A [Fetch]
// is one FETCH or MOVE: it goes to where its rows begin and gives them, with
// PostgreSQL's rules of where the cursor stands afterwards. Rows are read from the
// query when they are asked for, and not before.
//
// A cursor that only goes forward keeps the record batch it stands in. One that
// goes backward too keeps what it has read, up to [KeepBytes]; then it gives the
// oldest rows up, and a FETCH that comes to them fails. So the memory of a cursor
// is bounded, whatever its query gives.
//
// A cursor belongs to one session and is not safe for concurrent use.
package cursor
