// Package arrowstream makes rows of Arrow IPC streams.
//
// A field of the stream belongs to the column of its name, as in other formats; a
// column without a field is NULL, and a field without a column is passed over.
// Values of a column's own family, such as integers of any width or times of any
// unit, become its values if they fit; any other value becomes what its text does
// in a CSV. A row with a value that does not fit is rejected alone.
package arrowstream
