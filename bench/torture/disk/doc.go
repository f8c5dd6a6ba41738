// Package disk watches by which calls a process changes the files below a directory, has
// some of them fail, and makes what the disk would hold had the power failed after any of
// them.
//
// DuckDB writes a database's files through the C library, and no interface of it stands
// between: a small library does, which is loaded into the process (LD_PRELOAD). It keeps a
// journal of the calls, which an [Image] applies. Files that a process writes without the C
// library, as Go does, are not seen.
package disk
