// Command formats measures how fast records of each format become columns, in one
// goroutine, beside the library that reads the format into values of Go: the same
// ten fields as JSON, CSV, Avro and Protobuf.
//
// The rows of all formats are compared before anything is measured, and with the
// texts that the libraries read. They take turns, so
// that what else happens on the machine hits both, and the medians of the rounds
// count.
//
//	make bench-formats ARGS="-for=100ms -rounds=3"
package main
