package pgcatalog

import (
	"regexp"
	"strings"

	"github.com/millstream-db/millstream/query/parser"
)

// Ordinary returns a statement about users' tables as DuckDB takes it: what means
// another thing there than in PostgreSQL, and what people write who come from it
// and DuckDB's parser or binder refuses. A statement without either comes back
// byte for byte. It is for queries and for the SELECTs of views.
func Ordinary(sql string) Text {
	if !ordinaryPattern.MatchString(sql) {
		return Text{SQL: sql}
	}
	tokens, err := parser.Lex(sql)
	if err != nil {
		return Text{SQL: sql}
	}
	r := newRewriter(sql, tokens)
	for i, t := range tokens {
		if r.taken[i] {
			continue
		}
		switch {
		case t.Kind == parser.Operator:
			r.ordinaryOperator(i)
		case r.literal(i):
		case r.mark(i, "::"), t.Kind == parser.String, r.word(i, "cast", "try_cast"):
			r.typed(i)
		case r.word(i, "jsonb") && (r.mark(i-1, "::") || r.word(i-1, "as") && r.mark(i+1, ")")):
			r.replace(i, i+1, "json")
		case r.word(i, "for"):
			r.locking(i)
		case t.Kind == parser.Word && r.mark(i+1, "(") && r.partner[i+1] > 0 && !r.mark(i-1, "."):
			r.ordinaryCall(i, r.partner[i+1])
		}
	}
	return r.text()
}

// ordinaryPattern finds the statements in which there may be something to do.
var ordinaryPattern = regexp.MustCompile(`(?i)~|'\{|#>|\\|\bto_(char|date|timestamp|jsonb)\b|\bjsonb?_(build|agg|object_agg|array_length|typeof|pretty)` +
	`|\bjsonb\b|\bfor\s+(no|key|update|share)\b|\b(current|local)_?time(stamp)?\s*\(|\bgenerate_series\b|\bunnest\b|\bcardinality\b|\bbool(ean)?\b|\bbytea\b|\bbc\b|\b(numeric|decimal|dec)\b|\bsubstring\b|\bevery\b|\bbtrim\b|\bstatement_timestamp\b|\bclock_timestamp\b`)

// otherNames is DuckDB's names of functions of PostgreSQL's.
var otherNames = map[string]string{
	"json_build_object": "json_object", "jsonb_build_object": "json_object", "json_build_array": "json_array", "jsonb_build_array": "json_array",
	"json_object_agg": "json_group_object", "jsonb_object_agg": "json_group_object",
	"to_jsonb": "to_json", "jsonb_array_length": "json_array_length", "jsonb_typeof": "json_typeof", "jsonb_pretty": "json_pretty",
	"every": "bool_and", "btrim": "trim", "statement_timestamp": "now", "clock_timestamp": "get_current_timestamp",
}

// ordinaryOperator handles an operator that means another thing, or none.
func (r *rewriter) ordinaryOperator(i int) {
	switch text := r.tokens[i].Text; text {
	case "~", "!~":
		if r.operandStart(i-1) >= 0 { // else it turns the bits of a number
			r.replace(i, i+1, map[string]string{"~": "@", "!~": "!@"}[text])
		}
	case "#>", "#>>":
		if path, ok := jsonPointer(r.tokens[i+1]); ok {
			r.replace(i, i+2, map[string]string{"#>": "->", "#>>": "->>"}[text]+" "+path)
		}
	}
}

// locking takes FOR UPDATE and its like away: whoever reads holds nobody up, and
// sees one state of all.
func (r *rewriter) locking(i int) {
	end := i + 1
	for r.word(end, "no", "key") {
		end++
	}
	if !r.word(end, "update", "share") {
		return
	}
	if end++; r.word(end, "of") {
		_, end = r.chain(end + 1)
		for r.mark(end, ",") {
			_, end = r.chain(end + 1)
		}
	}
	for r.word(end, "nowait", "skip", "locked") {
		end++
	}
	if r.tokens[end].Kind == parser.EOF || r.mark(end, ";") || r.mark(end, ")") || r.word(end, "limit", "offset", "fetch") {
		r.replace(i, end, "")
	}
}

