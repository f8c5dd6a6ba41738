package catalog

import (
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/history"
)

// RowID is the column by which schema dml shows where a table's row lies.
const RowID = "ms$rowid"

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
	Access   Access `json:",omitzero"`
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

// KeyColumns returns the quoted names of the key's columns, each behind the
// given text.
func (d *TableDefinition) KeyColumns(prefix string) []string {
	names := make([]string, len(d.Key))
	for i, k := range d.Key {
		names[i] = prefix + history.Quote(d.Columns[k].Name)
	}
	return names
}

// Relation is the table's name in the file.
func (d *TableDefinition) Relation() string { return "main." + history.Quote(d.Name) }

// CreateSQL makes the table in the file. It has no index: what DuckDB deletes
// from an indexed table it never frees, and the engine is the only writer.
func (d *TableDefinition) CreateSQL() string {
	defs := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		defs[i] = history.Quote(c.Name) + " " + c.Type.String()
	}
	return fmt.Sprintf("CREATE TABLE %s (%s)", d.Relation(), strings.Join(defs, ", "))
}

// AlterSQL makes another table of this one in the file.
func (d *TableDefinition) AlterSQL(to *TableDefinition) (list []string) {
	had := d.Schema()
	for _, c := range to.Columns {
		if i := had.Index(c.Name); i >= 0 {
			if had.Columns[i].Type != c.Type {
				list = append(list, fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s TYPE %s", d.Relation(), history.Quote(c.Name), c.Type))
			}
			continue
		}
		list = append(list, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", d.Relation(), history.Quote(c.Name), c.Type))
	}
	if d.Name != to.Name {
		list = append(list, fmt.Sprintf("ALTER TABLE %s RENAME TO %s", d.Relation(), history.Quote(to.Name)))
	}
	return list
}

// UpdateSchema returns the columns of rows that change: RowID, and the new
// values of columns.
func (d *TableDefinition) UpdateSchema(columns []int) *batch.Schema {
	list := []batch.Column{{Name: RowID, Type: batch.Type{Kind: batch.BigInt}}}
	for _, i := range columns {
		list = append(list, batch.Column{Name: d.Columns[i].Name, Type: d.Columns[i].Type})
	}
	return batch.NewSchema(list)
}
