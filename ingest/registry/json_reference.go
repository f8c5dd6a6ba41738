package registry

import (
	"encoding/json"
	"net/url"
	"strings"
)

// schemaTexts are the texts that references in JSON schemas ($ref) lead into, by the
// names that the registry has for them. "" is the name of the first one.
type schemaTexts struct {
	texts   map[string]json.RawMessage
	members map[jsonPlace]map[string]json.RawMessage // of the objects on the way, which are parsed once
}

func newSchemaTexts(text string, references []reference) schemaTexts {
	t := schemaTexts{texts: map[string]json.RawMessage{"": json.RawMessage(text)}, members: make(map[jsonPlace]map[string]json.RawMessage)}
	for _, r := range references {
		t.texts[r.name] = json.RawMessage(r.text)
	}
	return t
}

// find returns what a reference in one of the texts leads to, and which text that is in;
// nil if there is no such thing. A reference is the name of another text, a # and the
// way to a part of it (RFC 6901), or one of these.
func (t schemaTexts) find(ref, in string) (text json.RawMessage, where string) {
	name, pointer, _ := strings.Cut(ref, "#")
	if name == "" {
		name = in
	}
	pointer, err := url.PathUnescape(pointer)
	if err != nil || pointer != "" && pointer[0] != '/' || strings.Count(pointer, "/") > pointerDepthMax { // or an $anchor
		return nil, name
	}
	return t.at(name, pointer), name
}

// pointerDepthMax is how many parts the way to a definition may have.
const pointerDepthMax = 64

// pointerEscapes are those of RFC 6901.
var pointerEscapes = strings.NewReplacer("~1", "/", "~0", "~")

func (t schemaTexts) at(name, pointer string) json.RawMessage {
	if pointer == "" {
		return t.texts[name]
	}
	last := strings.LastIndexByte(pointer, '/')
	object := jsonPlace{name, pointer[:last]}
	members, ok := t.members[object]
	if !ok {
		if json.Unmarshal(t.at(name, pointer[:last]), &members) != nil {
			members = nil // an array, where no definition is
		}
		t.members[object] = members
	}
	return members[pointerEscapes.Replace(pointer[last+1:])]
}
