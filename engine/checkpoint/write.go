package checkpoint

import (
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/receipt"
)

// Object is a source or a view in the catalog.
type Object struct {
	Name       string
	Kind       string // source, view
	SQL        string // the statement that made it
	Definition []byte // JSON, the engine's
	Created    time.Time
}

// Partition is a source's place in one partition.
type Partition struct {
	Source      string
	Partition   int32
	Next        int64
	LeaderEpoch int32
	TopicID     string
	MaxMicros   int64 // the newest event time that counted for the watermark
	Late        int64 // records late for some view, since the source was made
	Rejected    int64
	Rows        int64
}

// Counter is a number about an object that outlives restarts.
type Counter struct {
	Object string
	Name   string // watermark, late, errors, …
	Value  int64
}

// Rows is rows for a history table. SQL selects them, in the table's column
// order, from the relations that ms_scan finds under their names.
type Rows struct {
	Table string
	From  map[string]duck.Relation
	SQL   string
}

// Stage is rows of a table that is not there yet. They are durable with the checkpoint, and
// nobody sees them until another one makes the table, which then begins with them. What is
// staged when the file is opened, is dropped.
type Stage struct {
	Table history.Table
	Rows  duck.Relation // in the table's column order
}

// AllOf is all rows of a relation, for the history table.
func AllOf(table string, rel duck.Relation) Rows {
	return Rows{Table: table, From: map[string]duck.Relation{"rows": rel}, SQL: "SELECT * FROM ms_scan('rows')"}
}

// State is what changed in a view's open windows. With Whole it replaces what
// was written before.
type State struct {
	View            string
	Schema          *batch.Schema
	Groups, Details duck.Relation // of Schema and view.DetailSchema; Details may be nil
	Rows            int
	Whole           bool
}

// Change is a statement on a user's table. It may read From as ms_scan('rows').
type Change struct {
	Table string // as SQL names it
	SQL   string
	From  duck.Relation // nil: it reads nothing
}

// Write is one checkpoint.
type Write struct {
	Epoch      uint64
	At         time.Time
	Create     []Object
	Tables     []history.Table // history tables of created objects
	Drop       []string        // objects, whose tables are in DropTables
	DropTables []string
	Rename     []Rename        // first of all, in order
	Alter      []history.Table // tables that have got columns or another retention
	Update     []Object        // objects whose statement and definition have changed
	Roles      []byte          // who there is; nil: as before
	Exec       []string        // statements that make and drop users' tables
	Changes    []Change        // of users' tables, in order
	Folds      *int64          // Store.Folds when the ids in Changes were read, nil: there are none
	Rows       []Rows
	Stage      *Stage   // nil: nothing
	Unstage    []string // tables that are not going to be made, if something is staged for them
	States     []State
	Partitions []Partition             // all of them
	Counters   []Counter               // all of them
	Receipts   map[string]receipt.Save // by source
	Catalog    int64                   // the version of what names and columns there are
	Bytes      int64                   // about how much this will take on disk
}

// Summary says what a commit did, for the log and millstream.checkpoints.
type Summary struct {
	Rows     int64
	Duration time.Duration
	WAL      int64 // bytes of write-ahead log after the commit
}

// changesObjects reports whether the catalog changes.
func (w *Write) changesObjects() bool { return len(w.Create)+len(w.Drop)+len(w.Update) > 0 }
