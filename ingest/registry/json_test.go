package registry

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

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

// TestJSONReferences has schemas whose properties are defined elsewhere.
func TestJSONReferences(t *testing.T) {
	t.Parallel()
	references := []reference{
		{"item.json", `{"type": "object", "properties": {"sku": {"type": "string"}, "size": {"$ref": "#/$defs/Size"}}, "$defs": {"Size": {"type": "integer"}}}`},
		{"https://shop/types", `{"definitions": {"Money": {"type": "number"}, "Basket": {"type": "array", "items": {"$ref": "item.json"}}}}`},
	}
	wide := `{"$defs": {"L0": {"type": "integer"}`
	for i := range 12 { // each has ten of the one before
		wide += fmt.Sprintf(`, "L%d": {"type": "object", "properties": {`, i+1)
		for j := range 10 {
			wide += fmt.Sprintf(`"f%d": {"$ref": "#/$defs/L%d"},`, j, i)
		}
		wide = strings.TrimSuffix(wide, ",") + "}}"
	}
	for _, tt := range []struct{ name, text, want string }{
		{"definitions", `{"properties": {"a": {"$ref": "#/definitions/A"}, "b": {"$ref": "#/$defs/x~1y%20z/B"}}, "definitions": {"A": {"type": "string", "format": "date"}},
			"$defs": {"x/y z": {"B": {"type": "object", "properties": {"c": {"$ref": "#/definitions/A"}}}}}}`, `a DATE, b STRUCT("c" DATE)`},
		{"nullable", `{"properties": {"a": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}, "b": {"allOf": [{"$ref": "#/$defs/A"}]}, "c": {"allOf": [{"$ref": "#/$defs/A"}, {}]}}, "$defs": {"A": {"type": "integer"}}}`, "a BIGINT, b BIGINT, c JSON"},
		{"the root is one", `{"$ref": "#/definitions/Order", "definitions": {"Order": {"title": "O", "properties": {"id": {"type": "integer"}}}}}`, "id BIGINT"},
		{"other texts", `{"properties": {"item": {"$ref": "item.json"}, "size": {"$ref": "item.json#/$defs/Size"}, "money": {"$ref": "https://shop/types#/definitions/Money"}, "all": {"$ref": "https://shop/types#/definitions/Basket"}}}`,
			`item STRUCT("sku" VARCHAR, "size" BIGINT), size BIGINT, money DOUBLE, all STRUCT("sku" VARCHAR, "size" BIGINT)[]`},
		{"what contains itself", `{"properties": {"id": {"type": "integer"}, "tree": {"$ref": "#/$defs/Tree"}, "a": {"$ref": "#/$defs/A"}, "twice": {"type": "array", "items": {"$ref": "#/$defs/N"}}, "n": {"$ref": "#/$defs/N"}, "all": {"$ref": "#"}},
			"$defs": {"Tree": {"type": "object", "properties": {"of": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}, "A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}, "N": {"type": "integer"}}}`,
			"id BIGINT, tree JSON, a JSON, twice BIGINT[], n BIGINT, all JSON"},
		{"nowhere", `{"properties": {"a": {"$ref": "#/$defs/A"}, "b": {"$ref": "gone.json"}, "c": {"$ref": "#anchor"}, "d": {"$ref": "#/properties/e/0"}, "e": {"$ref": "%"}, "f": {"$ref": "#` + strings.Repeat("/", 1<<16) + `"}}}`, "a JSON, b JSON, c JSON, d JSON, e JSON, f JSON"},
		{"the root is nothing", `{"$ref": "#/definitions/Order"}`, "error: it is not the JSON schema of objects: it declares no properties"},
		{"the root is itself", `{"$ref": "#"}`, "error: it is not the JSON schema of objects: it declares no properties"},
		{"too many", wide + `}, "properties": {"x": {"$ref": "#/$defs/L12"}, "y": {"type": "integer"}}}`, "x JSON, y BIGINT"},
	} {
		began := time.Now()
		s, err := (JSON{}).parse(tt.text, references)
		got := ""
		if err != nil {
			got = "error: " + err.Error()
		} else {
			var columns []string
			for _, c := range s.(jsonSchema).columns {
				columns = append(columns, c.Name+" "+c.Type.String())
			}
			got = strings.Join(columns, ", ")
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: it took %s", tt.name, took)
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
