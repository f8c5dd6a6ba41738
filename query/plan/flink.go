package plan

import "strings"

// token is a lexical element of a SELECT; comments and space are none.
type token struct {
	kind       tokenKind
	start, end int // bytes
	depth      int // of parentheses around it
}

type tokenKind uint8

const (
	word   tokenKind = iota // an unquoted identifier, keyword or number
	quoted                  // a quoted identifier
	literal
	symbol // one byte
)

// tokenize splits a statement just far enough to tell words from strings and
// comments; DuckDB's parser judges the statement.
func tokenize(sql string) []token {
	var tokens []token
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
		tokens = append(tokens, token{kind: kind, start: start, end: i, depth: depth})
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
func isWord(sql string, tokens []token, i int, words ...string) bool {
	if i < 0 || i >= len(tokens) || tokens[i].kind != word {
		return false
	}
	for _, w := range words {
		if strings.EqualFold(sql[tokens[i].start:tokens[i].end], w) {
			return true
		}
	}
	return false
}

func isSymbol(sql string, tokens []token, i int, symbols string) bool {
	return i >= 0 && i < len(tokens) && tokens[i].kind == symbol && strings.IndexByte(symbols, sql[tokens[i].start]) >= 0
}

// windowFunctions are Flink's window table functions.
var windowFunctions = []string{"TUMBLE", "HOP", "CUMULATE", "SESSION"}

// withoutTable rewrites Flink's TUMBLE(TABLE orders, …) and TABLE(TUMBLE(…)),
// which DuckDB's parser does not know, to TUMBLE(orders, …), and the PARTITION
// BY of SESSION to a named argument. What it writes is as long as what it
// removes: offsets stay what they were.
func withoutTable(sql string, tokens []token) string {
	out := []byte(sql)
	blank := func(t token) {
		for i := t.start; i < t.end; i++ {
			out[i] = ' '
		}
	}
	for i := range tokens {
		switch {
		case isWord(sql, tokens, i, "PARTITION") && isWord(sql, tokens, i+1, "BY") && inWindowFunction(sql, tokens, i):
			blank(tokens[i])
			blank(tokens[i+1])
			copy(out[tokens[i].start:], ","+flinkPartition+"=>")
		case !isWord(sql, tokens, i, "TABLE"):
		case isSymbol(sql, tokens, i+1, "(") && isWord(sql, tokens, i+2, windowFunctions...):
			blank(tokens[i])
			blank(tokens[i+1])
			for j := i + 2; j < len(tokens); j++ {
				if isSymbol(sql, tokens, j, ")") && tokens[j].depth == tokens[i+1].depth {
					blank(tokens[j])
					break
				}
			}
		case isSymbol(sql, tokens, i-1, "(,>") && inWindowFunction(sql, tokens, i):
			blank(tokens[i])
		}
	}
	return string(out)
}

// inWindowFunction reports whether the i-th token is an argument of a window
// table function.
func inWindowFunction(sql string, tokens []token, i int) bool {
	for j := i - 1; j >= 0; j-- {
		if isSymbol(sql, tokens, j, "(") && tokens[j].depth == tokens[i].depth-1 {
			return isWord(sql, tokens, j-1, windowFunctions...)
		}
	}
	return false
}

// keyword returns the offset of the first of the given words that stands
// outside of all parentheses, or -1.
func keyword(sql string, tokens []token, words ...string) int {
	for i, t := range tokens {
		if t.depth == 0 && isWord(sql, tokens, i, words...) {
			return t.start
		}
	}
	return -1
}

// PlainSyntax returns the statement with Flink's spelling of window functions,
// TUMBLE(TABLE t, DESCRIPTOR(c), …), blanked to one that DuckDB's parser takes.
// The length, and so every offset, stays the same.
func PlainSyntax(sql string) string { return withoutTable(sql, tokenize(sql)) }
