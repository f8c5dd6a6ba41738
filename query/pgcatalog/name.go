package pgcatalog

// bareFunctions are called without parentheses.
var bareFunctions = map[string]bool{
	"current_user": true, "session_user": true, "current_role": true, "current_catalog": true, "current_schema": true,
}

// names leads the names of catalog relations and functions to the shadow.
func (r *rewriter) names() {
	for i := 0; i < len(r.tokens); i++ {
		if !r.name(i) || r.mark(i-1, ".") {
			continue
		}
		names, end := r.chain(i)
		if !r.taken[i] {
			r.nameAt(i, end, names)
		}
		i = end - 1
	}
}

func (r *rewriter) nameAt(i, end int, names []string) {
	schema := ""
	first := i // the token of the name behind the schema
	if len(names) > 2 && names[0] == "millstream" && isSystemSchema(names[1]) {
		names, first = names[1:], first+2
	}
	if len(names) > 1 && isSystemSchema(names[0]) {
		schema, names, first = names[0], names[1:], first+2
		r.catalog = true
	}
	call := r.mark(end, "(")
	switch {
	case call && schema == "" && len(names) == 1:
		// DuckDB has an array_to_string; it is replaced only as Postgres's.
		if Macro(names[0]) && names[0] != "array_to_string" && r.clause[i] != relationName {
			r.before(i, catalogSchema+".")
		}
	case call && schema != "" && len(names) == 1:
		prefix := ""
		if Macro(names[0]) {
			prefix = catalogSchema + "."
		}
		r.replace(i, first, prefix)
	case r.clause[i] == relationName && len(names) == 1:
		r.relationAt(i, first, schema, names[0])
	case schema != "":
		r.replace(i, first, "") // pg_catalog.pg_class.relname
	case len(names) == 1:
		r.bareFunction(i, names[0])
	}
}

func isSystemSchema(name string) bool { return name == "pg_catalog" || name == "information_schema" }

// relationAt rewrites the name of a relation whose last part is a given token.
func (r *rewriter) relationAt(i, last int, schema, name string) {
	if schema == "" && r.ctes[name] {
		return
	}
	found := findRelation(schema, name)
	if found == nil {
		return
	}
	r.catalog = true
	r.replace(i, last+1, found.shadow)
	alias := last + 1
	if r.word(alias, "as") {
		alias++
	}
	r.aliases[name] = found
	if r.name(alias) && !r.joinWord(alias) {
		r.aliases[r.tokens[alias].Value] = found
	}
}

// bareFunction rewrites current_user and its like. A column may be called user,
// so that word is a function only where there is no FROM.
func (r *rewriter) bareFunction(i int, name string) {
	if !r.word(i, name) || r.word(i-1, "as") || r.mark(i+1, ".") {
		return
	}
	if bareFunctions[name] || name == "user" && r.clause[i] == selectList && !r.hasFrom {
		r.replace(i, i+1, catalogSchema+`."`+name+`"()`)
	}
}
