package view

import "github.com/millstream-db/millstream/engine/batch"

// Join looks rows of a table up for each row before stage one. A row that
// matches several of them becomes several rows.
//
// The columns that a join sees are the definition's SourceColumns, then those
// that the joins before it have added, then its own.
type Join struct {
	Table string
	Left  bool   // a row without a match stays, with NULLs
	Where string // DuckDB condition on the table's rows, by its own columns; "" for none
	Keys  []JoinKey
	// Columns are the table's columns that are added. Their Names are those by
	// which expressions of the view know them.
	Columns []JoinColumn
}

// JoinKey is an equality between the rows so far and the table's. NULL equals
// nothing.
type JoinKey struct {
	Row   Expr   // over the columns that the join sees
	Table string // DuckDB expression over the table's columns, of the type of Row
}

// JoinColumn is a column of a table under the name that it has in the view.
type JoinColumn struct {
	Name   string
	Column string // in the table
	Type   batch.Type
}

// Input returns the columns that stage one reads, given those of the source's
// rows: with joins, SourceColumns and what the joins add.
func (d *Definition) Input(source *batch.Schema) *batch.Schema {
	return d.JoinInput(source, len(d.Joins))
}

// JoinInput returns the columns that join number i reads.
func (d *Definition) JoinInput(source *batch.Schema, i int) *batch.Schema {
	if len(d.Joins) == 0 {
		return source
	}
	var columns []batch.Column
	for _, c := range d.SourceColumns {
		columns = append(columns, source.Columns[c])
	}
	for _, j := range d.Joins[:i] {
		for _, c := range j.Columns {
			columns = append(columns, batch.Column{Name: c.Name, Type: c.Type})
		}
	}
	return batch.NewSchema(columns)
}
