package catalog

import (
	"cmp"
	"slices"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/engine/watermark"
)

// SourceColumn is a column of a source.
type SourceColumn struct {
	Name string
	Type batch.Type
	// Generated is the DuckDB expression over the decoded columns that makes
	// the column, "" for one that is decoded.
	Generated string
	// Path is where a decoded column's value is in the record, "" for the field of its
	// name.
	Path string `json:",omitempty"`
	// Part is the part of the record that the column is, "" for a field of its value;
	// a header, and a field of a key, has a name.
	Part     source.Part `json:",omitempty"`
	PartName string      `json:"Header,omitempty"`
}

// SourceDefinition is what CREATE SOURCE says.
type SourceDefinition struct {
	Name        string
	SQL         string // the statement, for SHOW CREATE
	Columns     []SourceColumn
	Key         []int  `json:",omitempty"` // the primary key's columns: FORMAT UPSERT or DEBEZIUM
	EventTime   string // the watermark's column, "" for none
	DelayMicros int64  // of the watermark behind the event time
	Connector   string // "" for a source that only INSERT feeds
	Options     map[string]string
	Format      string
	Encode      string
	// EncodeOptions are what stands in parentheses behind ENCODE.
	EncodeOptions map[string]string `json:",omitempty"`
	KeyEncode     string            `json:",omitempty"` // KEY ENCODE's word
	Retention     time.Duration     // of rows in history, 0 for ever
	IdleTimeout   time.Duration     // 0 for the default
	MaxFuture     time.Duration     // 0 for the default
	NoHistory     bool              // rows are forgotten once a checkpoint covers them
	Paused        bool              // nothing is read until ALTER SOURCE … RESUME
	Comments      Comments
	Access        Access `json:",omitzero"`
}

// The connectors that Millstream knows more of than their names: of sources whose
// rows are pushed, and of those that read files of the server.
const (
	PushConnector = "push"
	FileConnector = "file"
)

// Fed reports whether rows are handed to the source, and no reader fetches them.
func (d *SourceDefinition) Fed() bool { return d.Connector == "" || d.Connector == PushConnector }

// The defaults of a source's watermark.
const (
	DefaultIdleTimeout = 30 * time.Second
	DefaultMaxFuture   = 10 * time.Minute
)

// The names of a source's tables besides its rows.
const (
	LateSuffix     = "$late"
	RejectedSuffix = "$rejected"
)

// Schema returns all columns of the source's rows: its own, then metadata.
func (d *SourceDefinition) Schema() *batch.Schema {
	columns := make([]batch.Column, len(d.Columns))
	for i, c := range d.Columns {
		columns[i] = batch.Column{Name: c.Name, Type: c.Type}
	}
	return batch.NewSchema(columns).WithMetadata()
}

// SchemaOf returns the columns of the source's rows as they were when the
// source had the given number of columns; 0 means all.
func (d *SourceDefinition) SchemaOf(columns int) *batch.Schema {
	if columns == 0 || columns == len(d.Columns) {
		return d.Schema()
	}
	older := *d
	older.Columns = d.Columns[:columns]
	return older.Schema()
}

// Paths returns where the values of the columns of Decoded are, nil if each is in the
// field of its name.
func (d *SourceDefinition) Paths() (paths []string) {
	some := false
	for _, c := range d.Columns {
		if c.Generated == "" && c.Part == "" {
			paths = append(paths, c.Path)
			some = some || c.Path != ""
		}
	}
	if !some {
		return nil
	}
	return paths
}

// Included returns the columns that are other parts of records than their values'
// fields.
func (d *SourceDefinition) Included() (included []source.Included) {
	for _, c := range d.Columns {
		if c.Part != "" {
			included = append(included, source.Included{Column: batch.Column{Name: c.Name, Type: c.Type}, Part: c.Part, PartName: c.PartName})
		}
	}
	return included
}

// Read returns the columns that come from records, without metadata: those of
// Decoded, then those that are Included.
func (d *SourceDefinition) Read() *batch.Schema {
	columns := d.Decoded().Columns
	for _, c := range d.Included() {
		columns = append(columns, c.Column)
	}
	return batch.NewSchema(columns)
}

// Decoded returns the columns that a reader decodes of records' values and keys,
// without metadata.
func (d *SourceDefinition) Decoded() *batch.Schema {
	var columns []batch.Column
	for _, c := range d.Columns {
		if c.Generated == "" && c.Part == "" {
			columns = append(columns, batch.Column{Name: c.Name, Type: c.Type})
		}
	}
	return batch.NewSchema(columns)
}

// LateSchema returns the columns of <source>$late: which view refused the row,
// for which window, at which watermark; then the row.
func (d *SourceDefinition) LateSchema() *batch.Schema {
	rows := d.Schema()
	eventTime := batch.Type{Kind: batch.TimestampTZ}
	if i := rows.Index(d.EventTime); i >= 0 {
		eventTime = rows.Columns[i].Type
	}
	columns := []batch.Column{
		{Name: "view", Type: batch.Type{Kind: batch.Varchar}}, {Name: "window_start", Type: eventTime},
		{Name: "window_end", Type: eventTime}, {Name: "watermark", Type: eventTime},
	}
	for i := range columns { // a source's own columns keep their names
		for rows.Index(columns[i].Name) >= 0 {
			columns[i].Name = "_" + columns[i].Name
		}
	}
	return batch.NewSchema(append(columns, rows.Columns...))
}

// RejectedSchema returns the columns of <source>$rejected.
func RejectedSchema() *batch.Schema {
	m := batch.MetadataColumns()
	return batch.NewSchema(append(m, batch.Column{Name: "value", Type: batch.Type{Kind: batch.Blob}},
		batch.Column{Name: "error", Type: batch.Type{Kind: batch.Varchar}}))
}

// HistoryTables returns the tables of history that a source has. The rows of a
// keyed source are in none, but in Latest.
func (d *SourceDefinition) HistoryTables() []history.Table {
	tables := []history.Table{
		{Name: d.Name + LateSuffix, Columns: d.LateSchema().Columns, Retention: d.Retention},
		{Name: d.Name + RejectedSuffix, Columns: RejectedSchema().Columns, Retention: d.Retention},
	}
	if !d.NoHistory && !d.Keyed() {
		tables = append(tables, history.Table{Name: d.Name, Columns: d.Schema().Columns, Retention: d.Retention})
	}
	return tables
}

// Retypes reports whether columns have other types here than they have in another
// definition of the source.
func (d *SourceDefinition) Retypes(was *SourceDefinition) bool {
	had := was.Schema()
	return slices.ContainsFunc(d.Columns, func(c SourceColumn) bool {
		i := had.Index(c.Name)
		return i >= 0 && had.Columns[i].Type != c.Type
	})
}

// WatermarkOptions returns how the watermark follows the event time.
func (d *SourceDefinition) WatermarkOptions() watermark.Options {
	return watermark.Options{
		DelayMicros: d.DelayMicros, IdleTimeout: cmp.Or(d.IdleTimeout, DefaultIdleTimeout), MaxFuture: cmp.Or(d.MaxFuture, DefaultMaxFuture),
	}
}
