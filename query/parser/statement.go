package parser

import "time"

// Statement is one parsed statement: one of the pointer types of this file.
type Statement interface {
	// Command is Postgres's command tag without a row count: SELECT, CREATE SOURCE, …
	Command() string
}

// ObjectKind is the kind of a catalog object.
type ObjectKind uint8

// The kinds of objects that statements name.
const (
	Source ObjectKind = iota + 1
	MaterializedView
	Table // any relation: a source, a view or one of their companions
)

// String returns the kind in SQL's words.
func (k ObjectKind) String() string {
	switch k {
	case Source:
		return "SOURCE"
	case MaterializedView:
		return "MATERIALIZED VIEW"
	case Table:
		return "TABLE"
	}
	return "OBJECT"
}

// Name is a relation's name as folded: unquoted letters are lower case.
type Name struct {
	Schema string // empty: none was written; public is dropped where objects are created
	Name   string
	Offset int // of the name in the statement
}

// Select is a query, which DuckDB's parser reads.
type Select struct {
	SQL    string // without the final semicolon
	Offset int    // of SQL in the statement
}

// CreateSource is CREATE SOURCE, and CREATE TABLE with a connector.
type CreateSource struct {
	IfNotExists   bool
	Table         bool // it was spelled CREATE TABLE
	Name          Name
	Columns       []Column     // nil: none were given
	Star          *Star        // nil: Columns are all
	PrimaryKey    []ColumnName // nil: none; of FORMAT UPSERT and DEBEZIUM
	Watermark     *Watermark
	Options       []Option // WITH (…), in the order given
	Format        string   // FORMAT's word in upper case: PLAIN, DEBEZIUM, …; empty: none
	Encode        string   // ENCODE's word in upper case: JSON, AVRO, …; empty: none
	EncodeOptions []Option
	KeyEncode     string // KEY ENCODE's word in upper case; empty: none
}

// Star is * in the columns of CREATE SOURCE, or that there is no list: it stands for
// those that the records say they have.
type Star struct {
	At     int // behind so many of Columns
	Offset int // of the source's name if there is no list
}

// Column is a column of CREATE SOURCE.
type Column struct {
	Name       string
	Offset     int    // of the name
	Type       string // as written, with single spaces
	TypeOffset int
	Expr       string // the text behind AS of a generated column; empty: it comes from the record
	ExprOffset int
	Path       string // where the value is in the record; empty: in the field of the column's name
	PathOffset int
	Part       string // key, header, headers or payload: INCLUDE makes the column of it; empty: it does not
	PartName   string // of a header, and of a key's field
}

// Watermark is WATERMARK FOR Column AS Expr. See ParseWatermark.
type Watermark struct {
	Column     string
	Offset     int // of the column's name
	Expr       string
	ExprOffset int
}

// Option is name = value inside WITH (…). Numbers and words are kept as text:
// k = 5 and k = '5' are the same.
type Option struct {
	Name        string // lower case, with its dots
	Value       string
	Offset      int // of the name
	ValueOffset int
}

// CreateView is CREATE MATERIALIZED VIEW.
type CreateView struct {
	OrReplace   bool
	IfNotExists bool
	Name        Name
	Options     []Option
	SQL         string // the query behind AS, without the clauses that follow
	Offset      int    // of SQL in the statement

	EmitOnClose bool          // EMIT ON WINDOW CLOSE or EMIT FINAL
	Lateness    time.Duration // of ALLOW LATENESS
	// EmitOffset and LatenessOffset are where the clauses stand, 0 if they do not.
	EmitOffset, LatenessOffset int
}

// Drop is DROP SOURCE, DROP MATERIALIZED VIEW or DROP TABLE.
type Drop struct {
	Kind     ObjectKind
	IfExists bool
	Name     Name
	Cascade  bool
}

// ShowObjects is SHOW SOURCES, SHOW MATERIALIZED VIEWS or SHOW TABLES.
type ShowObjects struct{ Kind ObjectKind }

// ShowColumns is SHOW COLUMNS FROM x and DESCRIBE x.
type ShowColumns struct{ Name Name }

// ShowCreate is SHOW CREATE SOURCE|MATERIALIZED VIEW|TABLE|VIEW x. VIEW is
// MaterializedView: there are no others.
type ShowCreate struct {
	Kind ObjectKind
	Name Name
}

