package token

import "strings"

// Token is a lexical element of a SELECT; comments and space are none.
type Token struct {
	kind       kind
	Start, End int // bytes
	Depth      int // of parentheses around it
}

type kind uint8

const (
	word   kind = iota // an unquoted identifier, keyword or number
	quoted             // a quoted identifier
	literal
	symbol // one byte
)

// Tokenize splits a statement just far enough to tell words from strings and
// comments; DuckDB's parser judges the statement.
func Tokenize(sql string) []Token {
	var tokens []Token
	depth := 0
	for i := 0; i < len(sql); {
		start, c := i, sql[i]
		kind := symbol
		switch {
		case c == ' ' || c >= '\t' && c <= '\r':
			i++
			continue
		case strings.HasPrefix(sql[i:], "--"):
			i = after(sql, i, "\n")
			continue
		case strings.HasPrefix(sql[i:], "/*"):
			i = commentEnd(sql, i)
			continue
		case c == '"':
			kind, i = quoted, quoteEnd(sql, i, '"', false)
		case c == '\'':
			kind, i = literal, quoteEnd(sql, i, '\'', false)
		case (c == 'e' || c == 'E') && i+1 < len(sql) && sql[i+1] == '\'':
			kind, i = literal, quoteEnd(sql, i+1, '\'', true)
		case c == '$' && dollarTag(sql[i:]) != "":
			tag := dollarTag(sql[i:])
			kind, i = literal, after(sql, i+len(tag), tag)
		case wordByte(c):
			kind = word
			for i < len(sql) && (wordByte(sql[i]) || sql[i] == '$') {
				i++
			}
		default:
			i++
		}
		if kind == symbol && c == ')' && depth > 0 {
			depth--
		}
		tokens = append(tokens, Token{kind: kind, Start: start, End: i, Depth: depth})
		if kind == symbol && c == '(' {
			depth++
		}
	}
	return tokens
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// after returns the offset behind the next occurrence of mark, or the end.
func after(sql string, i int, mark string) int {
	if at := strings.Index(sql[i:], mark); at >= 0 {
		return i + at + len(mark)
	}
	return len(sql)
}

func commentEnd(sql string, i int) int {
	depth := 0
	for i < len(sql) {
		switch {
		case strings.HasPrefix(sql[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(sql[i:], "*/"):
			depth--
			i += 2
		default:
			i++
		}
		if depth == 0 {
			return i
		}
	}
	return i
}

func quoteEnd(sql string, i int, quote byte, escapes bool) int {
	for i++; i < len(sql); i++ {
		switch {
		case escapes && sql[i] == '\\':
			i++
		case sql[i] != quote:
		case i+1 < len(sql) && sql[i+1] == quote:
			i++
		default:
			return i + 1
		}
	}
	return len(sql)
}

func dollarTag(sql string) string {
	for i := 1; i < len(sql); i++ {
		if sql[i] == '$' {
			return sql[:i+1]
		}
		if !wordByte(sql[i]) || i == 1 && sql[i] >= '0' && sql[i] <= '9' {
			break
		}
	}
	return ""
}

// isWord reports whether the i-th token is one of the given words, which are
// in upper case.
func isWord(sql string, tokens []Token, i int, words ...string) bool {
	if i < 0 || i >= len(tokens) || tokens[i].kind != word {
		return false
	}
	for _, w := range words {
		if strings.EqualFold(sql[tokens[i].Start:tokens[i].End], w) {
			return true
		}
	}
	return false
}

// IsSymbol reports whether the i-th token is one of the given symbols.
func IsSymbol(sql string, tokens []Token, i int, symbols string) bool {
	return i >= 0 && i < len(tokens) && tokens[i].kind == symbol && strings.IndexByte(symbols, sql[tokens[i].Start]) >= 0
}

// WindowFunctions are Flink's window table functions.
var WindowFunctions = []string{"TUMBLE", "HOP", "CUMULATE", "SESSION"}

// PartitionParameter is the parameter that [WithoutTable] makes of PARTITION BY.
const PartitionParameter = "partition"

// WithoutTable rewrites Flink's TUMBLE(TABLE orders, …) and TABLE(TUMBLE(…)),
// which DuckDB's parser does not know, to TUMBLE(orders, …), and the PARTITION
// BY of SESSION to a named argument. What it writes is as long as what it
// removes: offsets stay what they were.
func WithoutTable(sql string, tokens []Token) string {
	out := []byte(sql)
	blank := func(t Token) {
		for i := t.Start; i < t.End; i++ {
			out[i] = ' '
		}
	}
	for i := range tokens {
		switch {
		case isWord(sql, tokens, i, "PARTITION") && isWord(sql, tokens, i+1, "BY") && inWindowFunction(sql, tokens, i):
			blank(tokens[i])
			blank(tokens[i+1])
			copy(out[tokens[i].Start:], ","+PartitionParameter+"=>")
		case !isWord(sql, tokens, i, "TABLE"):
		case IsSymbol(sql, tokens, i+1, "(") && isWord(sql, tokens, i+2, WindowFunctions...):
			blank(tokens[i])
			blank(tokens[i+1])
			for j := i + 2; j < len(tokens); j++ {
				if IsSymbol(sql, tokens, j, ")") && tokens[j].Depth == tokens[i+1].Depth {
					blank(tokens[j])
					break
				}
			}
		case IsSymbol(sql, tokens, i-1, "(,>") && inWindowFunction(sql, tokens, i):
			blank(tokens[i])
		}
	}
	return string(out)
}

// inWindowFunction reports whether the i-th token is an argument of a window
// table function.
func inWindowFunction(sql string, tokens []Token, i int) bool {
	for j := i - 1; j >= 0; j-- {
		if IsSymbol(sql, tokens, j, "(") && tokens[j].Depth == tokens[i].Depth-1 {
			return isWord(sql, tokens, j-1, WindowFunctions...)
		}
	}
	return false
}

// Keyword returns the offset of the first of the given words that stands
// outside of all parentheses, or -1.
func Keyword(sql string, tokens []Token, words ...string) int {
	for i, t := range tokens {
		if t.Depth == 0 && isWord(sql, tokens, i, words...) {
			return t.Start
		}
	}
	return -1
}

// PlainSyntax returns the statement with Flink's spelling of window functions,
// TUMBLE(TABLE t, DESCRIPTOR(c), …), blanked to one that DuckDB's parser takes.
// The length, and so every offset, stays the same.
func PlainSyntax(sql string) string { return WithoutTable(sql, Tokenize(sql)) }
