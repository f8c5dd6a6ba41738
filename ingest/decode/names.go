package decode

import (
	"strings"
	"unsafe"

	"github.com/millstream-db/millstream/engine/batch"
)

// The table of names learns the names that records use besides the columns':
// as many as make sense, since records may invent new ones for ever.
const (
	maxLearned      = 256
	maxLearnedBytes = 128
)

// name is a field name and where the field's value goes.
type name struct {
	text  string
	slot  int  // 1 + the column, 0 for a field that no column wants
	exact bool // letter for letter the column's name
	bare  bool // stands in JSON as it is, without escapes
	next  int  // the name that followed this one in an earlier record
}

// nameTable finds the names of fields. Names mostly come in the same order, so
// the first guess is the name that followed the previous one last time.
// Name 0 stands for the beginning of a record and for names not in the table.
type nameTable struct {
	schema *batch.Schema
	names  []name
	byText map[string]int
}

func newNameTable(schema *batch.Schema) nameTable {
	t := nameTable{schema: schema, names: make([]name, 1), byText: make(map[string]int)}
	for i, c := range schema.Columns {
		t.add(name{text: c.Name, slot: i + 1, exact: true})
	}
	// Until a record says otherwise, fields come in the order of the columns.
	for i := range t.names {
		if next := (i + 1) % len(t.names); t.names[next].bare {
			t.names[i].next = next
		}
	}
	return t
}

func (t *nameTable) add(n name) int {
	n.bare = strings.IndexFunc(n.text, func(r rune) bool { return r < 0x20 || r == '"' || r == '\\' }) < 0
	i := len(t.names)
	t.names = append(t.names, n)
	t.byText[n.text] = i
	return i
}

// follow returns the name whose text, and whose closing quote, stand at p of
// data if it is the one expected behind prev; or else 0.
func (t *nameTable) follow(prev int, data []byte, p int) int {
	i := t.names[prev].next
	text := t.names[i].text
	if end := p + len(text); end < len(data) && data[end] == '"' && string(data[p:end]) == text {
		return i
	}
	return 0
}

// find returns the name with the given text, and expects it behind prev from
// now on. A name that is not in the table is not learned once that is full.
func (t *nameTable) find(prev int, text []byte) (i, slot int, exact bool) {
	i, ok := t.byText[string(text)]
	if !ok {
		// Index does not keep its argument.
		slot = 1 + t.schema.Index(unsafe.String(unsafe.SliceData(text), len(text)))
		if len(text) > maxLearnedBytes || len(t.names) > len(t.schema.Columns)+maxLearned {
			return 0, slot, false
		}
		i = t.add(name{text: string(text), slot: slot})
	}
	n := &t.names[i]
	if n.bare {
		t.names[prev].next = i
	}
	return i, n.slot, n.exact
}
