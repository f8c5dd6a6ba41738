package protobuf

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

func TestProposedColumns(t *testing.T) {
	t.Parallel()
	s, err := ParseSchema(`syntax = "proto3";
import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/wrappers.proto";
import "google/type/date.proto"; import "google/type/timeofday.proto"; import "google/type/decimal.proto";
message Root {
  bool b = 1; int32 i = 2; uint32 u = 3; sint64 l = 4; fixed64 x = 5; float f = 6; double d = 7; string s = 8; bytes y = 9; E e = 10;
  google.protobuf.Timestamp ts = 11; google.protobuf.Duration took = 12; google.protobuf.StringValue note = 13; google.type.Date day = 14;
  google.type.TimeOfDay at = 15; google.type.Decimal price = 16; repeated int32 list = 17; map<string, int32> pairs = 18; Root next = 19;
  oneof one { int64 first = 20; string second = 21; } string orderId = 22; int32 _offset = 23; int32 S = 24;
  Order order = 25; repeated Order.Line lines = 26; map<uint32, Order> by_number = 27; Twice twice = 28; Empty empty = 29; Tree tree = 30;
}
message Order {
  message Line { string sku = 1; google.protobuf.DoubleValue price = 2; repeated E kinds = 3; map<bool, google.protobuf.Timestamp> times = 4; Tree tree = 5; }
  oneof by { string Card = 1; Line cash = 2; }
}
message Twice { int32 a = 1; int32 A = 2; }
message Empty {}
message Tree { Trees trees = 1; } message Trees { repeated Tree list = 1; }
enum E { A = 0; }`, noImports)
	if err != nil {
		t.Fatal(err)
	}
	show := func(table *batch.Schema) string {
		p := decode.ProposalFor(table)
		Propose(s, 0, table, p)
		var b strings.Builder
		for _, c := range p.Columns {
			fmt.Fprintf(&b, "%s %s; ", c.Name, c.Type)
		}
		for _, o := range p.Omitted {
			fmt.Fprintf(&b, "%s: %s; ", o.Field, o.Why)
		}
		return b.String()
	}
	const line = `STRUCT("sku" VARCHAR, "price" DOUBLE, "kinds" VARCHAR[], "times" MAP(BOOLEAN, TIMESTAMP WITH TIME ZONE), "tree" JSON)`
	const want = `b BOOLEAN; i INTEGER; u BIGINT; l BIGINT; x UBIGINT; f FLOAT; d DOUBLE; s VARCHAR; y BLOB; e VARCHAR; ts TIMESTAMP WITH TIME ZONE; ` +
		`took INTERVAL; note VARCHAR; day DATE; at TIME; price JSON; list INTEGER[]; pairs MAP(VARCHAR, INTEGER); next JSON; first BIGINT; second VARCHAR; orderId VARCHAR; ` +
		`order STRUCT("Card" VARCHAR, "cash" ` + line + `); lines ` + line + `[]; by_number MAP(BIGINT, STRUCT("Card" VARCHAR, "cash" ` + line + `)); twice JSON; empty JSON; tree JSON; ` +
		`_offset: every source has a column _offset of its own; S: its name differs from "s" in letter case only; `
	if got := show(batch.NewSchema(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := show(columnsOf(t, "ORDERID VARCHAR", "s VARCHAR", "b JSON")); strings.Contains(got, "orderId") || strings.HasPrefix(got, "b ") {
		t.Errorf("besides a table's columns: %s", got)
	}
}

// TestProposedColumnsTakeEveryRecord writes random records of random schemas, and
// reads them into the columns that are proposed.
func TestProposedColumnsTakeEveryRecord(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		text := randomSchema(r)
		root := descriptorOf(t, text, "Root")
		s, err := ParseSchema(text, noImports)
		if err != nil {
			r.Fatal(err)
		}
		message, err := s.Named("Root")
		if err != nil {
			r.Fatal(err)
		}
		var p decode.Proposal
		Propose(s, message, batch.NewSchema(nil), &p)
		if len(p.Columns) != root.Fields().Len() {
			r.Fatalf("%s: %d columns", text, len(p.Columns))
		}
		d, err := Compile(s, message, batch.NewSchema(p.Columns), decode.Limits{})
		if err != nil {
			r.Fatalf("%s: %v", text, err)
		}
		b := batch.NewBuilder(batch.NewAllocator(), batch.NewSchema(p.Columns))
		defer b.Release()
		for range 5 {
			data := record(r, root)
			if err := d.Decode(data, b); err != nil && !strings.Contains(err.Error(), "not a duration") { // two durations merged may be none
				r.Fatalf("%s\n%x: %v", text, data, err)
			}
		}
	})
}
