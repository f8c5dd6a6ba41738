package decode

import (
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

// RefusedError says that records of a schema can't be rows of a table.
type RefusedError struct {
	// Problems are one line for each column that its field does not fit.
	Problems []string
}

func (e *RefusedError) Error() string { return strings.Join(e.Problems, "; ") }
