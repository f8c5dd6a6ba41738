package batch

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// Column is one column of a source.
type Column struct {
	Name string
	Type Type
}

// The metadata columns that every batch carries after its source's own.
const (
	PartitionColumn = "_partition"
	OffsetColumn    = "_offset"
	TimestampColumn = "_timestamp"
	KeyColumn       = "_key"
)

// MetadataColumns returns the columns that follow a source's own in every
// batch, in order: partition, offset, the broker's timestamp, the record's key.
func MetadataColumns() []Column {
	return []Column{
		{PartitionColumn, Type{Kind: Integer}},
		{OffsetColumn, Type{Kind: BigInt}},
		{TimestampColumn, Type{Kind: TimestampTZ}},
		{KeyColumn, Type{Kind: Blob}},
	}
}

// DeletedColumn, a BOOLEAN behind the metadata, is in batches of sources that are
// read by key: true says that the key was deleted, and of the source's own
// columns only those of the key have a value then. Where they have none either, all
// keys were deleted that came before. It is never NULL.
const DeletedColumn = "ms$deleted"

// Schema is an ordered list of columns. It is immutable; names are unique
// without regard to letter case.
type Schema struct {
	Columns []Column
	arrow   *arrow.Schema
	byName  map[string]int
}

// NewSchema returns the schema of the given columns, which it keeps.
func NewSchema(columns []Column) *Schema {
	fields := make([]arrow.Field, len(columns))
	byName := make(map[string]int, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c.Name, Type: c.Type.Arrow(), Nullable: true}
		byName[strings.ToLower(c.Name)] = i
	}
	return &Schema{Columns: columns, arrow: arrow.NewSchema(fields, nil), byName: byName}
}

// WithMetadata returns the schema with the metadata columns behind its own.
func (s *Schema) WithMetadata() *Schema {
	return NewSchema(append(append([]Column(nil), s.Columns...), MetadataColumns()...))
}

// WithDeleted returns the schema with DeletedColumn behind it.
func (s *Schema) WithDeleted() *Schema {
	return NewSchema(append(append([]Column(nil), s.Columns...), Column{DeletedColumn, Type{Kind: Boolean}}))
}

// Arrow returns the same schema in Arrow's terms; all fields are nullable.
func (s *Schema) Arrow() *arrow.Schema { return s.arrow }

// Index returns the position of the named column in any letter case, or -1.
func (s *Schema) Index(name string) int {
	if i, ok := s.byName[strings.ToLower(name)]; ok {
		return i
	}
	return -1
}
