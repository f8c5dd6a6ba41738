package assign

import (
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query/parser"
)

func TestAssignable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from string
		to   batch.Kind
		want bool
	}{
		{"INTEGER", batch.SmallInt, true},
		{"DOUBLE", batch.BigInt, true},
		{"DECIMAL(38,10)", batch.Real, true},
		{"UHUGEINT", batch.UTinyInt, true},
		{"BOOLEAN", batch.Integer, false},
		{"INTEGER", batch.Boolean, false},
		{"VARCHAR", batch.Integer, false},
		{"VARCHAR", batch.TimestampTZ, false},
		{"VARCHAR", batch.JSON, false},
		{"VARCHAR", batch.Blob, false},
		{`"NULL"`, batch.UUID, true},
		{"INTEGER[]", batch.Varchar, true},
		{"UUID", batch.Varchar, true},
		{"UUID", batch.UUID, true},
		{"INTEGER[]", batch.JSON, true},
		{"STRUCT(\"a\" INTEGER)", batch.JSON, true},
		{"DATE", batch.Timestamp, true},
		{"TIMESTAMP WITH TIME ZONE", batch.Date, true},
		{"TIMESTAMP_S", batch.TimestampTZ, true},
		{"TIMESTAMP", batch.Time, true},
		{"DATE", batch.Time, false},
		{"TIME WITH TIME ZONE", batch.Time, true},
		{"TIME", batch.Timestamp, false},
		{"DATE", batch.Integer, false},
	} {
		if got := Assignable(c.from, batch.Type{Kind: c.to}); got != c.want {
			t.Errorf("%s into %s: %t, want %t", c.from, batch.Type{Kind: c.to}, got, c.want)
		}
	}
}

func TestTextRemembersPlaces(t *testing.T) {
	t.Parallel()
	const sql = "VALUES ('x', DEFAULT), (nope, 2)"
	rows, _ := parser.Cells(sql)
	text := NewText(sql)
	for _, row := range rows {
		for _, c := range row {
			text.Cast(c, batch.Type{Kind: batch.BigInt}, "7")
		}
	}
	text.CopyTo(len(sql))
	const want = "VALUES (CAST('x' AS BIGINT), CAST(7 AS BIGINT)), (CAST(nope AS BIGINT), CAST(2 AS BIGINT))"
	if text.String() != want {
		t.Fatalf("%s, want %s", text, want)
	}
	for _, c := range []struct{ at, from string }{
		{"VALUES", "VALUES"}, {"CAST('x'", "'x'"}, {"'x'", "'x'"}, {" AS BIGINT), CAST(7", "'x'"}, {"7", "DEFAULT"}, {"nope", "nope"}, {"ope", "ope"}, {"CAST(2", "2)"},
	} {
		if got := text.Original(strings.Index(want, c.at)); got != strings.Index(sql, c.from) {
			t.Errorf("%q comes from %d, want %d", c.at, got, strings.Index(sql, c.from))
		}
	}
	text.Shift(10)
	if got := text.Original(10 + strings.Index(want, "nope")); got != strings.Index(sql, "nope") {
		t.Errorf("behind a prefix nope comes from %d", got)
	}
	if got := text.Original(9); got != parser.NoOffset {
		t.Errorf("the prefix comes from %d", got)
	}
	text.Lose()
	if got := text.Original(20); got != parser.NoOffset {
		t.Errorf("a lost place is at %d", got)
	}
}

func TestNestedAssignable(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"INTEGER[]", "BIGINT[]", true}, {`STRUCT("a" INTEGER)[]`, "STRUCT(a BIGINT)[]", true}, {`STRUCT("a" INTEGER)`, "STRUCT(a BIGINT)", true},
		{"MAP(VARCHAR, INTEGER)", "MAP(VARCHAR, BIGINT)", true}, {`"NULL"`, "INT[]", true},
		{`STRUCT("a" INTEGER)[]`, "STRUCT(a BIGINT)", false}, {`STRUCT("a" INTEGER)`, "INT[]", false}, {"MAP(VARCHAR, INTEGER)[]", "MAP(VARCHAR, INT)", false},
		{"INTEGER", "INT[]", false}, {"VARCHAR", "STRUCT(a INT)", false}, {"MAP(VARCHAR, INTEGER)", "STRUCT(a INT)", false}, {"JSON", "INT[]", false},
	} {
		to, err := batch.ParseType(c.to)
		if err != nil {
			t.Fatal(err)
		}
		if got := Assignable(c.from, to); got != c.want {
			t.Errorf("%s into %s: %t, want %t", c.from, to, got, c.want)
		}
	}
}
