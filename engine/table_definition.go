package engine

import (
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/history"
)

// KindTable is the kind of a table of rows.
const KindTable = "table"

// TableColumn is a column of a table.
type TableColumn struct {
	Name    string
	Type    batch.Type
	NotNull bool
	Default string // the DuckDB expression of a value that is not given, "" for NULL
}

// TableDefinition is what CREATE TABLE says.
type TableDefinition struct {
	Name    string
	SQL     string // the statement, for SHOW CREATE
	Columns []TableColumn
	Key     []int // the primary key's columns, nil for none

	Comments Comments
}

// Schema returns the table's columns.
func (d *TableDefinition) Schema() *batch.Schema {
	columns := make([]batch.Column, len(d.Columns))
	for i, c := range d.Columns {
		columns[i] = batch.Column{Name: c.Name, Type: c.Type}
	}
	return batch.NewSchema(columns)
}

// KeyName returns the name of the primary key's constraint.
func (d *TableDefinition) KeyName() string { return d.Name + "_pkey" }

// keyColumns returns the quoted names of the key's columns, each behind the
// given text.
func (d *TableDefinition) keyColumns(prefix string) []string {
	names := make([]string, len(d.Key))
	for i, k := range d.Key {
		names[i] = prefix + history.Quote(d.Columns[k].Name)
	}
	return names
}

// relation is the table's name in the file.
func (d *TableDefinition) relation() string { return "main." + history.Quote(d.Name) }

// createSQL makes the table in the file. It has no index: what DuckDB deletes
// from an indexed table it never frees, and the engine is the only writer.
func (d *TableDefinition) createSQL() string {
	defs := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		defs[i] = history.Quote(c.Name) + " " + c.Type.String()
	}
	return fmt.Sprintf("CREATE TABLE %s (%s)", d.relation(), strings.Join(defs, ", "))
}
