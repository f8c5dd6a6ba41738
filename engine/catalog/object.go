package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/history"
)

// The kinds of objects.
const (
	KindSource = "source"
	KindView   = "view"
	KindTable  = "table"
)

// Object is the definition of a source, a table or a view.
type Object interface {
	// About returns what COMMENT ON has said of it, whose it is and who may do what with it.
	About() (Comments, Access)
}

// About implements Object.
func (d *SourceDefinition) About() (Comments, Access) { return d.Comments, d.Access }

// About implements Object.
func (d *TableDefinition) About() (Comments, Access) { return d.Comments, d.Access }

// About implements Object.
func (d *ViewDefinition) About() (Comments, Access) { return d.Comments, d.Access }

// Comments are what COMMENT ON has said of an object, under "", and of its
// columns, under their names.
type Comments map[string]string

// Fill appends a row of the system table of comments for each of an object's.
func (c Comments) Fill(object string, b *batch.Builder) {
	for _, column := range slices.Sorted(maps.Keys(c)) {
		b.Column(0).AppendString(object)
		b.Column(1).AppendText(column)
		b.Column(2).AppendString(c[column])
	}
}

// With returns the comments with one of them replaced; an empty text removes it.
func (c Comments) With(column, text string) Comments {
	out := maps.Clone(c)
	if out == nil {
		out = make(Comments)
	}
	out[column] = text
	if text == "" {
		delete(out, column)
	}
	return out
}

// HistoryTables returns the tables of history of an object, given its
// definition as Encode wrote it.
func HistoryTables(kind string, definition []byte) ([]history.Table, error) {
	switch kind {
	case KindTable: // its rows are a table of the file as it is
		return nil, nil
	case KindSource:
		var def SourceDefinition
		err := json.Unmarshal(definition, &def)
		return def.HistoryTables(), err
	}
	var def ViewDefinition
	err := json.Unmarshal(definition, &def)
	return def.HistoryTables(), err
}

// Encode returns a definition as the catalog keeps it.
func Encode(definition any) []byte {
	b, err := json.Marshal(definition)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", definition, err)) // plain structs: can't happen
	}
	return b
}
