package parser

import (
	"strings"
	"unicode/utf8"
)

// scanner cuts a text into tokens. It follows the lexer that DuckDB has from
// Postgres, so that both see the same strings and comments: a difference would
// let a statement hide in what the other takes for a string.
type scanner struct {
	sql string
	pos int
}

// next returns the next token. At the end of the text its kind is EOF. After
// an error the scanner stands at the end of the text.
func (s *scanner) next() (Token, *Error) {
	if err := s.skipBlank(); err != nil {
		s.pos = len(s.sql)
		return Token{Kind: EOF, Offset: s.pos}, err
	}
	start := s.pos
	if start >= len(s.sql) {
		return Token{Kind: EOF, Offset: len(s.sql)}, nil
	}
	kind, value, err := s.scan()
	if err != nil {
		s.pos = len(s.sql)
		return Token{Kind: EOF, Offset: start}, err
	}
	t := Token{Kind: kind, Text: s.sql[start:s.pos], Value: value, Offset: start}
	switch kind {
	case Word:
		t.Value = foldCase(t.Text)
	case Quoted, String:
	default:
		t.Value = t.Text
	}
	return t, nil
}

func (s *scanner) scan() (TokenKind, string, *Error) {
	c := s.sql[s.pos]
	switch {
	case c == '\'':
		value, err := s.quoted(false)
		return String, value, err
	case (c == 'e' || c == 'E') && s.at(1) == '\'':
		start := s.pos
		s.pos++
		value, err := s.quoted(true)
		if err != nil {
			err.Offset = start
		}
		return String, value, err
	case c == '"':
		value, err := s.quotedName()
		return Quoted, value, err
	case c == '$':
		return s.dollar()
	case isWordStart(c):
		s.word()
		return Word, "", nil
	case isDigit(c) || c == '.' && isDigit(s.at(1)):
		s.number()
		return Number, "", nil
	case c == '?':
		s.pos++
		for isDigit(s.at(0)) {
			s.pos++
		}
		return Param, "", nil
	case strings.IndexByte("()[]{},;.", c) >= 0:
		s.pos++
		return Punct, "", nil
	case c == ':':
		s.pos++
		if s.at(0) == ':' || s.at(0) == '=' {
			s.pos++
		}
		return Punct, "", nil
	case isOperator(c):
		s.operator()
		return Operator, "", nil
	}
	return EOF, "", syntaxError(Token{Kind: Punct, Text: s.sql[s.pos : s.pos+1], Offset: s.pos})
}

// at returns the byte n places ahead, or 0 behind the end.
func (s *scanner) at(n int) byte {
	if s.pos+n < len(s.sql) {
		return s.sql[s.pos+n]
	}
	return 0
}

// skipBlank skips white space and comments.
func (s *scanner) skipBlank() *Error {
	for s.pos < len(s.sql) {
		switch {
		case s.spaceLen() > 0:
			s.pos += s.spaceLen()
		case strings.HasPrefix(s.sql[s.pos:], "--"):
			s.skipLine()
		case strings.HasPrefix(s.sql[s.pos:], "/*"):
			if !s.skipComment() {
				return errorAt(s.pos, codeSyntax, "unterminated /* comment at or near \"%s\"", excerpt(s.sql[s.pos:]))
			}
		default:
			return nil
		}
	}
	return nil
}

// spaceLen returns how many bytes of white space stand here. DuckDB takes
// Unicode's spaces for white space too; people paste them from web pages.
func (s *scanner) spaceLen() int {
	c := s.sql[s.pos]
	if isSpace(c) {
		return 1
	}
	if c < utf8.RuneSelf {
		return 0
	}
	r, size := utf8.DecodeRuneInString(s.sql[s.pos:])
	switch {
	case r == 0xA0, r >= 0x2000 && r <= 0x200F, r == 0x202F, r == 0x205F, r == 0x3000, r == 0xFEFF:
		return size
	}
	return 0
}

