package protobuf

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

const fuzzProto = `edition = "2023"; option features.field_presence = IMPLICIT;
import "google/protobuf/timestamp.proto"; import "google/protobuf/struct.proto"; import "google/protobuf/wrappers.proto";
enum E { A = 0; B = 1; }
message R {
  int32 i = 1; string s = 2; R x = 3; map<string, R> m = 4; repeated sint64 l = 5; E e = 6;
  oneof o { double d = 7; R r = 8; bytes b = 9; }
  google.protobuf.Timestamp ts = 10; google.protobuf.Struct st = 11; google.protobuf.UInt64Value w = 12;
  R g = 13 [features.message_encoding = DELIMITED]; repeated E es = 14; map<int32, bool> flags = 15; fixed32 f = 16;
}`

// checker decodes records of fuzzProto behind a row that is there already.
// Whatever the record is, all columns keep one length, which grows by one if and
// only if the record is accepted; and what the library reads is in the columns.
type checker struct {
	table   *batch.Schema
	decoder *Decoder
	message protoreflect.MessageDescriptor
}

func newChecker(t testing.TB) checker {
	table := columnsOf(t, "i BIGINT", "s VARCHAR", "x JSON", "m JSON", "l JSON", "e VARCHAR", "d DOUBLE", "b BLOB",
		"ts TIMESTAMPTZ", "st JSON", "w UBIGINT", "g JSON", "es JSON", "flags JSON", "f UINTEGER")
	return checkerOf(t, table)
}

func newNestedChecker(t testing.TB) checker {
	return checkerOf(t, columnsOf(t, "x STRUCT(i BIGINT, s VARCHAR, x STRUCT(e VARCHAR, w UBIGINT), l BIGINT[], d DOUBLE, b BLOB, missing INT)",
		"m MAP(VARCHAR, STRUCT(i INT, ts TIMESTAMPTZ))", "l BIGINT[]", "g STRUCT(s VARCHAR, es VARCHAR[])", "es INTEGER[]", "flags MAP(INT, BOOLEAN)",
		"r STRUCT(f UINTEGER, flags MAP(BIGINT, BOOLEAN), m MAP(VARCHAR, STRUCT(l HUGEINT[])))"))
}

func checkerOf(t testing.TB, table *batch.Schema) checker {
	d := compile(t, fuzzProto, "R", table, decode.Limits{MaxBytes: 4096, MaxDepth: 12})
	return checker{table, d, descriptorOf(t, fuzzProto, "R")}
}

// records are some that are right.
func (c checker) records() (records [][]byte) {
	whole := wireOf("1:", 5, "2:", "text", "5:", "\x01\x02", "6:", 1, "10:", wireOf("1:", 5, "2:", 6), "12:", wireOf("1:", 7), "16:", uint32(1),
		"11:", wireOf("1:", wireOf("1:", "k", "2:", wireOf("6:", wireOf("1:", wireOf("2:", 1.5), "1:", wireOf("3:", "v"))))),
		"14:", 1, "14:", "\x00\x05", "15:", wireOf("1:", 3, "2:", 1), "15:", wireOf("1:", 3), "99:", group(wireOf("1:", "x")))
	for range 3 {
		records = append(records, whole)
		whole = slices.Concat(wireOf("4:", wireOf("1:", "key", "2:", whole), "7:", 2.5, "8:", whole), wireOf("13:", group(whole), "3:", whole, "9:", "b", "3:", "\x08\x01"))
	}
	return records
}

// mayRefuse is why records that the library takes may be wrong for us.
var mayRefuse = []string{badUTF8, hasNUL, tooDeep, tooLong, "exceeds the limit", "nanoseconds of a timestamp", "out of range for TIMESTAMP"}

// readByLibrary is a second opinion. The library panics on maps whose key is of
// another wire type: then it has none.
func (c checker) readByLibrary(record []byte) (m protoreflect.Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	d := dynamicpb.NewMessage(c.message)
	return d, proto.Unmarshal(record, d)
}

func (c checker) check(t *testing.T, record []byte) (accepted bool) {
	m, second := c.readByLibrary(record)
	decode := func(b *batch.Builder) error { return c.decoder.Decode(record, b) }
	err := batchtest.DecodeRow(t, fmt.Sprintf("%x", record), c.table, decode, func(rec arrow.RecordBatch) {
		if second == nil {
			compare(t, rec, 1, c.table, m)
		}
	})
	if err != nil && strings.Contains(err.Error(), "\n") {
		t.Errorf("rejected %x in more than one line: %v", record, err)
	}
	if err != nil && second == nil && !slices.ContainsFunc(mayRefuse, func(why string) bool { return strings.Contains(err.Error(), why) }) {
		t.Errorf("rejected %x: %v", record, err)
	}
	return err == nil
}

func FuzzDecode(f *testing.F) {
	c, nested := newChecker(f), newNestedChecker(f)
	for _, record := range c.records() {
		f.Add(record)
		f.Add(record[:len(record)-1])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, record []byte) {
		defer batchtest.MustEnd()()
		c.check(t, record)
		nested.check(t, record)
	})
}

// TestDamagedRecords changes, cuts and repeats bytes of good records.
func TestDamagedRecords(t *testing.T) {
	t.Parallel()
	for _, c := range []checker{newChecker(t), newNestedChecker(t)} {
		c.damage(t)
	}
}

func (c checker) damage(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	good, accepted := c.records(), 0
	const count = 10_000
	for range count {
		if c.check(t, batchtest.Damage(r, good[r.IntN(len(good))])) {
			accepted++
		}
		if t.Failed() {
			return
		}
	}
	if accepted < count/100 || accepted > count*9/10 {
		t.Errorf("%d of %d records were accepted: nothing is tested", accepted, count)
	}
}
