package parser

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// CastParams writes casts around the parameters whose types are not known, which
// are "" in known: to the type that is given for them, that the statement states,
// or else to a guess. It returns the types of all.
func CastParams(sql string, known, given []string, guess string) (cast string, types []string) {
	types = slices.Clone(known)
	stated, casts := StatedTypes(sql), make(map[string]string)
	for i, t := range known {
		if t != "" {
			continue
		}
		name := fmt.Sprint("$", i+1)
		types[i] = cmp.Or(stated[name], guess)
		if i < len(given) && given[i] != "" {
			types[i] = given[i]
		}
		casts[name] = "CAST(" + name + " AS " + types[i] + ")"
	}
	return ReplaceParams(sql, casts), types
}

// castTypes is DuckDB's spelling of types that parameters are cast to.
var castTypes = map[string]string{
	"int": "INTEGER", "int4": "INTEGER", "integer": "INTEGER", "int8": "BIGINT", "bigint": "BIGINT", "int2": "SMALLINT", "smallint": "SMALLINT",
	"text": "VARCHAR", "varchar": "VARCHAR", "bool": "BOOLEAN", "boolean": "BOOLEAN", "float8": "DOUBLE", "float4": "FLOAT", "real": "FLOAT",
	"date": "DATE", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP WITH TIME ZONE", "uuid": "UUID", "json": "JSON", "jsonb": "JSON",
}

// StatedTypes returns the types of parameters as the statement says them: by a
// cast, $1::int, or as arguments of generate_series, which are numbers when
// nothing else says what they are.
func StatedTypes(sql string) map[string]string {
	tokens, err := Lex(sql)
	if err != nil {
		return nil
	}
	found := make(map[string]string)
	depth := 0 // of parentheses since generate_series
	for i, t := range tokens {
		switch {
		case t.Kind == Param && tokens[i+1].Text == "::":
			stated := castTypes[tokens[min(i+2, len(tokens)-1)].Value]
			switch after := tokens[min(i+3, len(tokens)-1)].Text; {
			case after == "[" && stated != "" && tokens[i+4].mark("]"):
				found[t.Text] = stated + "[]"
			case after != "[" && after != "(":
				found[t.Text] = stated
			}
		case t.Kind == Param && depth == 0 && comparedWithInteger(tokens, i):
			found[t.Text] = "INTEGER"
		case t.Kind == Param && depth == 1:
			found[t.Text] = "INTEGER"
		case depth == 0 && t.Text == "(" && i > 0 && tokens[i-1].Value == "generate_series":
			depth = 1
		case depth > 0 && t.Text == "(":
			depth++
		case depth > 0 && t.Text == ")":
			depth--
		}
	}
	return found
}

// comparedWithInteger reports whether a parameter stands beside an integer, as in
// 3 = $1.
func comparedWithInteger(tokens []Token, i int) bool {
	beside := func(operator, operand, beyond int) bool {
		if operand < 0 || beyond >= len(tokens) || !slices.Contains([]string{"=", "<", ">", "<=", ">=", "<>", "!="}, tokens[operator].Text) {
			return false
		}
		if beyond >= 0 && (tokens[beyond].Kind == Operator || tokens[beyond].Kind == Punct && !slices.Contains([]string{"(", ")", ",", ";"}, tokens[beyond].Text)) {
			return false // it is part of more
		}
		n, err := strconv.Atoi(tokens[operand].Text)
		return err == nil && n <= math.MaxInt32 && tokens[operand].Kind == Number
	}
	return beside(i-1, i-2, i-3) || beside(i+1, i+2, i+3)
}

// ReplaceParams writes texts for the parameters that have one, by name: $1.
func ReplaceParams(sql string, texts map[string]string) string {
	tokens, err := Lex(sql)
	if err != nil {
		return sql
	}
	var out strings.Builder
	last := 0
	for _, t := range tokens {
		if text, ok := texts[t.Text]; ok && t.Kind == Param {
			out.WriteString(sql[last:t.Offset] + text)
			last = t.End()
		}
	}
	out.WriteString(sql[last:])
	return out.String()
}

// PutArguments writes arguments in the places of the parameters $1, $2, …, the
// first of them as values of the given types. It returns how many parameters there
// are, whether or not there are so many arguments.
func PutArguments(sql string, types, args []string) (text string, parameters int, err error) {
	tokens, err := Lex(sql)
	if err != nil {
		return "", 0, err
	}
	parameters = len(types)
	for _, t := range tokens {
		if t.Kind != Param {
			continue
		}
		n, err := strconv.Atoi(strings.TrimPrefix(t.Text, "$"))
		if err != nil {
			return "", 0, errorAt(t.Offset, codeSyntax, "parameter %s has no number", t.Text)
		}
		parameters = max(parameters, n)
	}
	texts := make(map[string]string)
	for i, arg := range args {
		if i < len(types) {
			texts[fmt.Sprint("$", i+1)] = "CAST((" + arg + ") AS " + types[i] + ")"
		} else {
			texts[fmt.Sprint("$", i+1)] = "(" + arg + ")"
		}
	}
	return ReplaceParams(sql, texts), parameters, nil
}

// Uncast takes the casts to numeric without a precision away from the parameters
// for which exact, by their numbers from 0, reports that their values have digits
// of their own: $1::numeric.
func Uncast(sql string, exact func(int) bool) string {
	tokens, err := Lex(sql)
	if err != nil {
		return sql
	}
	var out strings.Builder
	last := 0
	for i, t := range tokens {
		if t.Kind != Param || tokens[i+1].Text != "::" {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimPrefix(t.Text, "$")); err != nil || !exact(n-1) {
			continue
		}
		if name := tokens[i+2]; (name.is("numeric") || name.is("decimal")) && !tokens[i+3].mark("(") && !tokens[i+3].mark("[") {
			out.WriteString(sql[last:t.End()])
			last = name.End()
		}
	}
	return out.String() + sql[last:]
}

// ReadsFrom reports whether a statement has a FROM.
func ReadsFrom(sql string) bool {
	tokens, err := Lex(sql)
	return err == nil && slices.ContainsFunc(tokens, func(t Token) bool { return t.is("from") })
}