// skipLine skips to the end of the line.
func (s *scanner) skipLine() {
	if end := strings.IndexAny(s.sql[s.pos:], "\r\n"); end >= 0 {
		s.pos += end
		return
	}
	s.pos = len(s.sql)
}

// skipComment skips a comment with the comments nested in it. It reports
// whether the comment ends; if not, the scanner has not moved.
func (s *scanner) skipComment() bool {
	depth := 0
	for i := s.pos; i < len(s.sql); {
		switch {
		case strings.HasPrefix(s.sql[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(s.sql[i:], "*/"):
			depth--
			i += 2
			if depth == 0 {
				s.pos = i
				return true
			}
		default:
			i++
		}
	}
	return false
}

// quoted reads a string from its opening quote on.
func (s *scanner) quoted(escapes bool) (string, *Error) {
	start := s.pos
	var value strings.Builder
	s.pos++
	for s.pos < len(s.sql) {
		c := s.sql[s.pos]
		switch {
		case c == '\'' && s.at(1) == '\'':
			value.WriteByte('\'')
			s.pos += 2
		case c == '\'':
			s.pos++
			if !s.continued() {
				return value.String(), nil
			}
		case c == '\\' && escapes && s.pos+1 < len(s.sql):
			s.escape(&value)
		default:
			value.WriteByte(c)
			s.pos++
		}
	}
	return "", errorAt(start, codeSyntax, "unterminated quoted string at or near \"%s\"", excerpt(s.sql[start:]))
}

// continued reports whether the string that has just ended goes on in a
// following line, as SQL has it: 'a' <newline> 'b' is 'ab'. Then the scanner
// stands behind the second opening quote, still with the first one's escapes.
func (s *scanner) continued() bool {
	newline := false
	for i := s.pos; i < len(s.sql); i++ {
		switch c := s.sql[i]; {
		case c == '\n' || c == '\r':
			newline = true
		case isSpace(c):
		case c == '-' && strings.HasPrefix(s.sql[i:], "--"):
			for i+1 < len(s.sql) && s.sql[i+1] != '\n' && s.sql[i+1] != '\r' {
				i++
			}
		case c == '\'' && newline:
			s.pos = i + 1
			return true
		default:
			return false
		}
	}
	return false
}

// escape reads one backslash escape of an E'…' string.
func (s *scanner) escape(value *strings.Builder) {
	c := s.sql[s.pos+1]
	s.pos += 2
	switch c {
	case 'n':
		value.WriteByte('\n')
	case 't':
		value.WriteByte('\t')
	case 'r':
		value.WriteByte('\r')
	case 'b':
		value.WriteByte('\b')
	case 'f':
		value.WriteByte('\f')
	case 'u':
		s.codePoint(value, 4)
	case 'U':
		s.codePoint(value, 8)
	case 'x':
		s.codePoint(value, 2)
	default:
		value.WriteByte(c)
	}
}

// codePoint reads up to the given number of hexadecimal digits.
func (s *scanner) codePoint(value *strings.Builder, digits int) {
	var r rune
	n := 0
	for ; n < digits; n++ {
		d := strings.IndexByte("0123456789abcdef", s.at(0)|0x20)
		if d < 0 || s.pos >= len(s.sql) {
			break
		}
		r = r<<4 | rune(d)
		s.pos++
	}
	if n > 0 && r != 0 {
		value.WriteRune(r) // an invalid one becomes U+FFFD
	}
}

// quotedName reads a "quoted" identifier.
func (s *scanner) quotedName() (string, *Error) {
	start := s.pos
	for i := start + 1; i < len(s.sql); i++ {
		if s.sql[i] != '"' {
			continue
		}
		if i+1 < len(s.sql) && s.sql[i+1] == '"' {
			i++
			continue
		}
		s.pos = i + 1
		name := strings.ReplaceAll(s.sql[start+1:i], `""`, `"`)
		if name == "" {
			return "", errorAt(start, codeSyntax, `zero-length delimited identifier at or near """"`)
		}
		return name, nil
	}
	return "", errorAt(start, codeSyntax, "unterminated quoted identifier at or near \"%s\"", excerpt(s.sql[start:]))
}

// dollar reads what begins with a dollar sign: $1, $name or $tag$…$tag$.
func (s *scanner) dollar() (TokenKind, string, *Error) {
	start := s.pos
	i := start + 1
	if i < len(s.sql) && isDigit(s.sql[i]) {
		for i < len(s.sql) && isDigit(s.sql[i]) {
			i++
		}
		s.pos = i
		return Param, "", nil
	}
	for i < len(s.sql) && isWordPart(s.sql[i]) && s.sql[i] != '$' {
		i++
	}
	if i < len(s.sql) && s.sql[i] == '$' {
		tag := s.sql[start : i+1]
		end := strings.Index(s.sql[i+1:], tag)
		if end < 0 {
			return EOF, "", errorAt(start, codeSyntax, "unterminated dollar-quoted string at or near \"%s\"", excerpt(s.sql[start:]))
		}
		s.pos = i + 1 + end + len(tag)
		return String, s.sql[i+1 : i+1+end], nil
	}
	s.pos = i
	if i == start+1 {
		return EOF, "", errorAt(start, codeSyntax, `syntax error at or near "$"`)
	}
	return Param, "", nil
}

func (s *scanner) word() {
	for s.pos < len(s.sql) && isWordPart(s.sql[s.pos]) && s.spaceLen() == 0 {
		s.pos++
		for s.pos < len(s.sql) && s.sql[s.pos]&0xC0 == 0x80 { // the rest of a character
			s.pos++
		}
	}
}

// number reads a number. What follows without a space is a token of its own,
// as for DuckDB: "1UNION SELECT 2" has a UNION in it.
func (s *scanner) number() {
	if s.at(0) == '0' && strings.IndexByte("xXbBoO", s.at(1)) >= 0 && isHexDigit(s.at(2)) {
		s.pos += 2
		for isHexDigit(s.at(0)) || s.at(0) == '_' {
			s.pos++
		}
		return
	}
	s.digits()
	if s.at(0) == '.' && s.at(1) != '.' {
		s.pos++
		s.digits()
	}
	if s.at(0)|0x20 != 'e' {
		return
	}
	switch sign := s.at(1); {
	case isDigit(sign):
		s.pos++
		s.digits()
	case (sign == '+' || sign == '-') && isDigit(s.at(2)):
		s.pos += 2
		s.digits()
	}
}

func (s *scanner) digits() {
	for isDigit(s.at(0)) || s.at(0) == '_' && isDigit(s.at(1)) {
		s.pos++
	}
}

// operator reads a run of operator characters up to a comment. As in Postgres,
// a plus or minus at its end is a sign of its own, unless the operator has a
// character that standard SQL doesn't know: "= -1" may be written "=-1".
func (s *scanner) operator() {
	start := s.pos
	for s.pos < len(s.sql) && isOperator(s.sql[s.pos]) {
		rest := s.sql[s.pos:]
		if s.pos > start && (strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*")) {
			break
		}
		s.pos++
	}
	if strings.ContainsAny(s.sql[start:s.pos], "~!@#%^&|`") {
		return
	}
	for s.pos > start+1 && (s.sql[s.pos-1] == '+' || s.sql[s.pos-1] == '-') {
		s.pos--
	}
}

func isSpace(c byte) bool    { return c == ' ' || c >= '\t' && c <= '\r' }
func isDigit(c byte) bool    { return c >= '0' && c <= '9' }
func isLetter(c byte) bool   { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isHexDigit(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
func isOperator(c byte) bool { return strings.IndexByte("+-*/<>=~!@#%^&|`", c) >= 0 }

func isWordStart(c byte) bool { return isLetter(c) || c == '_' || c >= utf8.RuneSelf }
func isWordPart(c byte) bool  { return isWordStart(c) || isDigit(c) || c == '$' }
