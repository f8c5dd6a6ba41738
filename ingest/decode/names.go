package decode

import "strings"

// The table of names learns the names that records use besides the columns':
// as many as make sense, since records may invent new ones for ever.
const (
	maxLearned      = 256
	maxLearnedBytes = 128
)

// target is where the value of a field, or of an element, goes.
type target struct {
	slot   int   // of the decoder's values; 0 for what nobody wants
	inside *node // what is wanted of the parts of the value, nil for nothing
}

// name is a field name and where the field's value goes.
type name struct {
	target
	text  string
	exact bool // letter for letter the name that was asked for
	bare  bool // stands in JSON as it is, without escapes
	next  int  // the name that followed this one in an earlier record
}

// nameTable finds the names of fields. Names mostly come in the same order, so
// the first guess is the name that followed the previous one last time.
// Name 0 stands for the beginning of an object and for names not in the table.
type nameTable struct {
	wanted int // how many names were asked for: those behind name 0
	names  []name
	byText map[string]int
	folded map[string]int // the names that were asked for, in lower case
}

// newNameTable returns a table of the names wanted, of which no two differ in
// letter case only.
func newNameTable(wanted []name) nameTable {
	t := nameTable{wanted: len(wanted), names: make([]name, 1), byText: make(map[string]int), folded: make(map[string]int)}
	for _, n := range wanted {
		n.exact = true
		t.folded[strings.ToLower(n.text)] = t.add(n)
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
// now on. A name that is not in the table is not learned once that is full: it
// is no name then, with its target.
func (t *nameTable) find(prev int, text []byte) (i int, to target, exact bool) {
	i, ok := t.byText[string(text)]
	if !ok {
		if asked, ok := t.folded[strings.ToLower(string(text))]; ok {
			to = t.names[asked].target
		}
		if len(text) > maxLearnedBytes || len(t.names) > t.wanted+maxLearned {
			return 0, to, false
		}
		i = t.add(name{text: string(text), target: to})
	}
	n := &t.names[i]
	if n.bare {
		t.names[prev].next = i
	}
	return i, n.target, n.exact
}
