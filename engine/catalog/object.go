package catalog

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/millstream-db/millstream/engine/history"
)

// The kinds of objects.
const (
	KindSource = "source"
	KindView   = "view"
	KindTable  = "table"
)

// Comments are what COMMENT ON has said of an object, under "", and of its
// columns, under their names.
type Comments map[string]string

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
