// Package source is the contract between the engine and the readers that feed
// it. The engine owns the offsets: it tells a [Reader] where to begin, and the
// reader delivers every record from there on, in order, exactly once, as
// batches whose offset ranges leave no gap that is not reported.
package source

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
)

// Connector makes readers of one kind, such as kafka. It is safe for
// concurrent use.
type Connector interface {
	// Validate checks a source's WITH options and its format when it is
	// created. The error names the option and says what it must be. It does
	// not touch the network: a broker that is down is no reason to refuse.
	Validate(spec Spec) error
	// Open starts a reader. It returns at once; the reader connects in the
	// background, tries for ever, and says in its Status what holds it.
	Open(spec Spec, start []Position, sink Sink) (Reader, error)
}

// Describer is a Connector that can say what columns the records of a source
// could have, so that a statement may leave them out.
type Describer interface {
	// Describe looks at the records' schema, or at records. It touches the network or
	// files, until ctx ends; spec has no Schema. The error is ErrNothingToDescribe if there
	// are no records yet, and ErrUndescribed if what the source reads never says
	// what its columns are.
	Describe(ctx context.Context, spec Spec) (Description, error)
}

var (
	// ErrNothingToDescribe is returned when there are no records that columns could
	// be taken from.
	ErrNothingToDescribe = errors.New("there are no records yet")
	// ErrUndescribed is returned when records of the source's format don't name
	// their fields, or not all of them.
	ErrUndescribed = errors.New("its records do not say what columns they have")
)

// ErrCannotWiden is returned when a column of a source can't get a wider type, because
// something depends on the one it has.
var ErrCannotWiden = errors.New("a column can't get a wider type")

// Description is what records of a source are made of.
type Description struct {
	From    string // where this is taken from, for people: "schema 7 (shop.Order) of …"
	Columns []batch.Column
	Omitted []Omission
	// EventTime is the column that has the time at which things happened, "" if that
	// is not known, and Delay how far rows came behind one another by it.
	EventTime string
	Delay     time.Duration
}

// Omission is a field that can't have a column.
type Omission struct{ Field, Why string }

// Spec describes a source to its connector.
type Spec struct {
	Name    string            // the source's name, for messages and metrics
	Options map[string]string // WITH (…), names in lower case
	Format  string            // PLAIN, or UPSERT or DEBEZIUM for a source that is read by key
	Encode  string            // JSON, AVRO, PROTOBUF, CSV, TEXT or BYTES
	// EncodeOptions are what stands in parentheses behind ENCODE, names in lower case.
	EncodeOptions map[string]string
	KeyEncode     string        // how keys are encoded: JSON, TEXT, BYTES, AVRO, PROTOBUF; "" is the connector's choice
	Schema        *batch.Schema // the columns to decode, without generated ones and metadata
	Paths         []string      // where the values of Schema's columns are, nil or "" for the field of the column's name
	Included      []Included    // columns behind those of Schema
	Key           []int         // of a source that is read by key: those of Schema that are the primary key
	Alloc         *batch.Allocator
	Parquet       Parquet // reads such files, of directories that the operator allows
	Logger        *slog.Logger
	// Limits on one record; zero values mean the connector's defaults.
	MaxRecordBytes, MaxDepth, MaxFields int
	// Grow, if it is set, adds columns to the source, durably, and gives those that it
	// has types that are wider. The reader is closed meanwhile, so that ctx must be one
	// that this ends, and another one is opened with them where it stood. An error says
	// that the source is as it was; ErrCannotWiden, that asking again will not help
	// unless somebody changes something.
	Grow func(ctx context.Context, columns []batch.Column) error
}

// WithDefaults returns the spec with a logger that discards and an allocator of its
// own where it has none.
func (s Spec) WithDefaults() Spec {
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Alloc == nil {
		s.Alloc = batch.NewAllocator()
	}
	return s
}

// Parquet reads Parquet files. It is safe for concurrent use.
type Parquet interface {
	// Columns returns the columns that a source of a file's rows can have.
	Columns(ctx context.Context, path string) ([]batch.Column, error)
	// Rows returns the number of rows of a file.
	Rows(ctx context.Context, path string) (int64, error)
	// Read returns the rows of a file from first up to next, with the columns of
	// schema, as a record that the caller owns. Rows with values that do not fit are
	// rejected; their offsets are the numbers of the rows in the file.
	Read(ctx context.Context, path string, schema *batch.Schema, first, next int64, mem *batch.Allocator) (arrow.RecordBatch, []batch.Rejected, error)
}

// Included is a column that is another part of a record than its value's fields.
type Included struct {
	batch.Column
	Part     Part
	PartName string // of a Header, and of a Key's field; "" for all of a Key
}

// Part is a part of a record.
type Part string

// The parts of records that INCLUDE makes columns of, besides those that are
// metadata of every record.
const (
	Key     Part = "key"     // a field of the key, or all of it, as its encoding says; NULL if there is no key
	Header  Part = "header"  // the value of the last header of a name, NULL if there is none
	Headers Part = "headers" // all headers, as JSON
	Payload Part = "payload" // the value, as it is
)

// Position is where reading a partition begins.
type Position struct {
	Partition   int32
	Next        int64  // the offset to deliver next
	LeaderEpoch int32  // of the record before Next, -1 unknown
	TopicID     string // the identity of the topic when it was last read, "" unknown
	End         int64  // where the log ended when that was last seen, -1 unknown
}

// Sink takes what a reader delivers. It is safe for concurrent use.
type Sink interface {
	// Append hands a batch over, whose owner is then the sink even when it
	// returns an error. It blocks while the hot buffers are full: that is the
	// back-pressure. An error means that the source is closing.
	Append(ctx context.Context, b *batch.Batch) error
}

// Reader reads one source until it is closed.
type Reader interface {
	// Status returns the state now. It does not block.
	Status() Status
	// Committed tells the reader which offsets are durable, so that it can
	// commit them to the consumer group for lag monitors. It does not block.
	Committed(next map[int32]int64)
	// Close stops the reader and waits for it. No Append is under way after it.
	Close() error
}

// State is what a reader is doing.
type State string

// The states. A reader is Running only while the broker has proved, by a
// successful request in the last health interval, that it can be read.
const (
	Starting State = "starting"
	Running  State = "running"
	Retrying State = "retrying" // it will go on by itself when the cause is gone
	Stalled  State = "stalled"  // it needs a decision: see the error
	Stopped  State = "stopped"
	Paused   State = "paused" // ALTER SOURCE … PAUSE: there is no reader
)

// Status is a reader's state.
type Status struct {
	State      State
	Error      string // why, when Retrying or Stalled; names the broker, topic, partition
	Since      time.Time
	Partitions []PartitionStatus
	Bytes      int64 // record bytes read since the reader opened
	Records    int64 // records delivered, rejected included
	Duplicates int64 // records dropped because their offset was below the expected one
}

// PartitionStatus is one partition's state.
type PartitionStatus struct {
	Partition int32
	TopicID   string
	Name      string // of what it is, where that is no topic: a file's
	Next      int64  // the offset delivered next
	Start     int64  // log start offset, -1 unknown
	End       int64  // the last stable end offset, -1 unknown
	State     State
	Error     string
	Gaps      []Gap // offsets that the broker no longer had
	// Undecided is how many offsets were found to be lost while the partition is
	// Stalled because of them. No range that was delivered counts them.
	Undecided int64
}

// Gap is a range of offsets [From, To) that was lost by the broker or its retention.
// It is empty when a topic was replaced all of which had been read.
type Gap struct {
	From, To int64
	Reason   string
	At       time.Time
}
