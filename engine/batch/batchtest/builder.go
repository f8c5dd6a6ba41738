// Package batchtest is what tests of those who fill batches have in common.
package batchtest

import (
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
)

// NewBuilder returns a builder whose memory must all be given back by the end of
// the test.
func NewBuilder(t testing.TB, schema *batch.Schema) *batch.Builder {
	t.Helper()
	mem := batch.NewAllocator()
	b := batch.NewBuilder(mem, schema)
	t.Cleanup(func() {
		b.Release()
		if n := mem.Bytes(); n != 0 {
			t.Errorf("%d bytes leaked", n)
		}
	})
	return b
}

// Columns reads columns as CREATE TABLE has them: "id BIGINT".
func Columns(t testing.TB, declarations ...string) []batch.Column {
	t.Helper()
	var columns []batch.Column
	for _, d := range declarations {
		columns = append(columns, column(t, d))
	}
	return columns
}

func column(t testing.TB, declaration string) batch.Column {
	t.Helper()
	name, text, _ := strings.Cut(declaration, " ")
	typ, err := batch.ParseType(text)
	if err != nil {
		t.Fatal(err)
	}
	return batch.Column{Name: name, Type: typ}
}
