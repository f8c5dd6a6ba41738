package decode

import (
	"slices"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
)

func TestColumnsOfFields(t *testing.T) {
	t.Parallel()
	table := batch.NewSchema(batchtest.Columns(t, "id BIGINT", "name VARCHAR"))
	for _, c := range []struct {
		fields []Field
		want   []int
	}{
		{[]Field{{Name: "name"}, {Name: "other"}, {Name: "id"}}, []int{1, -1, 0}},
		{[]Field{{Name: "ID"}, {Name: "id"}}, []int{-1, 0}},
		{[]Field{{Name: "Id"}, {Name: "ID"}}, []int{-1, 0}},
		{[]Field{{Name: "x", Aliases: []string{"id"}}, {Name: "ID"}}, []int{-1, 0}},
		{[]Field{{Name: "x", Aliases: []string{"a", "NAME"}}}, []int{1}},
		{nil, []int{}},
	} {
		if got := ColumnsOf(c.fields, table); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.fields, got, c.want)
		}
	}
}
