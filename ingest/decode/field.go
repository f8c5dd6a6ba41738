package decode

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

// Field is how a schema of records calls a field.
type Field struct {
	Name    string
	Aliases []string
}

// ColumnsOf returns the column of each field, -1 for none: a field belongs to the
// column of its name, or else of its name in another letter case, or else of an
// alias. Of fields whose names differ in letter case only the last one counts.
func ColumnsOf(fields []Field, schema *batch.Schema) []int {
	found := make([]bool, len(schema.Columns))
	columnOf := make([]int, len(fields))
	for i := range columnOf {
		columnOf[i] = -1
	}
	give := func(fits func(f *Field, column string) bool) {
		for c, column := range schema.Columns {
			for i := len(fields) - 1; i >= 0 && !found[c]; i-- {
				if columnOf[i] < 0 && fits(&fields[i], column.Name) {
					found[c], columnOf[i] = true, c
				}
			}
		}
	}
	give(func(f *Field, column string) bool { return f.Name == column })
	give(func(f *Field, column string) bool { return strings.EqualFold(f.Name, column) })
	give(func(f *Field, column string) bool { return slices.Contains(f.Aliases, column) })
	give(func(f *Field, column string) bool {
		return slices.ContainsFunc(f.Aliases, func(a string) bool { return strings.EqualFold(a, column) })
	})
	return columnOf
}

// Missing returns the columns of a table that no field gives; columnOf is
// ColumnsOf's.
func Missing(columnOf []int, table *batch.Schema) (columns []int) {
	for c := range table.Columns {
		if !slices.Contains(columnOf, c) {
			columns = append(columns, c)
		}
	}
	return columns
}

// Why a field does not fit its column.
var (
	ErrFamily    = errors.New("") // which the types say
	ErrNarrower  = errors.New("some of its values would not fit")
	ErrDeclare   = errors.New("declare the column as JSON, or as STRUCT, list or MAP, or leave it out")
	ErrText      = errors.New("declare it by its own type, or as JSON")
	ErrTimestamp = errors.New("it does not say what it counts: declare the column as BIGINT, and make a generated column of it")
)

// RefusedError says that records of a schema can't be rows of a table.
type RefusedError struct {
	// Problems are one line for each column that its field does not fit.
	Problems []string
}

func (e *RefusedError) Error() string { return strings.Join(e.Problems, "; ") }

// Add says that a column can't hold a field of a type.
func (e *RefusedError) Add(column batch.Column, field string, typ fmt.Stringer, why error) {
	reason := ""
	if why.Error() != "" {
		reason = " (" + why.Error() + ")"
	}
	e.Problems = append(e.Problems, fmt.Sprintf("column %q of type %s can't hold field %q of type %s%s", column.Name, column.Type, field, typ, reason))
}

// Check returns e if something was added, or an error if the fields give none of the
// table's columns.
func (e *RefusedError) Check(missing []int, table *batch.Schema) error {
	switch {
	case len(e.Problems) > 0:
		return e
	case len(missing) == len(table.Columns) && len(table.Columns) > 0:
		return &RefusedError{Problems: []string{"none of its fields has the name of a column"}}
	}
	return nil
}
