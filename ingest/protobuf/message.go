package protobuf

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/millstream-db/millstream/ingest/jsontext"
)

// message is a type of messages. Types that are referred to are shared, so that one
// that contains itself is a cycle.
type message struct {
	name   string
	fields []field
	table  numbers
	known  known
	zeros  []int                        // the fields that have a value when they are absent
	wires  [partsMax + 1]protowire.Type // of the first numbers, -1 for none
}

// find returns the index of the field of a number, or -1.
func (m *message) find(number uint32) int { return m.table.find(number) }

type field struct {
	name, alias string
	key         string // the name as a key in JSON, with the colon
	number      uint32
	kind        protoreflect.Kind
	wire        protowire.Type // of one value
	list, pairs bool           // repeated; a map, whose message are its pairs
	optional    bool           // its absence is not its zero
	slot        int            // the field's index; of the members of a oneof, the first one's
	oneof       bool
	message     *message // of messages and groups
	enum        *enum
	zero        string // the JSON of what an absent value is
}

// reads reports whether a value of a wire type is the field's: values of another
// one are as good as unknown.
func (f *field) reads(wire protowire.Type) bool {
	return wire == f.wire || f.list && wire == protowire.BytesType && f.wire != protowire.StartGroupType
}

func (f *field) isMessage() bool { return f.message != nil }

// String tells the type to a person.
func (f *field) String() string {
	name := f.kind.String()
	switch {
	case f.pairs:
		return fmt.Sprintf("map<%s, %s>", &f.message.fields[0], &f.message.fields[1])
	case f.isMessage() && f.message.known != ordinary:
		name = f.message.name
	case f.isMessage():
		name = "message " + f.message.name
	case f.enum != nil:
		name = "enum " + f.enum.name
	}
	if f.list {
		return "repeated " + name
	}
	return name
}

// numbers finds what belongs to a field's number: an index, or -1.
type numbers struct {
	low  []int32 // by number, less one
	high map[uint32]int32
}

// lowMax is the largest number that is looked up without a map.
const lowMax = 1000

func (n *numbers) set(number uint32, index int) {
	if number > lowMax {
		if n.high == nil {
			n.high = make(map[uint32]int32)
		}
		n.high[number] = int32(index)
		return
	}
	for len(n.low) < int(number) {
		n.low = append(n.low, -1)
	}
	n.low[number-1] = int32(index)
}

func (n *numbers) find(number uint32) int {
	if i := number - 1; i < uint32(len(n.low)) {
		return int(n.low[i])
	}
	if index, ok := n.high[number]; ok {
		return int(index)
	}
	return -1
}

// enum has the names of numbers. A number without one is a value too: the writer's
// schema was younger.
type enum struct {
	name   string
	names  map[int32]string
	quoted map[int32]string // as JSON
	null   bool             // whatever the number is, it means JSON's null
}

// typeTable has the types by their full names.
type typeTable struct {
	messages map[protoreflect.FullName]*message
	enums    map[protoreflect.FullName]*enum
}

func (t *typeTable) message(d protoreflect.MessageDescriptor) *message {
	if m := t.messages[d.FullName()]; m != nil {
		return m
	}
	m := &message{name: string(d.FullName()), wires: [...]protowire.Type{-1, -1, -1, -1, -1}}
	t.messages[d.FullName()] = m // before its fields, which may refer to it
	fields := d.Fields()
	m.fields = make([]field, fields.Len())
	for i := range m.fields {
		f := t.field(fields.Get(i))
		f.slot = i
		if o := fields.Get(i).ContainingOneof(); o != nil && !o.IsSynthetic() {
			f.slot, f.oneof = o.Fields().Get(0).Index(), true
		}
		if !f.optional {
			m.zeros = append(m.zeros, i)
		}
		m.fields[i] = f
		m.table.set(f.number, i)
		if f.number <= partsMax {
			m.wires[f.number] = f.wire
		}
	}
	m.known = knownOf(m)
	return m
}

func (t *typeTable) field(d protoreflect.FieldDescriptor) field {
	f := field{
		name: string(d.Name()), alias: d.JSONName(), number: uint32(d.Number()), kind: d.Kind(), wire: wires[d.Kind()],
		list: d.IsList(), pairs: d.IsMap(), optional: d.HasPresence(),
	}
	f.key = string(jsontext.AppendString(nil, []byte(f.name))) + ":"
	if d.Message() != nil {
		f.message = t.message(d.Message())
	}
	f.zero = zeros[f.kind]
	if d.Enum() != nil {
		f.enum = t.enum(d.Enum())
		f.zero = f.enum.zero()
	}
	return f
}

func (t *typeTable) enum(d protoreflect.EnumDescriptor) *enum {
	e := t.enums[d.FullName()]
	if e != nil {
		return e
	}
	e = &enum{name: string(d.FullName()), names: make(map[int32]string), quoted: make(map[int32]string)}
	t.enums[d.FullName()] = e
	for i := range d.Values().Len() {
		v := d.Values().Get(i)
		if _, has := e.names[int32(v.Number())]; has {
			continue // an alias of the value before
		}
		e.names[int32(v.Number())] = string(v.Name())
		e.quoted[int32(v.Number())] = `"` + string(v.Name()) + `"`
	}
	e.null = e.name == "google.protobuf.NullValue"
	return e
}

func (e *enum) zero() string {
	if e.null {
		return "null"
	}
	if name, ok := e.quoted[0]; ok {
		return name
	}
	return "0"
}

// wires and zeros have the wire type of each kind, and the JSON of its zero.
var (
	wires = [...]protowire.Type{
		protoreflect.BoolKind: protowire.VarintType, protoreflect.EnumKind: protowire.VarintType,
		protoreflect.Int32Kind: protowire.VarintType, protoreflect.Sint32Kind: protowire.VarintType, protoreflect.Uint32Kind: protowire.VarintType,
		protoreflect.Int64Kind: protowire.VarintType, protoreflect.Sint64Kind: protowire.VarintType, protoreflect.Uint64Kind: protowire.VarintType,
		protoreflect.Sfixed32Kind: protowire.Fixed32Type, protoreflect.Fixed32Kind: protowire.Fixed32Type, protoreflect.FloatKind: protowire.Fixed32Type,
		protoreflect.Sfixed64Kind: protowire.Fixed64Type, protoreflect.Fixed64Kind: protowire.Fixed64Type, protoreflect.DoubleKind: protowire.Fixed64Type,
		protoreflect.StringKind: protowire.BytesType, protoreflect.BytesKind: protowire.BytesType, protoreflect.MessageKind: protowire.BytesType,
		protoreflect.GroupKind: protowire.StartGroupType,
	}
	zeros = [...]string{
		protoreflect.BoolKind: "false", protoreflect.StringKind: `""`, protoreflect.BytesKind: `""`,
		protoreflect.Int32Kind: "0", protoreflect.Sint32Kind: "0", protoreflect.Uint32Kind: "0",
		protoreflect.Int64Kind: "0", protoreflect.Sint64Kind: "0", protoreflect.Uint64Kind: "0",
		protoreflect.Sfixed32Kind: "0", protoreflect.Fixed32Kind: "0", protoreflect.FloatKind: "0",
		protoreflect.Sfixed64Kind: "0", protoreflect.Fixed64Kind: "0", protoreflect.DoubleKind: "0",
		protoreflect.EnumKind: "0", protoreflect.MessageKind: "{}", protoreflect.GroupKind: "{}",
	}
)
