package registry

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

// guidOf returns how a header names a schema by its GUID.
func guidOf(t *testing.T, c *Client, subject string, version int) []byte {
	t.Helper()
	s, err := c.client.SchemaByVersion(t.Context(), subject, version)
	if err != nil {
		t.Fatal(err)
	}
	guid, err := hex.DecodeString(strings.ReplaceAll(s.GUID, "-", ""))
	if err != nil || len(guid) != guidLength {
		t.Fatalf("GUID %q", s.GUID)
	}
	return append([]byte{guidFollows}, guid...)
}

// TestSchemasNamedInHeaders reads records whose schemas are named in all ways there
// are: by number or GUID, in front of the record or in a header, which counts then.
func TestSchemasNamedInHeaders(t *testing.T) {
	t.Parallel()
	r, url := serve(t, nil)
	id := register(t, r, "orders-value", sr.Schema{Schema: first})
	other := register(t, r, "orders-value", sr.Schema{Schema: second})
	c := client(t, Options{URLs: []string{url}})
	number, guid := binary.BigEndian.AppendUint32([]byte{0}, id), guidOf(t, c, "orders-value", 1)
	datum := "\x0e"
	f := NewFramed(c, Avro{}, table, decode.Limits{})
	b := batch.NewBuilder(batch.NewAllocator(), table)
	defer b.Release()
	take := func(header, value []byte) error {
		if f.Awaits(header, value) {
			if err := f.Fetch(t.Context(), header, value); err != nil {
				return err
			}
		}
		return f.Decode(header, value, b)
	}
	for i, record := range []struct{ header, value []byte }{
		{nil, append(number[:5:5], datum...)},
		{nil, append(guid[:17:17], datum...)},
		{number, []byte(datum)},
		{guid, []byte(datum)},
		{binary.BigEndian.AppendUint32([]byte{0}, other), []byte("\x00\x0e")},
	} {
		if err := take(record.header, record.value); err != nil || b.Rows() != i+1 {
			t.Errorf("%x, %x: %v, %d rows", record.header, record.value, err, b.Rows())
		}
	}
	if n := len(f.known); n != 3 {
		t.Errorf("%d schemas are known, want each once by number and once by GUID", n)
	}
	rows := b.Rows()
	for _, bad := range []struct {
		header, value []byte
		want          string
	}{
		{[]byte{}, []byte(datum), "its header is empty"},
		{number[:4], []byte(datum), "its header has 4 bytes, and the schema's id would end at the fifth"},
		{guid[:16], []byte(datum), "its header has 16 bytes, and the schema's GUID would end at the seventeenth"},
		{nil, guid[:16], "it has 16 bytes, and the schema's GUID"},
		{[]byte("7"), []byte(datum), "its header begins with 0x37"},
		{append(number[:5:5], 0), []byte(datum), "1 bytes are left in the header behind the schema's id"},
		{number, nil, "the record ends"},
		{append([]byte{guidFollows}, make([]byte, 16)...), []byte(datum), "schema 00000000-0000-0000-0000-000000000000: the registry does not know this id"},
	} {
		if err := take(bad.header, bad.value); err == nil || !strings.Contains(err.Error(), bad.want) || b.Rows() != rows {
			t.Errorf("%x, %x: %v, want %q", bad.header, bad.value, err, bad.want)
		}
	}
}

func TestProtobufNamedInHeaders(t *testing.T) {
	t.Parallel()
	r, url := serve(t, nil)
	id := registerProto(t, r.RegisterSchema, "orders-value", orderProto)
	f := NewFramed(client(t, Options{URLs: []string{url}}), Protobuf{}, table, decode.Limits{})
	b := batch.NewBuilder(batch.NewAllocator(), table)
	defer b.Release()
	for i, record := range []struct{ indexes, value string }{{"\x00", "\x08\x07"}, {"\x04\x00\x00", "\x10\x09"}, {"\x02\x04", "\x18\x0a"}, {"\x00", ""}} {
		header := protoRecord(id, record.indexes, "")
		if !f.Awaits(header, []byte(record.value)) != (i == 3) { // the first message is known by then
			t.Errorf("record %d: awaits the wrong thing", i)
		}
		if err := f.Fetch(t.Context(), header, []byte(record.value)); err != nil {
			t.Fatal(err)
		}
		if err := f.Decode(header, []byte(record.value), b); err != nil || b.Rows() != i+1 {
			t.Errorf("record %d: %v, %d rows", i, err, b.Rows())
		}
	}
	if err := f.Decode(protoRecord(id, "", ""), []byte("\x08\x07"), b); err == nil || !strings.Contains(err.Error(), "does not name its message") {
		t.Errorf("without indexes: %v", err)
	}
	if err := f.Decode(protoRecord(id, "\x00", "x"), []byte("\x08\x07"), b); err == nil || !strings.Contains(err.Error(), "1 bytes are left in the header") {
		t.Errorf("with more: %v", err)
	}
}

// FuzzFrame reads the name of a schema off any bytes: what is read is there, and what
// is not read is left.
func FuzzFrame(f *testing.F) {
	f.Add([]byte(nil), []byte("\x00\x00\x00\x00\x07\x0e"), false)
	f.Add([]byte("\x01aaaabbbbccccdddd\x00"), []byte("\x0e"), true)
	f.Fuzz(func(t *testing.T, header, value []byte, in bool) {
		defer batchtest.MustEnd()()
		if !in {
			header = nil
		} else if header == nil {
			header = []byte{}
		}
		r, err := readFrame(header, value)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q", err)
			}
			return
		}
		named := value
		if header != nil {
			named = header
		}
		again := binary.BigEndian.AppendUint32([]byte{numberFollows}, r.id.number)
		if r.id.isGUID {
			again = append([]byte{guidFollows}, r.id.guid[:]...)
		}
		if string(append(again, r.behind...)) != string(named) {
			t.Errorf("%x became %x and %x", named, again, r.behind)
		}
		if (r.value != nil) != (header != nil) || header != nil && string(r.value) != string(value) {
			t.Errorf("header %x: the record is %x, not %x", header, r.value, value)
		}
	})
}
