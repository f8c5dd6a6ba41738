package parser

import "strings"

// TokenKind is the family of a token.
type TokenKind uint8

// The kinds of tokens.
const (
	EOF      TokenKind = iota
	Word               // an unquoted identifier or keyword
	Quoted             // a "quoted" identifier
	String             // '…', E'…' or $tag$…$tag$
	Number             // 12, 1.5e3, 0x1F
	Param              // $1, $name or ?
	Operator           // one or more of + - * / < > = ~ ! @ # % ^ & | `
	Punct              // one of ( ) [ ] { } , ; . : or ::
)

// Token is one word of a statement.
type Token struct {
	Kind   TokenKind
	Text   string // as written
	Value  string // Word: in lower case; Quoted and String: without quotes and escapes; others: Text
	Offset int    // byte offset of Text
}

// End returns the byte offset behind the token.
func (t Token) End() int { return t.Offset + len(t.Text) }

// is reports whether the token is the given keyword, in lower case, unquoted.
func (t Token) is(keyword string) bool { return t.Kind == Word && t.Value == keyword }

// isAny reports whether the token is one of the given keywords.
func (t Token) isAny(keywords ...string) bool {
	for _, k := range keywords {
		if t.is(k) {
			return true
		}
	}
	return false
}

// mark reports whether the token is the given punctuation or operator.
func (t Token) mark(text string) bool {
	return (t.Kind == Punct || t.Kind == Operator) && t.Text == text
}

// foldCase is Postgres's folding of unquoted identifiers: ASCII letters only,
// because the case of other letters depends on a locale.
func foldCase(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
