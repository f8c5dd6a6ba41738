package decode

import (
	"fmt"
	"strings"
)

// The options of ENCODE CSV.
const (
	optDelimiter = "delimiter"
	optQuote     = "quote"
	optNull      = "null"

	// CSVHeaderOption says whether a first line names the columns, for those who ask
	// ReadCSVHeader.
	CSVHeaderOption = "header"
)

// CSVOptionNames are the options that ReadCSVOptions knows, in alphabetical order.
var CSVOptionNames = []string{optDelimiter, optNull, optQuote}

// ReadCSVOptions reads the options of ENCODE CSV (…), and returns all that is wrong
// with them.
func ReadCSVOptions(options map[string]string) (c CSVOptions, problems []error) {
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	// character reads an option that is one ASCII character, "" for none where that
	// is possible.
	character := func(name string, otherwise byte, none bool) byte {
		text, given := options[name]
		switch {
		case !given:
			return otherwise
		case text == "" && none:
			return 0
		case text == `\t`:
			return '\t'
		case len(text) != 1 || text[0] >= 0x80 || text[0] == '\n' || text[0] == '\r' || text[0] == 0:
			problem("%s of ENCODE CSV must be one ASCII character, not '%s'", name, text)
			return otherwise
		}
		return text[0]
	}
	c = CSVOptions{Delimiter: character(optDelimiter, ',', false), Quote: character(optQuote, '"', true), Null: options[optNull]}
	if c.Delimiter == c.Quote {
		problem("%s and %s of ENCODE CSV must differ", optDelimiter, optQuote)
	}
	if strings.ContainsAny(c.Null, string([]byte{c.Delimiter, '\n'})) || c.Quote != 0 && strings.IndexByte(c.Null, c.Quote) >= 0 {
		problem("%s of ENCODE CSV can't hold a delimiter, a quote or a line break", optNull)
	}
	return c, problems
}

// ReadCSVHeader reads whether a first line names the columns.
func ReadCSVHeader(options map[string]string, otherwise bool) (bool, error) {
	switch text := strings.ToLower(options[CSVHeaderOption]); text {
	case "":
		return otherwise, nil
	case "true", "on":
		return true, nil
	case "false", "off":
		return false, nil
	default:
		return otherwise, fmt.Errorf("%s of ENCODE CSV must be 'true' or 'false', not '%s'", CSVHeaderOption, text)
	}
}
