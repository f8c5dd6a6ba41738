package pgcatalog

import (
	"strconv"
	"strings"

	"github.com/millstream-db/millstream/query/parser"
)

func itoa(n int) string { return strconv.Itoa(n) }

// dialect rewrites what means another thing in DuckDB than in Postgres. It is
// for statements that speak to the catalog only.
func (r *rewriter) dialect() {
	for i, t := range r.tokens {
		switch {
		case r.taken[i]:
		case t.Kind == parser.Operator && (strings.HasPrefix(t.Text, "~") || strings.HasPrefix(t.Text, "!~")):
			r.regularExpression(i)
		case t.Text == "=" && r.word(i+1, "any") && r.mark(i+2, "("):
			r.anyOf(i)
		case r.word(i, "collate"):
			_, end := r.chain(i + 1)
			r.replace(i, end, "")
		case r.literal(i):
		case r.mark(i+1, "(") && r.word(i, "json_build_object"):
			r.replace(i, i+1, "json_object")
		case r.mark(i+1, "(") && r.word(i, "format") && !r.mark(i-1, "."):
			r.replace(i, i+1, catalogSchema+".pg_format")
		case r.clause[i] == relationName && r.mark(i+1, "(") && r.partner[i+1] > 0 && r.word(i, "string_to_array", "parse_ident"):
			r.rowOf(i)
		case r.word(i, "tableoid"):
			r.tableOID(i)
		case r.clause[i] == relationName && r.mark(i+1, "(") && r.word(i, "generate_series", "generate_subscripts", "unnest"):
			r.seriesOf(i)
			r.columnAlias(r.partner[i+1] + 1)
		}
	}
}

// nulls makes the items of select lists that are NULL texts, which they are in
// Postgres when nothing else says what they are; in DuckDB they are numbers.
func (r *rewriter) nulls() {
	for i := range r.tokens {
		if r.setOp || !r.word(i, "null") || r.clause[i] != selectList || !r.mark(i-1, ",") && !r.word(i-1, "select") {
			continue
		}
		if r.mark(i+1, ",") || r.word(i+1, "as", "from") || r.name(i+1) && !r.word(i+1, "is", "in", "and", "or", "not", "like", "between", "collate") {
			r.behind(i, "::text")
		}
	}
}

func (r *rewriter) regularExpression(i int) {
	op := r.tokens[i].Text
	if shadow := shadowOperator(op); shadow != op {
		r.replace(i, i+1, shadow)
	}
	r.pattern(op, i+1)
}

// literal handles a literal that DuckDB reads otherwise: the pattern behind LIKE,
// and an array. It reports whether the token is about one.
func (r *rewriter) literal(i int) bool {
	t := r.tokens[i]
	switch {
	case r.word(i, "like", "ilike"):
		r.escape(i + 1)
	case t.Kind == parser.String && strings.HasPrefix(t.Value, "{") && r.isArray(i):
		write := func(s string) (string, bool) { return parser.QuoteLiteral(s), true }
		if r.mark(i+1, "::") && r.word(i+2, "bytea") {
			write = func(s string) (string, bool) {
				bytes, ok := parser.ParseBytea(s)
				return "'" + blobText(bytes) + "'::BLOB", ok
			}
		}
		if list, ok := arrayLiteral(t.Value, write); ok {
			r.replace(i, i+1, list)
		}
	default:
		return false
	}
	return true
}

// escape gives LIKE the backslash, which in DuckDB is a character as others. The
// pattern is a string, or a function's value whose arguments have one.
func (r *rewriter) escape(pattern int) {
	last := pattern
	if _, end := r.chain(pattern); r.mark(end, "(") && r.partner[end] > 0 {
		last = r.partner[end]
	}
	if r.word(last+1, "escape") || r.tokens[last+1].Kind == parser.Operator { // the pattern goes on
		return
	}
	for _, t := range r.tokens[pattern : last+1] {
		if t.Kind == parser.String && strings.Contains(t.Value, `\`) {
			r.behind(last, ` ESCAPE '\'`)
			return
		}
	}
}

// isArray reports whether a string is an array: '{…}'::type[] or ANY ('{…}').
func (r *rewriter) isArray(i int) bool {
	if r.mark(i+1, "::") {
		_, end := r.chain(i + 2)
		return r.mark(end, "[")
	}
	return r.mark(i-1, "(") && r.mark(i+1, ")") && r.word(i-2, "any", "all", "some")
}

