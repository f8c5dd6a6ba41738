package decode

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// node is what is wanted of the parts of a value: the fields of an object, the
// elements of an array.
type node struct {
	names    nameTable
	elements []element // in the order of the array
	slots    []int     // of all values in it, at any depth
	known    []byte    // an object that is passed over when it comes again
}

// element is what is wanted of an element of an array.
type element struct {
	target
	index int
}

// fields scans the fields of an object, of which the first, or the closing
// brace, is at p, and returns the position behind that brace. depth is the
// number of objects and arrays that a field is in.
func (d *JSON) fields(n *node, p, depth int) int {
	s := &d.scan
	data := s.data
	if p < len(data) && data[p] == '}' {
		return p + 1
	}
	current := 0
	for count := 1; ; count++ {
		if p >= len(data) || data[p] != '"' {
			return s.unexpected(p, "a field name")
		}
		if count > d.limits.MaxFields && depth == 1 {
			return s.fail(p, "more than "+strconv.Itoa(d.limits.MaxFields)+" fields")
		}
		var to target
		var exact bool
		if next := n.names.follow(current, data, p+1); next != 0 {
			found := &n.names.names[next]
			current, to, exact = next, found.target, found.exact
			p += len(found.text) + 2
		} else if current, to, exact, p = d.findName(n, current, p+1); p < 0 {
			return p
		}
		if p = s.colon(p); p < 0 {
			return p
		}
		if !exact && d.values[to.slot].exact {
			to = target{}
		}
		v := &d.values[to.slot]
		v.exact = exact
		if to.inside == nil {
			p = s.value(p, depth, v)
		} else {
			p = d.inside(to.inside, p, depth, v)
		}
		if p < 0 {
			return p
		}
		if p = s.space(p); p >= len(data) || data[p] != ',' {
			break
		}
		p = s.space(p + 1)
	}
	if p < len(data) && data[p] == '}' {
		return p + 1
	}
	return s.unexpected(p, "',' or '}' after a value")
}

// findName looks up the name that begins at p, as the nameTable does, and
// returns the position behind its closing quote.
func (d *JSON) findName(n *node, prev, p int) (i int, to target, exact bool, end int) {
	end, escaped := d.scan.stringEnd(p)
	if end < 0 {
		return 0, target{}, false, end
	}
	text := d.scan.data[p : end-1]
	if escaped {
		d.scratch = unescape(d.scratch[:0], text)
		text = d.scratch
	}
	i, to, exact = n.names.find(prev, text)
	return i, to, exact, end
}

// inside scans the value at p into v, and what n wants of its parts. Of a value
// that comes again nothing is left of the one before.
func (d *JSON) inside(n *node, p, depth int, v *value) int {
	if v.kind != absent {
		for _, slot := range n.slots {
			d.values[slot] = value{}
		}
	}
	s := &d.scan
	if len(n.known) > 0 && bytes.HasPrefix(s.data[p:], n.known) {
		v.set(objectValue, p, p+len(n.known))
		return v.end
	}
	start, k := p, absent
	switch {
	case p >= len(s.data):
	case s.data[p] == '{' && n.names.wanted > 0:
		k = objectValue
	case s.data[p] == '[' && len(n.elements) > 0:
		k = arrayValue
	}
	if k == absent {
		return s.value(p, depth, v)
	}
	if depth+1 > s.maxDepth {
		return s.tooDeep(p)
	}
	if p = s.space(p + 1); k == objectValue {
		p = d.fields(n, p, depth+1)
	} else {
		p = d.array(n, p, depth+1)
	}
	v.set(k, start, p)
	return p
}

// array scans the elements of an array, as fields does those of an object.
func (d *JSON) array(n *node, p, depth int) int {
	s := &d.scan
	if p < len(s.data) && s.data[p] == ']' {
		return p + 1
	}
	wanted := n.elements
	for i := 0; ; i++ {
		var to target
		if len(wanted) > 0 && wanted[0].index == i {
			to, wanted = wanted[0].target, wanted[1:]
		}
		if v := &d.values[to.slot]; to.inside == nil {
			p = s.value(p, depth, v)
		} else {
			p = d.inside(to.inside, p, depth, v)
		}
		if p < 0 {
			return p
		}
		if p = s.space(p); p >= len(s.data) || s.data[p] != ',' {
			break
		}
		p = s.space(p + 1)
	}
	if p < len(s.data) && s.data[p] == ']' {
		return p + 1
	}
	return s.unexpected(p, "',' or ']' after a value")
}

// wish is what is wanted of a value and of its parts, before there is a node for
// it. The zero wish wants nothing.
type wish struct {
	slot  int // the value's own, 0 if only its parts are wanted
	text  string
	parts []*wish // fields by their text, elements by their index
	index int     // of an element, -1 for a field
}

// want wants the value at a path in a slot, or returns the one that it is in
// already. Whoever wants a value first gives its field the name that wins over
// others in another letter case.
func (w *wish) want(path Path, slot int) int {
	part := w.at(path)
	if part.slot == 0 {
		part.slot = slot
	}
	return part.slot
}

// at returns the part at a path.
func (w *wish) at(path Path) *wish {
	for _, step := range path {
		w = w.part(step)
	}
	return w
}

func (w *wish) part(step Step) *wish {
	for _, p := range w.parts {
		if p.index == step.Index && strings.EqualFold(p.text, step.Key) {
			return p
		}
	}
	p := &wish{text: step.Key, index: step.Index}
	w.parts = append(w.parts, p)
	return p
}

// node returns the node for the parts of w. slots is the number of values so far:
// those with parts get one as well, so that it is known when they come again.
func (w *wish) node(slots *int) node {
	var n node
	var names []name
	for _, p := range w.parts {
		to := target{slot: p.slot}
		if p.slot == 0 {
			to.slot = *slots
			*slots++
		}
		if n.slots = append(n.slots, to.slot); len(p.parts) > 0 {
			inner := p.node(slots)
			to.inside = &inner
			n.slots = append(n.slots, inner.slots...)
		}
		if p.index >= 0 {
			n.elements = append(n.elements, element{target: to, index: p.index})
		} else {
			names = append(names, name{text: p.text, target: to})
		}
	}
	n.names = newNameTable(names)
	slices.SortFunc(n.elements, func(a, b element) int { return cmp.Compare(a.index, b.index) })
	return n
}
