package avro

import (
	"fmt"
	"strings"

	avrolib "github.com/twmb/avro"

	"github.com/millstream-db/millstream/ingest/jsontext"
)

// kind is the form in which a value is written.
type kind uint8

const (
	nullKind kind = iota
	booleanKind
	intKind
	longKind
	floatKind
	doubleKind
	bytesKind
	stringKind
	fixedKind
	enumKind
	arrayKind
	mapKind
	recordKind
	unionKind
)

var kindNames = [...]string{
	"null", "boolean", "int", "long", "float", "double", "bytes", "string", "fixed", "enum", "array", "map", "record", "union",
}

// logical is what a value means, if that is more than its form says.
type logical uint8

const (
	plain logical = iota
	date
	timeMillis
	timeMicros
	timestampMillis
	timestampMicros
	timestampNanos
	localMillis
	localMicros
	localNanos
	decimal
	uuid
	duration
)

var logicalNames = [...]string{
	"", "date", "time-millis", "time-micros", "timestamp-millis", "timestamp-micros", "timestamp-nanos",
	"local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos", "decimal", "uuid", "duration",
}

// node is a type of a schema. A type that is referred to by name is one node,
// so that a type that contains itself is a cycle.
type node struct {
	kind     kind
	logical  logical
	name     string // of a record, an enum, a fixed
	fields   []field
	item     *node // of an array, or a map's values
	branches []*node
	symbols  []string
	quoted   []string // the symbols as JSON
	size     int      // of a fixed

	precision, scale int  // of a decimal
	hollow           bool // a value may take no bytes at all
	connect          bool // the meaning is Kafka Connect's, and the form is one that Avro has without it
	zoned, json      bool // a text that is a timestamp; that is JSON
}

type field struct {
	name    string
	aliases []string
	typ     *node
	key     string // the name as a key in JSON, with the colon
}

// Schema is what a record was written with. It is immutable and safe for
// concurrent use.
type Schema struct{ root *node }

// ParseSchema reads a schema of a record. The texts of the schemas that it refers
// to by name come first, each behind those that it refers to itself.
func ParseSchema(text string, references ...string) (*Schema, error) {
	s, err := parseSchema(text, references)
	if err == nil && s.root.kind != recordKind {
		return nil, fmt.Errorf("the schema is of type %s, and must be a record", s.root)
	}
	return s, err
}

// ParseKey is ParseSchema for keys, which may also be of another type: they are
// records of one field with the given name then, which are written just so. Those that
// are records are it as well, if whole.
func ParseKey(column string, whole bool, text string, references ...string) (*Schema, error) {
	s, err := parseSchema(text, references)
	if err == nil && (whole || s.root.kind != recordKind) {
		s.root = &node{kind: recordKind, name: s.root.String(), fields: []field{{name: column, typ: s.root}}, hollow: s.root.hollow}
	}
	return s, err
}

func parseSchema(text string, references []string) (*Schema, error) {
	var cache avrolib.SchemaCache
	lax := avrolib.WithLaxNames(nil) // names of other languages' writers are no reason to refuse
	for _, reference := range references {
		if _, err := cache.Parse(reference, lax); err != nil {
			return nil, fmt.Errorf("a schema that is referred to: %w", err)
		}
	}
	parsed, err := cache.Parse(text, lax)
	if err != nil {
		return nil, err
	}
	t := typeTable{}
	root, err := t.node(parsed.Root(), "")
	if err != nil {
		return nil, err
	}
	return &Schema{root}, nil
}

// String returns the record's name.
func (s *Schema) String() string { return s.root.name }

// typeTable has the types by their full names.
type typeTable map[string]*node

// node returns the node of a type in the given namespace.
func (t typeTable) node(n *avrolib.SchemaNode, namespace string) (*node, error) {
	switch n.Type {
	case "array", "map":
		item := n.Items
		kind := arrayKind
		if n.Type == "map" {
			item, kind = n.Values, mapKind
		}
		if item == nil {
			return nil, fmt.Errorf("%s without a type of its items", n.Type)
		}
		of, err := t.node(item, namespace)
		return &node{kind: kind, item: of}, err
	case "union":
		u := &node{kind: unionKind}
		for i := range n.Branches {
			branch, err := t.node(&n.Branches[i], namespace)
			if err != nil {
				return nil, err
			}
			u.branches = append(u.branches, branch)
		}
		return u, nil
	case "record", "error", "enum", "fixed":
		return t.named(n)
	}
	for k := nullKind; k <= stringKind; k++ {
		if n.Type == kindNames[k] {
			p := &node{kind: k, hollow: k == nullKind}
			p.means(n)
			return p, nil
		}
	}
	if !strings.Contains(n.Type, ".") && namespace != "" {
		if named := t[namespace+"."+n.Type]; named != nil {
			return named, nil
		}
	}
	if named := t[n.Type]; named != nil {
		return named, nil
	}
	return nil, fmt.Errorf("type %q is not defined", n.Type)
}

