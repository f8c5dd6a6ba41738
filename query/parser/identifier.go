package parser

import "strings"

// maxNameBytes is Postgres's limit, which its clients' buffers have too.
const maxNameBytes = 63

// companionSuffixes end the names of the tables that come with a source.
var companionSuffixes = []string{"$late", "$rejected"}

// reservedWords can't be names without quotes; they are DuckDB's.
var reservedWords = wordSet(`all analyze and any array as asc asymmetric both case cast check collate column
	constraint create default deferrable analyse describe distinct do else end except false fetch for foreign
	from group having in initially intersect into lambda lateral leading limit not null offset on only or order
	pivot pivot_longer pivot_wider placing primary qualify references returning select with some summarize
	symmetric table then to trailing true union unique unpivot using variadic when where window desc`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// QuoteIdent returns the name as a quoted SQL identifier. It is the only way
// in which a name gets into SQL that Millstream generates. A NUL, which no
// valid name has, becomes U+FFFD, because it would end the text for DuckDB.
func QuoteIdent(name string) string {
	return `"` + strings.ReplaceAll(withoutNUL(name), `"`, `""`) + `"`
}

// QuoteLiteral returns the text as an SQL string literal. A NUL becomes U+FFFD.
func QuoteLiteral(s string) string {
	return `'` + strings.ReplaceAll(withoutNUL(s), `'`, `''`) + `'`
}

func withoutNUL(s string) string { return strings.ReplaceAll(s, "\x00", "\uFFFD") }

// DisplayIdent quotes a name only where it must be, for people to read.
func DisplayIdent(name string) string {
	if name == "" || reservedWords[name] || !isWordStart(name[0]) || isLetter(name[0]) && name[0] < 'a' {
		return QuoteIdent(name)
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c >= 0x80 || !isWordPart(c) || c >= 'A' && c <= 'Z' {
			return QuoteIdent(name)
		}
	}
	return name
}

// checkName applies the rules for any name.
func checkName(name string, offset int) *Error {
	switch {
	case name == "":
		return errorAt(offset, codeInvalidName, "a name must not be empty")
	case len(name) > maxNameBytes:
		return errorAt(offset, codeNameTooLong, "name \"%s\" is too long: %d bytes, the most is %d",
			excerpt(name), len(name), maxNameBytes)
	case strings.IndexByte(name, 0) >= 0:
		return errorAt(offset, codeInvalidName, "a name must not contain a NUL character")
	}
	return nil
}

// checkNewName applies the rules for the name of an object to be created.
func checkNewName(n Name) *Error {
	if n.Schema != "" && n.Schema != "public" {
		return errorAt(n.Offset, codeNoSchema, "can't create \"%s\" in schema \"%s\"", excerpt(n.Name), excerpt(n.Schema)).
			withHint("Sources and views live in the schema public.")
	}
	lower := strings.ToLower(n.Name)
	for _, prefix := range []string{"pg_", "millstream", "_"} {
		if strings.HasPrefix(lower, prefix) {
			return errorAt(n.Offset, codeReservedName, "name \"%s\" is reserved", excerpt(n.Name)).
				withHint("Names that begin with \"%s\" belong to the system. Choose another name.", prefix)
		}
	}
	for _, suffix := range companionSuffixes {
		if strings.HasSuffix(lower, suffix) {
			return errorAt(n.Offset, codeReservedName, "name \"%s\" is reserved", excerpt(n.Name)).
				withHint("Names that end with \"%s\" belong to the tables that come with each source.", suffix)
		}
	}
	return nil
}
