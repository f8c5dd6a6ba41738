package pgcatalog

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/millstream-db/millstream/query/parser"
)

// typed handles a value that is given a type by name, at token i: value::type,
// CAST(value AS type), and type 'value'.
func (r *rewriter) typed(i int) {
	switch {
	case r.mark(i, "::"):
		r.valueOf(r.operandStart(i-1), i, i+1, -1)
	case r.word(i, "cast", "try_cast") && r.mark(i+1, "(") && r.partner[i+1] > 0:
		closing := r.partner[i+1]
		as := closing - 1
		for ; as > i+1 && !r.word(as, "as"); as-- {
			if r.partner[as] >= 0 {
				as = r.partner[as]
			}
		}
		if as > i+2 {
			r.valueOf(i+2, as, as+1, closing)
		}
	case r.tokens[i].Kind == parser.String && r.typeBefore(i) && !r.mark(i+1, "::"):
		switch name := r.tokens[i-1].Value; {
		case name == "bytea":
			r.bytea(i, i+1, i-1, i+1)
		case timeNames[name]:
			r.beforeChrist(i)
		}
	}
}

// timeNames is the types of PostgreSQL whose values may be before Christ.
var timeNames = map[string]bool{"date": true, "timestamp": true, "timestamptz": true}

// typeBefore reports whether the token before a string is a type of PostgreSQL's
// and not the name of something else.
func (r *rewriter) typeBefore(i int) bool {
	return i > 0 && r.tokens[i-1].Kind == parser.Word && !r.mark(i-2, ".") && !r.mark(i-2, "::") && !r.word(i-2, "as")
}

// valueOf handles the value of tokens start up to end, which is cast to the type
// that begins at a token; closing ends a CAST( ), else it is -1.
func (r *rewriter) valueOf(start, end, typeAt, closing int) {
	names, behind := r.chain(typeAt)
	if start < 0 || len(names) == 0 || len(names) == 2 && names[0] != "pg_catalog" || len(names) > 2 {
		return
	}
	name, only := names[len(names)-1], start == end-1
	if closing >= 0 && timeNames[name] && only {
		r.beforeChrist(start) // whatever follows the name
		return
	}
	if r.mark(behind, "[") || closing >= 0 && behind != closing {
		return
	}
	first, last := start, behind
	if closing >= 0 {
		first, last = start-2, closing+1
	}
	switch {
	case name == "bool" || name == "boolean":
		r.boolean(start, end)
	case name == "bytea" && (!only || r.tokens[start].Kind != parser.Param):
		r.bytea(start, end, first, last)
	case timeNames[name] && only:
		r.beforeChrist(start)
	case (name == "numeric" || name == "decimal" || name == "dec") && only && !r.mark(behind, "("):
		if digits, scale, ok := decimalDigits(r.tokens[start]); ok {
			r.replace(typeAt, behind, fmt.Sprintf("DECIMAL(%d,%d)", max(digits, 18), scale))
		}
	}
}

// switches is PostgreSQL's words for truth values that DuckDB does not have.
var switches = map[string]string{"on": "true", "of": "false", "off": "false"}

// boolean handles a cast to boolean of a text that may be on or off: a literal,
// or a setting.
func (r *rewriter) boolean(start, end int) {
	t := r.tokens[start]
	if word := switches[strings.ToLower(strings.TrimSpace(t.Value))]; t.Kind == parser.String && start == end-1 && word != "" {
		r.replace(start, end, "'"+word+"'")
	} else if r.word(start, "current_setting") && r.mark(start+1, "(") && r.partner[start+1] == end-1 {
		r.before(start, "replace(replace(")
		r.behind(end-1, ", 'on', 'true'), 'off', 'false')")
	}
}

// bytea makes a BLOB of the value of tokens start up to end; the whole cast is the
// tokens from first up to last. DuckDB reads texts as bytes in another way.
func (r *rewriter) bytea(start, end, first, last int) {
	if t := r.tokens[start]; t.Kind == parser.String && start == end-1 {
		if bytes, ok := parser.ParseBytea(t.Value); ok {
			r.replace(first, last, "'"+blobText(bytes)+"'::BLOB")
			return
		}
	}
	if first == start { // value::bytea
		r.before(start, "to_bytea(")
		r.replace(end, last, ")")
		return
	}
	r.replace(first, start, "to_bytea(")
	r.replace(end, last, ")")
}

// blobText writes bytes as DuckDB reads them.
func blobText(bytes []byte) string {
	var out strings.Builder
	for _, b := range bytes {
		fmt.Fprintf(&out, `\x%02X`, b)
	}
	return out.String()
}

// christ is a date or timestamp before Christ: its date and the rest.
var christ = regexp.MustCompile(`(?i)^\s*(\d+-\d+-\d+)(.*?)\s+BC\s*$`)

// beforeChrist writes a date before Christ as DuckDB has it, which does not see
// PostgreSQL's BC at all.
func (r *rewriter) beforeChrist(i int) {
	t := r.tokens[i]
	if t.Kind != parser.String {
		return
	}
	if m := christ.FindStringSubmatch(t.Value); m != nil {
		r.replace(i, i+1, parser.QuoteLiteral(m[1]+" (BC)"+m[2]))
	}
}

var decimalPattern = regexp.MustCompile(`^\s*[+-]?0*(\d*)(?:\.(\d*))?\s*$`)

// decimalDigits returns how many digits a literal has, and how many of them
// behind the point: a numeric without a precision has those of its value.
func decimalDigits(t parser.Token) (digits, scale int, ok bool) {
	if t.Kind != parser.Number && t.Kind != parser.String {
		return 0, 0, false
	}
	m := decimalPattern.FindStringSubmatch(t.Value)
	if m == nil || !strings.ContainsAny(t.Value, "0123456789") {
		return 0, 0, false
	}
	digits, scale = len(m[1])+len(m[2]), len(m[2])
	return digits, scale, digits <= 38
}
