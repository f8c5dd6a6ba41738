package gate

import "strings"

// database is the name that clients know the database by.
const database = "millstream"

// maxJoins is how many joins a query may have, those by a comma included: nothing
// interrupts DuckDB while it looks for their order. As many as package parser lets
// through of those that are written out.
const maxJoins = 100

// fromItem is a FROM clause as far as time bounds need it.
type fromItem struct {
	left, right       *fromItem // of a join
	joinType, refType string
	alias             string
	ref               int // index in Reads.Relations, or -1
	relation          Relation
	plain             bool // a table as it is: no sample, no column aliases
}

// table walks a table reference.
func (w *walker) table(n node) *fromItem {
	kind := n.str("type")
	if kind == "SHOW_REF" {
		panic(errorAt(n.offset(), codeUnsupported, "DESCRIBE, SHOW and SUMMARIZE inside a query are not supported").
			withHint("Write DESCRIBE name or SHOW TABLES as a statement, or read information_schema.columns."))
	}
	s, ok := tableShapes[kind]
	if !ok {
		panic(unknown(n.offset(), "table", kind))
	}
	w.sample(n)
	item := &fromItem{ref: -1, alias: n.str("alias")}
	switch kind {
	case "BASE_TABLE":
		w.baseTable(n, item)
	case "JOIN":
		if w.joins++; w.joins > maxJoins {
			panic(errorAt(n.offset(), codeTooComplex, "query joins more than %d tables", maxJoins))
		}
		item.joinType, item.refType = n.str("join_type"), n.str("ref_type")
		item.left = w.table(object(n["left"], "JOIN.left"))
		item.right = w.table(object(n["right"], "JOIN.right"))
	case "TABLE_FUNCTION":
		w.tableFunction(object(n["function"], "TABLE_FUNCTION.function"))
	case "PIVOT":
		w.table(object(n["source"], "PIVOT.source"))
		w.pivots(n)
	}
	w.fields(n, kind, s, commonTableFields)
	return item
}

func (w *walker) baseTable(n node, item *fromItem) {
	catalog, schema, name := n.str("catalog_name"), n.str("schema_name"), n.str("table_name")
	if n.object("at_clause") != nil {
		panic(errorAt(n.offset(), codeUnsupported, "AT (VERSION or TIMESTAMP) is not supported"))
	}
	if catalog != "" && !strings.EqualFold(catalog, database) {
		panic(errorAt(n.offset(), codeUnsupported, "cross-database references are not implemented: \"%s.%s.%s\"", catalog, schema, name))
	}
	if item.alias == "" {
		item.alias = name
	}
	if c := w.scope.lookup(name); c != nil && catalog == "" {
		if schema == "" || c.recursive && strings.EqualFold(schema, "recurring") {
			w.read(c.copies, n.offset())
			return
		}
	}
	w.relation(schema, name, n.offset(), item)
	item.plain = len(n.list("column_name_alias")) == 0 && n.object("sample") == nil
}

// relation resolves a name and notes that it is read.
func (w *walker) relation(schema, name string, offset int, item *fromItem) {
	r, ok := w.rel.Lookup(schema, name)
	if !ok {
		panic(w.noSuchRelation(schema, name, offset))
	}
	w.read(1, offset)
	item.ref, item.relation = len(w.reads.Relations), r
	w.reads.Relations = append(w.reads.Relations, Ref{Schema: r.Schema, Name: r.Name, Position: offset, Tag: r.Tag})
}

func (w *walker) noSuchRelation(schema, name string, offset int) *Error {
	full := name
	if schema != "" {
		full = schema + "." + name
	}
	err := errorAt(offset, codeUndefinedTable, "relation \"%s\" does not exist", excerpt(full))
	if near := closest(name, w.rel.Names()); near != "" {
		err.Hint = near
	}
	return err
}

var (
	pivotShape = shape{"pivot_expressions": exprs, "unpivot_names": leaf, "entries": own, "pivot_enum": own}
	entryShape = shape{"values": leaf, "star_expr": expr, "alias": leaf}
)

// pivots walks the IN lists of PIVOT and UNPIVOT.
func (w *walker) pivots(n node) {
	for _, p := range n.nodes("pivots") {
		w.fields(p, "pivot", pivotShape)
		if p.str("pivot_enum") != "" {
			panic(errorAt(n.offset(), codeUnsupported, "PIVOT over an enum is not supported").
				withHint("List the values: FOR x IN ('a', 'b')."))
		}
		for _, e := range p.nodes("entries") {
			w.fields(e, "pivot entry", entryShape)
		}
	}
}