// arrayLiteral turns {a,"b c",NULL} into a list of strings, each as write has it.
func arrayLiteral(text string, write func(string) (string, bool)) (string, bool) {
	body, ok := strings.CutSuffix(strings.TrimSpace(text[1:]), "}")
	var list []string
	for rest := strings.TrimSpace(body); ok && rest != ""; {
		value, behind, quoted, found := arrayElement(rest)
		if !found {
			return "", false
		}
		if quoted || !strings.EqualFold(value, "null") {
			if value, ok = write(value); !ok {
				return "", false
			}
		}
		list = append(list, value)
		rest = strings.TrimSpace(behind)
	}
	return "[" + strings.Join(list, ", ") + "]", ok
}

// arrayElement reads the first element of the inside of an array, and the comma
// behind it.
func arrayElement(rest string) (value, behind string, quoted, ok bool) {
	var out strings.Builder
	inside := false
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\\' && i+1 < len(rest):
			i++
			out.WriteByte(rest[i])
		case c == '"' && (inside || strings.TrimSpace(out.String()) == ""):
			if !inside {
				out.Reset()
			}
			inside, quoted = !inside, true
		case inside:
			out.WriteByte(c)
		case c == ',':
			return trimmed(out.String(), quoted), rest[i+1:], quoted, true
		case c == '{' || c == '}' || c == '"' || quoted && c != ' ':
			return "", "", false, false
		case !quoted:
			out.WriteByte(c)
		}
	}
	return trimmed(out.String(), quoted), "", quoted, !inside
}

func trimmed(value string, quoted bool) string {
	if quoted {
		return value
	}
	return strings.TrimSpace(value)
}

// anyOf rewrites a comparison with the elements of one of the catalog's arrays,
// attnum = ANY (indkey): DuckDB makes a subquery of it, which it takes in no ON
// of an outer join.
func (r *rewriter) anyOf(i int) {
	start, closing := r.operandStart(i-1), r.partner[i+2]
	names, end := r.chain(i + 3)
	if start < 0 || len(names) == 0 || end != closing || !arrayColumns()[names[len(names)-1]] {
		return
	}
	first := i + 3
	if len(names) > 2 && isSystemSchema(names[0]) {
		first += 2 // the shadow's relation has no schema in an expression
	}
	r.before(start, "list_contains("+r.sql[r.tokens[first].Offset:r.tokens[end-1].End()]+", ")
	r.replace(i, closing+1, ")")
}

// tableOID replaces the system column tableoid of a catalog relation.
func (r *rewriter) tableOID(i int) {
	switch {
	case r.mark(i-1, ".") && r.name(i-2):
		if rel := r.aliases[r.tokens[i-2].Value]; rel != nil {
			r.replace(i-2, i+1, itoa(rel.oid))
		}
	case len(r.aliases) == 1:
		for _, rel := range r.aliases {
			r.replace(i, i+1, itoa(rel.oid))
		}
	}
}

// rowOf makes a query of a function in FROM that returns one value, as it may
// stand there in Postgres.
func (r *rewriter) rowOf(i int) {
	closing := r.partner[i+1]
	r.before(i, "(SELECT "+catalogSchema+".")
	r.behind(closing, ")")
	r.columnAlias(closing + 1)
}

// seriesOf makes a query of a generate_series in FROM whose arguments are calls:
// functions of the catalog have queries in them, which DuckDB takes no argument
// of a table function from.
func (r *rewriter) seriesOf(i int) {
	closing := r.partner[i+1]
	for j := i + 2; j < closing && r.word(i, "generate_series"); j++ {
		if r.name(j) && r.mark(j+1, "(") {
			r.before(i, "(SELECT unnest(")
			r.behind(closing, "))")
			return
		}
	}
}

// columnAlias names the column of a function in FROM as its alias, which begins
// at a token: in Postgres the alias alone means the value, in DuckDB the row.
func (r *rewriter) columnAlias(i int) {
	if i > 0 && r.word(i, "as") {
		i++
	}
	if i <= 0 || !r.name(i) || r.mark(i+1, "(") || r.word(i, "with") || r.joinWord(i) {
		return
	}
	r.behind(i, "("+r.tokens[i].Text+")")
}

// joinWord reports whether a word goes on with FROM or ends it, and so is no alias.
func (r *rewriter) joinWord(i int) bool {
	return r.word(i, "on", "using", "where", "join", "left", "right", "full", "inner", "outer", "cross", "natural", "group", "having",
		"order", "limit", "offset", "fetch", "window", "qualify", "union", "except", "intersect", "for", "tablesample")
}
