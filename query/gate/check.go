package gate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxParams is the most parameters that the Postgres protocol can carry.
const maxParams = 65535

// Check walks the whole tree of one query and says what it reads, or refuses
// it with an *Error. The tree is what json_serialize_sql returned for the text,
// with any of its arguments; also for a text that it could not read.
func Check(ast []byte, rel Relations) (*Reads, error) {
	return check(ast, &walker{rel: rel})
}

// CheckView is Check for the query of a materialized view, in which the window
// functions TUMBLE, HOP, CUMULATE and SESSION are allowed. The relation that is
// their first argument is among Reads.Relations.
func CheckView(ast []byte, rel Relations) (*Reads, error) {
	return check(ast, &walker{rel: rel, view: true})
}

func check(ast []byte, w *walker) (reads *Reads, err error) {
	root, decodeErr := decode(ast)
	if decodeErr != nil {
		return nil, errorAt(NoOffset, codeInternal, "read the query's tree: %v", decodeErr)
	}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			reads, err = nil, e
		}
	}()
	w.functions = map[string]bool{}
	w.statements(root)
	w.reads.Divides = (w.functions["/"] || w.functions["%"]) && plain(map[string]any(root))
	w.reads.Functions = slices.Sorted(maps.Keys(w.functions))
	return &w.reads, nil
}

// walker walks the tree. Its methods panic with an *Error, which check catches.
type walker struct {
	rel       Relations
	view      bool
	scope     *scope
	copies    float64 // how often DuckDB will plan what has been walked; see cte.copies
	joins     int
	functions map[string]bool
	reads     Reads
}

func (w *walker) statements(root node) {
	if root.flag("error") {
		panic(parserError(root))
	}
	statements := root.nodes("statements")
	if len(statements) != 1 {
		panic(errorAt(NoOffset, codeSyntax, "cannot insert multiple commands into a prepared statement"))
	}
	for key, value := range statements[0] {
		if key != "node" && key != "named_param_map" && !empty(value) {
			panic(unknown(NoOffset, "statement", key))
		}
	}
	for _, p := range statements[0].nodes("named_param_map") {
		w.parameter(p.str("key"), NoOffset)
	}
	w.query(statements[0].object("node"))
}

// parserError passes on what DuckDB's parser found.
func parserError(root node) *Error {
	offset := NoOffset
	if at, err := strconv.Atoi(root.str("position")); err == nil {
		offset = at
	}
	message := root.str("error_message")
	switch {
	case strings.HasPrefix(message, "Only SELECT statements"):
		return errorAt(offset, codeUnsupported, "this statement is not supported").
			withHint("Only queries can be run: SELECT, WITH, VALUES, FROM.")
	case root.str("error_type") == "parser":
		return errorAt(offset, codeSyntax, "%s", message)
	case strings.Contains(message, "depth"):
		return errorAt(offset, codeTooComplex, "%s", message)
	}
	return errorAt(offset, codeUnsupported, "%s", message)
}

// unknown refuses a part of the tree that is not known here.
func unknown(offset int, kind, name string) *Error {
	return errorAt(offset, codeUnsupported, "this kind of query is not supported").
		withHint("Not known to Millstream: %s %q.", kind, name)
}

// parameter counts a parameter.
func (w *walker) parameter(identifier string, offset int) {
	n, err := strconv.Atoi(identifier)
	if err != nil || n < 1 || n > maxParams {
		panic(errorAt(offset, codeUndefinedParam, "there is no parameter $%s", identifier).
			withHint("Parameters are numbered: $1, $2, …"))
	}
	w.reads.Params = max(w.reads.Params, n)
}

// fields walks the fields of a node in a fixed order, so that the same query
// gives the same error. Fields of kind own are left to the caller.
func (w *walker) fields(n node, kind string, shapes ...shape) {
	for _, key := range slices.Sorted(maps.Keys(n)) {
		value := n[key]
		if empty(value) {
			continue
		}
		p, known := leaf, false
		for _, s := range shapes {
			if found, ok := s[key]; ok {
				p, known = found, true
			}
		}
		if !known {
			panic(unknown(n.offset(), kind, key))
		}
		w.part(p, value, fmt.Sprintf("%s.%s", kind, key))
	}
}

func (w *walker) part(p part, value any, place string) {
	switch p {
	case leaf, own:
	case expr:
		w.expr(object(value, place))
	case query:
		w.query(object(value, place))
	case statement:
		s := object(value, place)
		w.fields(s, place, shape{"node": query})
		if s.object("node") == nil {
			panic(unknown(NoOffset, "node", place))
		}
	case table:
		w.table(object(value, place))
	case modifier:
		w.modifier(object(value, place))
	default:
		for _, v := range list(value, place) {
			w.item(p, v, place)
		}
	}
}

// item walks one item of a list.
func (w *walker) item(p part, value any, place string) {
	switch p {
	case exprs:
		w.expr(object(value, place))
	case modifiers:
		w.modifier(object(value, place))
	case orders:
		w.fields(object(value, place), place, orderShape)
	case keyed:
		w.fields(object(value, place), place, shape{"key": leaf, "value": expr})
	case rows:
		for _, v := range list(value, place) {
			w.expr(object(v, place))
		}
	default:
		panic(unknown(NoOffset, "list", place))
	}
}

func object(value any, place string) node {
	n := asNode(value)
	if n == nil {
		panic(unknown(NoOffset, "value", place))
	}
	return n
}

func list(value any, place string) []any {
	l, ok := value.([]any)
	if !ok {
		panic(unknown(NoOffset, "value", place))
	}
	return l
}

func (w *walker) modifier(n node) {
	kind := n.str("type")
	s, ok := modifierShapes[kind]
	if !ok {
		panic(unknown(NoOffset, "modifier", kind))
	}
	w.fields(n, kind, s)
}