// jsonPointer turns the path '{a,0,b}' into '/a/0/b'.
func jsonPointer(t parser.Token) (string, bool) {
	if t.Kind != parser.String || !strings.HasPrefix(t.Value, "{") || !strings.HasSuffix(t.Value, "}") || strings.ContainsAny(t.Value, `"\`) {
		return "", false
	}
	var out strings.Builder
	for _, step := range strings.Split(t.Value[1:len(t.Value)-1], ",") {
		out.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(strings.TrimSpace(step)))
	}
	return parser.QuoteLiteral(out.String()), true
}

// ordinaryCall handles the call of a function whose name is token i.
func (r *rewriter) ordinaryCall(i, closing int) {
	name := r.tokens[i].Value
	switch name {
	case "to_char":
		r.toChar(i, closing)
	case "to_date", "to_timestamp":
		r.fromText(i, closing)
	case "substring":
		r.substringPattern(i, closing)
	case "json_agg", "jsonb_agg": // json_group_array is a macro, and takes no ORDER BY
		r.replace(i, i+1, "to_json(list")
		r.behind(r.aggregateEnd(closing), ")")
	case "current_timestamp", "localtimestamp", "current_time", "localtime":
		if closing == i+3 && r.tokens[i+2].Kind == parser.Number { // digits of a second
			r.replace(i+1, closing+1, "")
		}
	case "generate_series":
		r.series(i, closing)
	case "cardinality": // of an array; DuckDB has it for maps
		if r.mark(i+2, "[") || r.word(i+2, "array") || r.mark(closing-1, "]") && r.mark(closing-2, "[") {
			r.replace(i, i+1, "len")
		}
	case "unnest":
		if r.clause[i] == relationName {
			r.unnested(i, closing)
		}
	default:
		if other := otherNames[name]; other != "" {
			r.replace(i, i+1, other)
		}
	}
}

// aggregateEnd returns the last token of an aggregate whose arguments end at a
// token: FILTER and OVER belong to it.
func (r *rewriter) aggregateEnd(closing int) int {
	for r.word(closing+1, "filter", "over") && r.mark(closing+2, "(") && r.partner[closing+2] > 0 {
		closing = r.partner[closing+2]
	}
	return closing
}

// itemBegins reports whether a token is the first of an item of a select list.
func (r *rewriter) itemBegins(i int) bool {
	return r.mark(i-1, ",") || r.word(i-1, "select", "all", "distinct")
}

// lastLiteral returns the token of a call's last argument, if that is a string,
// and the comma before it is between two arguments.
func (r *rewriter) lastLiteral(open, closing int) (at int, ok bool) {
	at = closing - 1
	if at-1 <= open || r.tokens[at].Kind != parser.String || !r.mark(at-1, ",") {
		return 0, false
	}
	for i := open + 1; i < at-1; i++ {
		if r.mark(i, ",") {
			return 0, false
		}
		if r.partner[i] > i {
			i = r.partner[i]
		}
	}
	return at, true
}

// toChar makes strftime of to_char where that has the format, and otherwise one
// of the functions that write times and numbers.
func (r *rewriter) toChar(i, closing int) {
	at, ok := r.lastLiteral(i+1, closing)
	if !ok {
		r.replace(i, i+1, "to_char_time")
		return
	}
	format := r.tokens[at].Value
	if numberFormat.MatchString(format) {
		r.replace(i, i+1, "to_char_number")
	} else if directives, ok := strftime(format); ok {
		r.replace(i, i+1, "strftime")
		r.replace(at, at+1, parser.QuoteLiteral(directives))
	} else {
		r.replace(i, i+1, "to_char_time")
	}
}

// fromText makes strptime of to_date and to_timestamp with a format.
func (r *rewriter) fromText(i, closing int) {
	at, ok := r.lastLiteral(i+1, closing)
	if !ok {
		return
	}
	directives, ok := strftime(r.tokens[at].Value)
	if !ok {
		return
	}
	typeName := map[string]string{"to_date": "DATE", "to_timestamp": "TIMESTAMPTZ"}[r.tokens[i].Value]
	r.replace(i, i+1, "CAST(strptime")
	r.replace(at, at+1, parser.QuoteLiteral(directives))
	r.behind(closing, " AS "+typeName+")")
}

// substringPattern handles substring(text FROM 'regular expression').
func (r *rewriter) substringPattern(i, closing int) {
	at := closing - 1
	if r.tokens[at].Kind == parser.String && r.word(at-1, "from") && at-1 > i+2 {
		r.replace(i, i+1, "substring_pattern")
		r.replace(at-1, at, ",")
	}
}

// numberFormat is what to_char has for numbers.
var numberFormat = regexp.MustCompile(`^(?i:FM)?[90.,DGSLBdgslb ]*[90][90.,DGSLBdgslb ]*$`)

// timePatterns are PostgreSQL's patterns and strftime's, the longer ones first.
// What PostgreSQL fills with blanks is here with FM, which takes them away.
var timePatterns = [][2]string{
	{"FMMonth", "%B"}, {"FMDay", "%A"}, {"FMHH24", "%-H"}, {"FMHH12", "%-I"}, {"FMDDD", "%-j"}, {"FMHH", "%-I"}, {"FMDD", "%-d"}, {"FMMM", "%-m"},
	{"FMMI", "%-M"}, {"FMSS", "%-S"}, {"FM", ""}, {"HH24", "%H"}, {"HH12", "%I"}, {"YYYY", "%Y"}, {"IYYY", "%G"}, {"DDD", "%j"}, {"Mon", "%b"},
	{"HH", "%I"}, {"YY", "%y"}, {"MM", "%m"}, {"DD", "%d"}, {"MI", "%M"}, {"SS", "%S"}, {"MS", "%g"}, {"US", "%f"}, {"AM", "%p"}, {"PM", "%p"},
	{"IW", "%V"}, {"ID", "%u"}, {"Dy", "%a"},
	{"yyyy", "%Y"}, {"hh24", "%H"}, {"hh12", "%I"}, {"mm", "%m"}, {"dd", "%d"}, {"mi", "%M"}, {"ss", "%S"}, {"ms", "%g"}, {"us", "%f"},
}

// strftime turns a format of to_char into one of strftime, if that has all of it.
func strftime(format string) (directives string, ok bool) {
	var out strings.Builder
	for len(format) > 0 {
		if quoted, rest, ok := quotedText(format); ok {
			out.WriteString(strings.ReplaceAll(quoted, "%", "%%"))
			format = rest
			continue
		}
		found := false
		for _, p := range timePatterns {
			if strings.HasPrefix(format, p[0]) && (p[0] != "FM" || !strings.HasPrefix(format, "FMM") && !strings.HasPrefix(format, "FMD")) {
				out.WriteString(p[1])
				format, found = format[len(p[0]):], true
				break
			}
		}
		if found {
			continue
		}
		c := format[0]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if strings.HasPrefix(format, "T") && !strings.HasPrefix(format, "TZ") && !strings.HasPrefix(format, "TH") || c == 'Z' {
			letter = false // of ISO 8601
		}
		if letter || c == '"' || c == '\\' {
			return "", false // another pattern
		}
		if c == '%' {
			out.WriteByte('%')
		}
		out.WriteByte(c)
		format = format[1:]
	}
	return out.String(), true
}

// quotedText cuts a "quoted" text off a format.
func quotedText(format string) (text, rest string, ok bool) {
	if !strings.HasPrefix(format, `"`) {
		return "", "", false
	}
	text, rest, ok = strings.Cut(format[1:], `"`)
	return text, rest, ok && !strings.Contains(text, `\`)
}