// ShowSetting is SHOW of one setting, in lower case.
type ShowSetting struct {
	Name   string // empty: SHOW ALL
	Offset int
}

// Set is SET of one setting.
type Set struct {
	Name    string   // lower case; SET TIME ZONE is timezone, SET NAMES client_encoding
	Values  []string // strings without quotes, words in lower case, numbers as written
	Default bool     // SET name TO DEFAULT; Values is nil
	Local   bool     // until the end of the transaction
	Offset  int      // of the name
}

// Reset is RESET of one setting.
type Reset struct {
	Name   string // lower case; empty: RESET ALL
	Offset int
}

// TransactionModes are the modes of BEGIN and SET TRANSACTION. Zero values: not given.
type TransactionModes struct {
	Isolation string // READ COMMITTED, SERIALIZABLE, …
	ReadOnly  bool
	ReadWrite bool
}

// SetTransaction is SET TRANSACTION and SET SESSION CHARACTERISTICS AS TRANSACTION.
type SetTransaction struct {
	Session bool // for all later transactions of the session
	Modes   TransactionModes
}

// Begin is BEGIN and START TRANSACTION.
type Begin struct {
	Start bool // it was spelled START TRANSACTION
	Modes TransactionModes
}

// Commit is COMMIT and END.
type Commit struct {
	Chain bool // AND CHAIN: another transaction begins, with the same modes
}

// Rollback is ROLLBACK and ABORT.
type Rollback struct{ Chain bool }

// Savepoint is SAVEPOINT name.
type Savepoint struct{ Name string }

// Release is RELEASE [SAVEPOINT] name.
type Release struct{ Name string }

// RollbackTo is ROLLBACK TO [SAVEPOINT] name.
type RollbackTo struct{ Name string }

// NoOp is a statement that clients send by habit: DISCARD, SET CONSTRAINTS.
type NoOp struct{ Tag string } // the command tag to answer with

// Explain is EXPLAIN of a query.
type Explain struct {
	Analyze bool // it is run, and its times are shown
	SQL     string
	Offset  int // of SQL in the statement
}

// Checkpoint is CHECKPOINT: write a checkpoint now and wait for it.
type Checkpoint struct{}

// Command returns the tag SELECT.
func (*Select) Command() string { return "SELECT" }

// Command returns the tag CREATE SOURCE, or CREATE TABLE when it was spelled so.
func (s *CreateSource) Command() string {
	if s.Table {
		return "CREATE TABLE"
	}
	return "CREATE SOURCE"
}

// Command returns the tag CREATE MATERIALIZED VIEW.
func (*CreateView) Command() string { return "CREATE MATERIALIZED VIEW" }

// Command returns the tag DROP with the kind.
func (s *Drop) Command() string { return "DROP " + s.Kind.String() }

// Command returns the tag SHOW.
func (*ShowObjects) Command() string { return "SHOW" }

// Command returns the tag SHOW.
func (*ShowColumns) Command() string { return "SHOW" }

// Command returns the tag SHOW.
func (*ShowCreate) Command() string { return "SHOW" }

// Command returns the tag SHOW.
func (*ShowSetting) Command() string { return "SHOW" }

// Command returns the tag SET.
func (*Set) Command() string { return "SET" }

// Command returns the tag RESET.
func (*Reset) Command() string { return "RESET" }

// Command returns the tag SET.
func (*SetTransaction) Command() string { return "SET" }

// Command returns the tag BEGIN or START TRANSACTION.
func (s *Begin) Command() string {
	if s.Start {
		return "START TRANSACTION"
	}
	return "BEGIN"
}

// Command returns the tag COMMIT.
func (*Commit) Command() string { return "COMMIT" }

// Command returns the tag ROLLBACK.
func (*Rollback) Command() string { return "ROLLBACK" }

// Command returns the tag SAVEPOINT.
func (*Savepoint) Command() string { return "SAVEPOINT" }

// Command returns the tag RELEASE.
func (*Release) Command() string { return "RELEASE" }

// Command returns the tag ROLLBACK.
func (*RollbackTo) Command() string { return "ROLLBACK" }

// Command returns the statement's own tag.
func (s *NoOp) Command() string { return s.Tag }

// Command returns the tag EXPLAIN.
func (*Explain) Command() string { return "EXPLAIN" }

// Command returns the tag CHECKPOINT.
func (*Checkpoint) Command() string { return "CHECKPOINT" }
