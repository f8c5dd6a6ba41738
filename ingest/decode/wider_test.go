package decode

import (
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
)

func TestWiderTypes(t *testing.T) {
	for _, tt := range []struct{ column, other, want string }{
		{"INTEGER", "BIGINT", "BIGINT"}, {"BIGINT", "INTEGER", "BIGINT"}, {"SMALLINT", "INTEGER", "INTEGER"}, {"BIGINT", "HUGEINT", "HUGEINT"},
		{"UINTEGER", "BIGINT", "BIGINT"}, {"INTEGER", "UINTEGER", "BIGINT"}, {"UINTEGER", "INTEGER", "BIGINT"}, {"UTINYINT", "TINYINT", "SMALLINT"}, {"UTINYINT", "UBIGINT", "UBIGINT"},
		{"BIGINT", "UBIGINT", "HUGEINT"}, {"UBIGINT", "BIGINT", "HUGEINT"}, {"UBIGINT", "UINTEGER", "UBIGINT"},
		{"REAL", "DOUBLE", "DOUBLE"}, {"DOUBLE", "REAL", "DOUBLE"}, {"INTEGER", "REAL", "DOUBLE"}, {"INTEGER", "DOUBLE", "DOUBLE"}, {"UINTEGER", "DOUBLE", "DOUBLE"},
		{"BIGINT", "DOUBLE", "BIGINT"}, {"BIGINT", "REAL", "BIGINT"}, {"UBIGINT", "DOUBLE", "UBIGINT"}, // not exact
		{"REAL", "BIGINT", "REAL"}, {"DOUBLE", "INTEGER", "DOUBLE"},
		{"DECIMAL(10,2)", "DECIMAL(12,2)", "DECIMAL(12,2)"}, {"DECIMAL(10,2)", "DECIMAL(10,4)", "DECIMAL(12,4)"}, {"DECIMAL(12,2)", "DECIMAL(10,2)", "DECIMAL(12,2)"},
		{"DECIMAL(38,2)", "DECIMAL(38,4)", "DECIMAL(38,2)"},
		{"VARCHAR", "BIGINT", "VARCHAR"}, {"INTEGER", "VARCHAR", "INTEGER"}, {"DATE", "TIMESTAMP", "DATE"}, {"BOOLEAN", "INTEGER", "BOOLEAN"}, {"INTEGER", "BOOLEAN", "INTEGER"}, {"JSON", "JSON", "JSON"},
	} {
		types := batchtest.Columns(t, "a "+tt.column, "b "+tt.other, "c "+tt.want)
		if got := Wider(types[0].Type, types[1].Type); got != types[2].Type {
			t.Errorf("%s and %s: %s, want %s", tt.column, tt.other, got, tt.want)
		}
	}
	// Of whole numbers the result is the narrowest type that has both, whichever is asked first.
	for a := batch.TinyInt; a <= batch.HugeInt; a++ {
		for b := batch.TinyInt; b <= batch.HugeInt; b++ {
			x, y := Wider(batch.Type{Kind: a}, batch.Type{Kind: b}), Wider(batch.Type{Kind: b}, batch.Type{Kind: a})
			if x != y || x.Kind.WholeBits() < max(a.WholeBits(), b.WholeBits()) || (a.Signed() || b.Signed()) && !x.Kind.Signed() {
				t.Errorf("%s and %s: %s and %s", batch.Type{Kind: a}, batch.Type{Kind: b}, x, y)
			}
		}
	}
}
