package parser

import (
	"strings"
)

const hintWatermark = "A watermark is a column, or a column minus a constant interval: WATERMARK FOR ts AS ts, or WATERMARK FOR ts AS ts - INTERVAL '5 seconds'."

// ParseWatermark reads the expression of a watermark: "ts", or "ts - INTERVAL
// '5 seconds'" in any of SQL's spellings of an interval. It returns the column
// as spelled in columns, and the delay in microseconds, which is not negative.
// The error is an *Error with an offset in expr.
func ParseWatermark(expr string, columns []string) (column string, delayMicros int64, err error) {
	tokens, lexErr := lex(expr)
	if lexErr != nil {
		return "", 0, lexErr
	}
	tokens = withoutParentheses(tokens)
	first := tokens[0]
	column, ok := columnNamed(first, columns)
	if !ok {
		if first.Kind == Word || first.Kind == Quoted {
			if len(tokens) == 2 || tokens[1].mark("-") {
				return "", 0, errorAt(first.Offset, codeBadWatermark, "column \"%s\" of the watermark does not exist", excerpt(first.Value)).
					withHint("Columns: %s.", strings.Join(columns, ", "))
			}
		}
		return "", 0, badWatermark(first)
	}
	if len(tokens) == 2 {
		return column, 0, nil
	}
	if !tokens[1].mark("-") || !tokens[2].is("interval") {
		return "", 0, badWatermark(tokens[1])
	}
	delay, intervalErr := parseInterval(tokens[3:])
	if intervalErr != nil {
		return "", 0, intervalErr
	}
	return column, delay, nil
}

// withoutParentheses strips parentheses around the whole expression.
func withoutParentheses(tokens []Token) []Token {
	for n := len(tokens); n > 3 && tokens[0].mark("(") && tokens[n-2].mark(")"); n = len(tokens) {
		tokens = append(tokens[1:n-2:n-2], tokens[n-1])
	}
	return tokens
}

func columnNamed(t Token, columns []string) (string, bool) {
	if t.Kind != Quoted && t.Kind != Word {
		return "", false
	}
	for _, c := range columns {
		if strings.EqualFold(c, t.Value) {
			return c, true
		}
	}
	return "", false
}

// parseInterval reads what follows INTERVAL, up to EOF: '5 seconds', '5'
// SECOND or 5 SECONDS. It returns microseconds.
func parseInterval(tokens []Token) (int64, *Error) {
	text := ""
	switch {
	case len(tokens) == 2 && tokens[0].Kind == String:
		text = tokens[0].Value
	case len(tokens) == 3 && tokens[1].Kind == Word && (tokens[0].Kind == String || tokens[0].Kind == Number):
		text = tokens[0].Value + " " + tokens[1].Value
	default:
		return 0, badWatermark(tokens[0])
	}
	d, err := parseDuration(text)
	if err != nil {
		err.Offset = tokens[0].Offset
		return 0, err
	}
	return d.Microseconds(), nil
}

func badWatermark(t Token) *Error {
	return errorAt(t.Offset, codeBadWatermark, "a watermark can't be computed from this expression").withHint(hintWatermark)
}
