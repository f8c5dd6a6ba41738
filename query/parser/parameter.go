package parser

import (
	"fmt"
	"strconv"
	"strings"
)

// CastParameters writes CAST($n AS type) for the given parameters, by their text.
func CastParameters(sql string, casts map[string]string) string {
	out, err := replaceParameters(sql, func(t Token) (string, error) {
		if want, ok := casts[t.Text]; ok {
			return "CAST(" + t.Text + " AS " + want + ")", nil
		}
		return t.Text, nil
	})
	if err != nil {
		return sql
	}
	return out
}

// PutArguments writes arguments in the places of the parameters $1, $2, …, the
// first of them as values of the given types. It returns how many parameters there
// are, whether or not there are so many arguments.
func PutArguments(sql string, types, args []string) (text string, parameters int, err error) {
	parameters = len(types)
	text, err = replaceParameters(sql, func(t Token) (string, error) {
		n, err := strconv.Atoi(strings.TrimPrefix(t.Text, "$"))
		if err != nil {
			return "", errorAt(t.Offset, codeSyntax, "parameter %s has no number", t.Text)
		}
		parameters = max(parameters, n)
		switch {
		case n < 1 || n > len(args):
			return t.Text, nil
		case n <= len(types):
			return "CAST((" + args[n-1] + ") AS " + types[n-1] + ")", nil
		}
		return "(" + args[n-1] + ")", nil
	})
	return text, parameters, err
}

func replaceParameters(sql string, with func(Token) (string, error)) (string, error) {
	tokens, err := Lex(sql)
	if err != nil {
		return "", fmt.Errorf("parameters: %w", err)
	}
	var out strings.Builder
	last := 0
	for _, t := range tokens {
		if t.Kind != Param {
			continue
		}
		text, err := with(t)
		if err != nil {
			return "", err
		}
		out.WriteString(sql[last:t.Offset] + text)
		last = t.End()
	}
	out.WriteString(sql[last:])
	return out.String(), nil
}
