package sqltest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is what a record asks for.
type Kind uint8

// The kinds of records.
const (
	OK         Kind = iota + 1 // statement ok
	Count                      // statement count n
	Error                      // statement error
	Query                      // query
	Restart                    // restart
	Checkpoint                 // checkpoint
	Advance                    // advance d
	Halt                       // halt
)

// Sort says how rows are ordered before they are compared.
type Sort uint8

// The orders.
const (
	NoSort Sort = iota
	RowSort
	ValueSort
)

// Record is one record of a script.
type Record struct {
	Kind       Kind
	Line       int // of the record's first line, from 1
	SQL        string
	Connection string   // "" for the first
	Skip, Only []string // settings

	Count   int64          // of Count
	Advance time.Duration  // of Advance
	Code    string         // of Error: the SQLSTATE, "" for any
	Message *regexp.Regexp // of Error: nil for any
	Types   string         // of Query: a letter for each column
	Sort    Sort           // of Query

	// Want is what stands behind ----: rows, or an error's text.
	Want []string
	// HasWant tells an empty result from none given.
	HasWant bool

	sqlEnd, wantEnd int // lines, counted from 0: where ---- stands or belongs, and behind Want
}

// Runs reports whether the record is to run under a setting.
func (r *Record) Runs(setting string) bool {
	return !slices.Contains(r.Skip, setting) && (r.Only == nil || slices.Contains(r.Only, setting))
}

// Script is a file of records.
type Script struct {
	Name    string
	Records []Record
	lines   []string
}

// Parse reads a script. The name goes into errors.
func Parse(name, text string) (*Script, error) {
	s := &Script{Name: name, lines: strings.Split(strings.TrimRight(text, "\n"), "\n")}
	pending := Record{}
	for i := 0; i < len(s.lines); {
		line := strings.TrimSpace(s.lines[i])
		if line == "" || strings.HasPrefix(line, "#") {
			i++
			continue
		}
		words := strings.Fields(line)
		r := pending
		r.Line = i + 1
		prefix, err := r.header(words, line)
		if err == nil && !prefix {
			i, err = s.body(&r, i+1)
		} else {
			i++
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, r.Line, err)
		}
		pending = Record{}
		if prefix {
			pending = r
			continue
		}
		s.Records = append(s.Records, r)
	}
	if pending.Line > 0 {
		return nil, fmt.Errorf("%s:%d: no record follows", name, pending.Line)
	}
	return s, nil
}

// header reads a record's first line. prefix: the line speaks of the next record.
func (r *Record) header(words []string, line string) (prefix bool, err error) {
	arg := ""
	if len(words) > 1 {
		arg = words[1]
	}
	switch words[0] {
	case "skipif":
		r.Skip = append(r.Skip, arg)
		return true, checkSetting(arg)
	case "onlyif":
		r.Only = append(r.Only, arg)
		return true, checkSetting(arg)
	case "connection":
		r.Connection = arg
		return true, nil
	case "restart":
		r.Kind = Restart
	case "checkpoint":
		r.Kind = Checkpoint
	case "halt":
		r.Kind = Halt
	case "advance":
		r.Kind = Advance
		r.Advance, err = time.ParseDuration(arg)
	case "statement":
		err = r.statement(words, line)
	case "query":
		err = r.query(words[1:])
	default:
		err = fmt.Errorf("%q begins no record", words[0])
	}
	return false, err
}

// Settings are the names of the settings under which files run.
var Settings = []string{"batch1", "batch4096", "restart", "checkpoint"}

func checkSetting(name string) error {
	if !slices.Contains(Settings, name) {
		return fmt.Errorf("setting %q is not one of %s", name, strings.Join(Settings, ", "))
	}
	return nil
}

// sqlState is how an SQLSTATE is told from the first word of a message.
var sqlState = regexp.MustCompile(`^[0-9A-Z]{5}$`)

func (r *Record) statement(words []string, line string) (err error) {
	if len(words) < 2 {
		return fmt.Errorf("statement ok, count or error?")
	}
	switch words[1] {
	case "ok":
		r.Kind = OK
	case "count":
		r.Kind = Count
		if len(words) != 3 {
			return fmt.Errorf("statement count needs a number")
		}
		r.Count, err = strconv.ParseInt(words[2], 10, 64)
	case "error":
		r.Kind = Error
		rest := strings.TrimSpace(line[strings.Index(line, "error")+len("error"):])
		if first, after, _ := strings.Cut(rest, " "); sqlState.MatchString(first) {
			r.Code, rest = first, strings.TrimSpace(after)
		}
		if rest != "" {
			r.Message, err = regexp.Compile(rest)
		}
	default:
		err = fmt.Errorf("statement ok, count or error, not %q", words[1])
	}
	return err
}

func (r *Record) query(words []string) error {
	r.Kind = Query
	if len(words) == 0 || strings.Trim(words[0], "TIRB?") != "" {
		return fmt.Errorf("a query names its columns' types: T, I, R, B or ?")
	}
	r.Types = words[0]
	for _, w := range words[1:] {
		switch w {
		case "nosort":
			r.Sort = NoSort
		case "rowsort":
			r.Sort = RowSort
		case "valuesort":
			r.Sort = ValueSort
		default:
			return fmt.Errorf("nosort, rowsort or valuesort, not %q", w)
		}
	}
	return nil
}

// body reads what stands under a header: the SQL, and what is wanted.
func (s *Script) body(r *Record, i int) (next int, err error) {
	start := i
	for i < len(s.lines) && s.lines[i] != "" && s.lines[i] != "----" {
		i++
	}
	r.SQL = strings.Join(s.lines[start:i], "\n")
	r.sqlEnd, r.wantEnd = i, i
	if needs := r.Kind <= Query; needs != (r.SQL != "") {
		if needs {
			return i, fmt.Errorf("there is no SQL")
		}
		return i, fmt.Errorf("no SQL belongs here")
	}
	if i < len(s.lines) && s.lines[i] == "----" {
		if r.Kind != Query && r.Kind != Error {
			return i, fmt.Errorf("only queries and errors have results")
		}
		r.HasWant = true
		for i++; i < len(s.lines) && s.lines[i] != ""; i++ {
			r.Want = append(r.Want, s.lines[i])
		}
		r.wantEnd = i
	}
	return i, nil
}

// Rewrite returns the script's text with the given results in place of the
// wanted ones, by record.
func (s *Script) Rewrite(results map[int][]string) string {
	var out []string
	at := 0
	for i := range s.Records {
		got, ok := results[i]
		if !ok {
			continue
		}
		r := &s.Records[i]
		out = append(append(out, s.lines[at:r.sqlEnd]...), "----")
		out = append(out, got...)
		at = r.wantEnd
	}
	out = append(out, s.lines[at:]...)
	return strings.Join(out, "\n") + "\n"
}

// rows returns the wanted rows of a query, in either layout.
func (r *Record) rows() ([][]string, error) {
	columns := len(r.Types)
	tabs := slices.ContainsFunc(r.Want, func(l string) bool { return strings.Contains(l, "\t") })
	var rows [][]string
	if tabs || columns == 1 {
		for i, l := range r.Want {
			row := strings.Split(l, "\t")
			if len(row) != columns {
				return nil, fmt.Errorf("row %d has %d values, the query %d columns", i+1, len(row), columns)
			}
			rows = append(rows, row)
		}
		return rows, nil
	}
	if len(r.Want)%columns != 0 {
		return nil, fmt.Errorf("%d values do not fill rows of %d columns", len(r.Want), columns)
	}
	for v := range slices.Chunk(r.Want, columns) {
		rows = append(rows, v)
	}
	return rows, nil
}
