// Package instance runs the millstream binary as a child process and asks it
// over HTTP, the way its users do. The harnesses that kill the database, fill
// its disk or restart its broker are built on it.
//
// [Build] makes the binary; [Start] serves a data directory and returns when
// it is ready; [Instance.Query] and [Instance.Exec] run statements;
// [Instance.Kill] and [Instance.Stop] end the process, after which the same
// data directory can be started again.
package instance
