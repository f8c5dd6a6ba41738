// Package backup copies a database into another directory while it is at work.
//
// A checkpoint is committed, and its log folded into the file. From then on the blocks
// of that checkpoint stay as they are until the log is folded the next time, which
// waits for the copy: see checkpoint.Frozen. So the copy is of one epoch, ingest is
// held no longer than by any checkpoint, and what is written is as many bytes as the
// file has.
//
// A [Backup] is one that is being written or is done: a job. Its files are written
// into a directory beside the wanted one, called after it with .partial behind, and
// read back; only then the directory gets its name. One that was not finished is
// removed by the next backup of the same name.
package backup