// named defines a record, an enum or a fixed.
func (t typeTable) named(n *avrolib.SchemaNode) (*node, error) {
	name, namespace := n.Name, n.Namespace
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		namespace = name[:dot]
	} else if namespace != "" {
		name = namespace + "." + name
	}
	d := &node{name: name}
	t[name] = d // before its fields, which may refer to it
	switch n.Type {
	case "enum":
		d.kind, d.symbols = enumKind, n.Symbols
		for _, symbol := range n.Symbols {
			d.quoted = append(d.quoted, string(jsontext.AppendString(nil, []byte(symbol))))
		}
		return d, nil
	case "fixed":
		d.kind, d.size, d.hollow = fixedKind, n.Size, n.Size == 0
		d.means(n)
		return d, nil
	}
	d.kind = recordKind
	hollow := true
	for i := range n.Fields {
		f := &n.Fields[i]
		typ, err := t.node(&f.Type, namespace)
		if err != nil {
			return nil, err
		}
		d.fields = append(d.fields, field{
			name: f.Name, aliases: f.Aliases, typ: typ, key: string(jsontext.AppendString(nil, []byte(f.Name))) + ":",
		})
		// A record that is still being read is part of itself: it has no end, and
		// no count can be wrong about it.
		hollow = hollow && typ.hollow
	}
	d.hollow = hollow
	return d, nil
}

// means takes the logical type over, if the form is one that it may have. Others
// are to be passed over, Avro says.
func (p *node) means(n *avrolib.SchemaNode) {
	if n.LogicalType == "" {
		p.meansConnect(n)
		return
	}
	form := map[string]bool{
		"date": p.kind == intKind, "time-millis": p.kind == intKind, "time-micros": p.kind == longKind,
		"timestamp-millis": p.kind == longKind, "timestamp-micros": p.kind == longKind, "timestamp-nanos": p.kind == longKind,
		"local-timestamp-millis": p.kind == longKind, "local-timestamp-micros": p.kind == longKind, "local-timestamp-nanos": p.kind == longKind,
		"decimal":  (p.kind == bytesKind || p.kind == fixedKind) && n.Precision > 0 && n.Scale >= 0,
		"uuid":     p.kind == stringKind || p.kind == fixedKind && n.Size == 16,
		"duration": p.kind == fixedKind && n.Size == 12,
	}
	if !form[n.LogicalType] {
		return
	}
	for l, name := range logicalNames {
		if name == n.LogicalType {
			p.logical = logical(l)
		}
	}
	p.precision, p.scale = n.Precision, n.Scale
}

// connectLogical are the meanings for which Avro has a word.
var connectLogical = map[string]struct {
	logical
	form kind
}{
	"io.debezium.time.Date": {date, intKind}, "io.debezium.time.Time": {timeMillis, intKind}, "io.debezium.time.MicroTime": {timeMicros, longKind},
	"io.debezium.time.Timestamp": {timestampMillis, longKind}, "io.debezium.time.MicroTimestamp": {timestampMicros, longKind},
	"io.debezium.time.NanoTimestamp": {timestampNanos, longKind},
}

// meansConnect takes over what Kafka Connect says that a type means.
func (p *node) meansConnect(n *avrolib.SchemaNode) {
	name, _ := n.Props["connect.name"].(string)
	if m, ok := connectLogical[name]; ok && m.form == p.kind {
		p.logical, p.connect = m.logical, true
	}
	p.zoned = p.kind == stringKind && name == "io.debezium.time.ZonedTimestamp"
	p.json = p.kind == stringKind && name == "io.debezium.data.Json"
}

// String tells the type to a person.
func (p *node) String() string {
	switch {
	case p.logical == decimal:
		return fmt.Sprintf("decimal(%d,%d)", p.precision, p.scale)
	case p.logical != plain:
		return logicalNames[p.logical]
	case p.kind == unionKind:
		names := make([]string, len(p.branches))
		for i, b := range p.branches {
			names[i] = b.String()
		}
		return "[" + strings.Join(names, ", ") + "]"
	case p.name != "":
		return kindNames[p.kind] + " " + p.name
	}
	return kindNames[p.kind]
}
