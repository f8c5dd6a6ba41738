// Package killpoint names the places in production code where a process may be
// killed on purpose, to see that what it leaves behind is whole. In a binary that
// is built with the tag killpoints, the environment says at which of them it dies:
// see [At]. In all others the package does nothing and costs nothing.
package killpoint

// Point is a place where the process may be killed.
type Point string

// The points, in the order in which a record comes by them.
const (
	Taken          Point = "taken"           // rows are in memory and can be read, nothing of them is durable
	CommitBegun    Point = "commit-begun"    // a checkpoint's transaction is open
	HistoryWritten Point = "history-written" // rows are in history, views' states are not
	StateWritten   Point = "state-written"   // the state of a view is written, others' and the offsets are not
	Committing     Point = "committing"      // everything is written, DuckDB is about to commit
	Committed      Point = "committed"       // durable, and nobody knows
	OffsetsTold    Point = "offsets-told"    // the readers know what is durable
	Folding        Point = "folding"         // DuckDB is about to fold its log into the file
	Folded         Point = "folded"          // and has done so
	Restoring      Point = "restoring"       // a start has read a view's state back, and not the next one's
	Restored       Point = "restored"        // a start has read everything back, and no record yet
	ObjectWritten  Point = "object-written"  // DDL has written the catalog in its transaction
	ObjectDurable  Point = "object-durable"  // DDL is durable, and what it made can't be read yet
	FileClosed     Point = "file-closed"     // DuckDB has given the file up, which is closed
	FileOpened     Point = "file-opened"     // it is open again, and nobody may use it yet

	BackupFrozen  Point = "backup-frozen"  // a backup is about to copy the file
	BackupWritten Point = "backup-written" // its files are written and read back, its directory has no name yet
)

// All is the points, but for those of a backup.
var All = []Point{
	Taken, CommitBegun, HistoryWritten, StateWritten, Committing, Committed, OffsetsTold, Folding, Folded,
	Restoring, Restored, ObjectWritten, ObjectDurable, FileClosed, FileOpened,
}

// Backup is the points that only a backup comes by.
var Backup = []Point{BackupFrozen, BackupWritten}

// The environment of a binary that is built for it.
const (
	// Env holds where the process dies, when it comes there for the how manieth time,
	// and how long after that: "committing 3 250us".
	Env = "TORTURE_KILL_POINT"
	// TroubleEnv holds how often the file is opened again although nothing is wrong: "50ms".
	TroubleEnv = "TORTURE_TROUBLE"
)
