// Package child runs a program as a child process for tests and measurements:
// the real broker, and the millstream binary that is killed on purpose.
//
// A [Process] writes what it prints to a file, ends by its own process id
// and no other, and on Linux never outlives the process that started it, not
// even when a test panics.
package child
