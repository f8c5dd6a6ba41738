package gate

// query walks a query node in the scope of the CTEs around it.
func (w *walker) query(n node) {
	kind := n.str("type")
	s, ok := queryShapes[kind]
	if !ok {
		panic(unknown(NoOffset, "query", kind))
	}
	outer := w.scope
	defer func() { w.scope = outer }()
	w.ctes(n.object("cte_map"))
	switch kind {
	case "SELECT_NODE":
		w.selectNode(n, s)
	case "RECURSIVE_CTE_NODE":
		w.recursive(n, s)
	default:
		w.fields(n, kind, s)
	}
}

func (w *walker) selectNode(n node, s shape) {
	var from *fromItem
	if t := n.object("from_table"); t != nil {
		from = w.table(t)
	}
	w.sample(n)
	w.fields(n, "SELECT_NODE", s)
	if n.object("sample") == nil {
		w.timeBounds(n, from)
		w.top(n, from)
	}
}

// recursive walks a recursive CTE: its right side sees the name, its left
// side, where the recursion begins, does not.
func (w *walker) recursive(n node, s shape) {
	w.fields(n, "RECURSIVE_CTE_NODE", s)
	w.query(n.object("left"))
	w.scope = w.scope.with(n.str("cte_name"), &cte{recursive: true})
	w.query(n.object("right"))
}

// sample notes that a sample is different each time.
func (w *walker) sample(n node) {
	if n.object("sample") != nil {
		w.reads.Volatile = true
	}
}

var cteShape = shape{"aliases": leaf, "query": own, "materialized": leaf, "key_targets": exprs}

// ctes walks the WITH clause. Each CTE sees those before it.
func (w *walker) ctes(m node) {
	if m == nil {
		return
	}
	w.fields(m, "cte_map", shape{"map": own})
	for _, entry := range m.nodes("map") {
		w.fields(entry, "cte_map", shape{"key": leaf, "value": own})
		value := entry.object("value")
		w.fields(value, "cte", cteShape)
		before := w.copies
		w.copies = 0
		w.part(statement, value["query"], "cte.query")
		c := &cte{copies: 1}
		if value.str("materialized") != "CTE_MATERIALIZE_ALWAYS" { // NOT MATERIALIZED is written as the default
			c.copies += w.copies
		}
		w.copies = before
		w.scope = w.scope.with(entry.str("key"), c)
	}
}
