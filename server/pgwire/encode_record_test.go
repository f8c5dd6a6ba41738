package pgwire

import (
	"bytes"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// TestRecords writes structs without names, whose bytes are PostgreSQL 15's.
func TestRecords(t *testing.T) {
	b := array.NewStructBuilder(memory.DefaultAllocator, arrow.StructOf(
		arrow.Field{Type: arrow.PrimitiveTypes.Int32, Nullable: true}, arrow.Field{Type: arrow.BinaryTypes.String, Nullable: true}))
	defer b.Release()
	number, text := b.FieldBuilder(0).(*array.Int32Builder), b.FieldBuilder(1).(*array.StringBuilder)
	b.Append(true)
	number.Append(7)
	text.Append(`a "b\`)
	b.Append(true)
	number.AppendNull()
	text.Append("")
	values := b.NewStructArray()
	defer values.Release()
	typ := parseType(`STRUCT("" INTEGER, "" VARCHAR)`)
	if typ.oid != oidRecord {
		t.Fatalf("the type is %d", typ.oid)
	}
	e := newRowEncoder(nil, nil, nil, time.UTC)
	asText, asBinary := e.textAppender(typ, values), e.binaryAppender(typ, values)
	for row, want := range []string{`(7,"a ""b\\")`, `(,"")`} {
		if got := string(asText(nil, row)); got != want {
			t.Errorf("row %d: %s, want %s", row, got, want)
		}
	}
	want := []byte{0, 0, 0, 2, 0, 0, 0, oidInt4, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, oidText, 0, 0, 0, 0}
	if got := asBinary(nil, 1); !bytes.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, named := range []string{`STRUCT("a" INTEGER, "b" VARCHAR)`, `STRUCT("a" INTEGER, "" VARCHAR)`} {
		if oid := parseType(named).oid; oid != oidJSON {
			t.Errorf("%s is %d", named, oid)
		}
	}
}
