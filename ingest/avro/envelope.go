package avro

import (
	"fmt"

	"github.com/millstream-db/millstream/ingest/decode"
)

// Envelope finds the rows in records of Debezium's: before and after a change, and
// what the change was. It is not safe for concurrent use.
type Envelope struct {
	cursor
	root              *node
	maxBytes          int
	maxDepth          int
	op, before, after int // the fields
}

// Envelope returns what finds rows in records written with s, and the schema of the
// rows. It fails if s is not the schema of an envelope.
func (s *Schema) Envelope(limits decode.Limits) (*Envelope, *Schema, error) {
	limits = limits.WithDefaults()
	e := &Envelope{root: s.root, maxBytes: limits.MaxBytes, maxDepth: limits.MaxDepth, op: -1, before: -1, after: -1}
	for i := range s.root.fields {
		switch s.root.fields[i].name {
		case "op":
			e.op = i
		case "before":
			e.before = i
		case "after":
			e.after = i
		}
	}
	lacks := func(what string) (*Envelope, *Schema, error) {
		return nil, nil, &decode.RefusedError{Problems: []string{"it is not the schema of a Debezium envelope, which has " + what}}
	}
	if e.op < 0 || s.root.fields[e.op].typ.kind != stringKind {
		return lacks("a field op of type string")
	}
	row := e.row(e.after)
	if row == nil {
		return lacks("a field after with the row, a record or null")
	}
	if e.before >= 0 && e.row(e.before) != row {
		e.before = -1 // it is of no use
	}
	return e, &Schema{row}, nil
}

// row returns the record that a field is if it is not null.
func (e *Envelope) row(field int) *node {
	if field < 0 {
		return nil
	}
	typ := e.root.fields[field].typ
	for _, b := range typ.branches {
		if b.kind == recordKind {
			return b
		}
	}
	if typ.kind == recordKind {
		return typ
	}
	return nil
}

// Open finds the parts of a record. before and after are the datums of rows, nil if
// they are null. The error is as Decode's.
func (e *Envelope) Open(value []byte) (op string, before, after []byte, err error) {
	if len(value) > e.maxBytes {
		return "", nil, nil, fmt.Errorf("record of %d bytes exceeds the limit of %d", len(value), e.maxBytes)
	}
	e.data, e.at, e.empties = value, 0, emptiesMax
	defer func() { e.data = nil }()
	for i := range e.root.fields {
		f := &e.root.fields[i]
		start, ok := e.at, true
		switch i {
		case e.op:
			var text []byte
			text, ok = e.bytes(f.typ)
			op = string(text)
		case e.before:
			before, ok = e.datum(f.typ)
		case e.after:
			after, ok = e.datum(f.typ)
		default:
			ok = e.skip(f.typ, e.maxDepth-1)
		}
		if !ok {
			return "", nil, nil, fmt.Errorf("field %q: %s, at byte %d", f.name, e.why, start)
		}
	}
	if rest := len(value) - e.at; rest > 0 {
		return "", nil, nil, fmt.Errorf("%d bytes are left behind the record, at byte %d: it was not written as %s says", rest, e.at, e.root.name)
	}
	return op, before, after, nil
}

// datum passes over a row and returns it, nil for null.
func (e *Envelope) datum(n *node) (row []byte, ok bool) {
	if n.kind == unionKind {
		i, ok := e.branch(n)
		if !ok {
			return nil, false
		}
		if n = n.branches[i]; n.kind != recordKind {
			return nil, e.skip(n, e.maxDepth-1)
		}
	}
	start := e.at
	ok = e.skip(n, e.maxDepth-1)
	return e.data[start:e.at:e.at], ok
}
