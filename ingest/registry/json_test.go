package registry

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

func TestJSONSchemas(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"title": "Order", "type": "object", "properties": {"id": {"type": "integer"}, "price": {"type": "number"}, "ok": {"type": "boolean"}, "name": {"type": "string"},
			"at": {"type": "string", "format": "date-time"}, "day": {"type": "string", "format": "date"}, "uuid": {"format": "uuid", "type": ["null", "string"]}, "other": {"type": "string", "format": "email"},
			"note": {"oneOf": [{"type": "null"}, {"type": "string"}]}, "n": {"anyOf": [{"type": "integer"}, {"type": "number"}]}, "mixed": {"type": ["integer", "string"]},
			"list": {"type": "array", "items": {"type": "string"}}, "tuple": {"type": "array", "items": [{"type": "string"}]}, "inner": {"type": "object"},
			"parts": {"type": ["object", "null"], "properties": {"Z": {"type": "integer"}, "a": {"type": "array", "items": {"oneOf": [{"type": "null"}, {"type": "object", "properties": {"d": {"type": "string", "format": "date"}, "any": {}}}]}}}, "additionalProperties": false},
			"pairs": {"type": "object", "additionalProperties": {"type": "number"}}, "both": {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": {"type": "integer"}},
			"twice": {"type": "object", "properties": {"a": {"type": "integer"}, "A": {"type": "integer"}}}, "wrong": {"type": "object", "properties": {"a": 1}}, "none": {"type": "object", "properties": {}}, "any": {}, "ref": {"$ref": "#/definitions/X"}, "either": {"type": ["object", "null", "string"]},
			"id2": {"type": "integer"}, "ID": {"type": "integer"}}}`: `Order: id BIGINT, price DOUBLE, ok BOOLEAN, name VARCHAR, at TIMESTAMP WITH TIME ZONE, day DATE, uuid UUID, other VARCHAR, note VARCHAR, n DOUBLE, ` +
			`mixed VARCHAR, list VARCHAR[], tuple JSON, inner JSON, parts STRUCT("Z" BIGINT, "a" STRUCT("d" DATE, "any" JSON)[]), pairs MAP(VARCHAR, DOUBLE), both JSON, twice JSON, wrong JSON, none JSON, any JSON, ref JSON, either JSON, id2 BIGINT; ID`,
		`{"properties": {"a": {"type": "integer"}}}`: "an object: a BIGINT",
		`{"properties": {}}`:                         "an object:",
		`{"type": "string"}`:                         "it is not the JSON schema of objects",
		`{"properties": []}`:                         "it is not the JSON schema of objects",
		`{"properties": {"a": 1}}`:                   `property "a"`,
		`true`:                                       "it is not the JSON schema of objects",
		`{`:                                          "it is not the JSON schema of objects",
	} {
		got := ""
		if s, err := (JSON{}).parse(text, nil); err != nil {
			got = err.Error()
		} else {
			var p decode.Proposal
			s.propose(0, batch.NewSchema(nil), &p)
			var columns []string
			for _, c := range p.Columns {
				columns = append(columns, c.Name+" "+c.Type.String())
			}
			got = strings.TrimSpace(s.title(0) + ": " + strings.Join(columns, ", "))
			for _, o := range p.Omitted {
				got += "; " + o.Field
			}
		}
		if got != want && !(strings.HasPrefix(got, want) && strings.HasPrefix(want, "it is") || strings.HasPrefix(want, "property") && strings.HasPrefix(got, want)) {
			t.Errorf("%s\n%s\nwant %s", text, got, want)
		}
	}
}

func TestRecordsOfJSONNameTheirSchema(t *testing.T) {
	t.Parallel()
	r, url := serve(t, nil)
	id := register(t, r, "orders-value", sr.Schema{Schema: `{"properties": {"id": {"type": "integer"}, "more": {"type": "string"}}}`, Type: sr.TypeJSON})
	record := func(text string) []byte { return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)), text...) }
	f := NewFramed(client(t, Options{URLs: []string{url}}), JSON{}, table, decode.Limits{})
	if got := read(t, f, record(`{"id": 7, "more": "x"}`), record(`{"id": 8}`)); len(got) != 2 || got[0] != 7 || got[1] != 8 {
		t.Errorf("got %v", got)
	}
	strict := NewFramed(client(t, Options{URLs: []string{url}}), JSON{}, table, decode.Limits{})
	strict.RefuseNewFields(table)
	if err := strict.Fetch(t.Context(), nil, record("{}")); err == nil || err.Error() != fmt.Sprintf(`schema %d (an object) has fields without a column: "more" VARCHAR`, id) {
		t.Errorf("new fields: %v", err)
	}
	d, err := client(t, Options{URLs: []string{url}}).Describe(t.Context(), "orders-value", JSON{})
	if err != nil || len(d.Columns) != 2 {
		t.Errorf("described as %+v, %v", d, err)
	}
}
