package parser

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	t.Parallel()
	datadriven.Walk(t, "testdata/parse", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "parse":
				return showParse(t, d.Input)
			case "format":
				return showFormat(t, d.Input)
			case "duration":
				return eachLine(d.Input, func(line string) string {
					got, err := ParseDuration(line)
					if err != nil {
						return showError(err)
					}
					return got.String()
				})
			case "watermark":
				return eachLine(d.Input, func(line string) string {
					column, delay, err := ParseWatermark(line, []string{"ts", "Order Time"})
					if err != nil {
						return showError(err)
					}
					return fmt.Sprintf("%s - %dµs", column, delay)
				})
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

func showParse(t *testing.T, sql string) string {
	t.Helper()
	stmt, err := Parse(sql)
	if err != nil {
		return showError(err)
	}
	checkRoundTrip(t, stmt)
	var b strings.Builder
	b.WriteString(stmt.Command() + ": ")
	dump(&b, reflect.ValueOf(stmt).Elem(), "")
	return b.String()
}

func showFormat(t *testing.T, sql string) string {
	t.Helper()
	stmt, err := Parse(sql)
	if err != nil {
		return showError(err)
	}
	switch s := stmt.(type) {
	case *CreateSource:
		return FormatCreateSource(s, true)
	case *CreateTable:
		return FormatCreateTable(s)
	case *CreateView:
		return FormatCreateView(s, true)
	}
	t.Fatalf("no format for %T", stmt)
	return ""
}

func eachLine(input string, f func(string) string) string {
	var b strings.Builder
	for _, line := range strings.Split(input, "\n") {
		fmt.Fprintf(&b, "%s => %s\n", line, f(line))
	}
	return b.String()
}

func showError(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return "not an *Error: " + err.Error()
	}
	s := fmt.Sprintf("%s at %d: %s", e.Code, e.Offset, e.Message)
	if e.Hint != "" {
		s += "\nhint: " + e.Hint
	}
	return s
}

// dump writes a tree without its zero values.
func dump(b *strings.Builder, v reflect.Value, indent string) {
	switch v.Kind() {
	case reflect.Pointer:
		dump(b, v.Elem(), indent)
	case reflect.Struct:
		b.WriteString(v.Type().Name())
		for i := range v.NumField() {
			if f := v.Field(i); !f.IsZero() {
				fmt.Fprintf(b, "\n%s  %s: ", indent, v.Type().Field(i).Name)
				dump(b, f, indent+"  ")
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			fmt.Fprintf(b, "\n%s  - ", indent)
			dump(b, v.Index(i), indent+"  ")
		}
	case reflect.String:
		b.WriteString(strconv.Quote(v.String()))
	default:
		fmt.Fprint(b, v.Interface())
	}
}

// checkRoundTrip fails unless the statement's format parses to the same tree.
func checkRoundTrip(t *testing.T, stmt Statement) {
	t.Helper()
	text := ""
	switch s := stmt.(type) {
	case *CreateSource:
		text = FormatCreateSource(s, false)
	case *CreateTable:
		text = FormatCreateTable(s)
	case *CreateView:
		text = FormatCreateView(s, false)
	default:
		return
	}
	again, err := Parse(text)
	if err != nil {
		t.Fatalf("parse %q: %v", text, err)
	}
	ignoreOffsets := cmp.FilterPath(func(p cmp.Path) bool {
		return strings.HasSuffix(p.Last().String(), "Offset")
	}, cmp.Ignore())
	if diff := cmp.Diff(stmt, again, ignoreOffsets); diff != "" {
		t.Errorf("round trip of %q (-want +got)\n%s", text, diff)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, sql, code string
	}{
		{"nesting within", "SELECT " + strings.Repeat("(", 200) + "1" + strings.Repeat(")", 200), ""},
		{"nesting beyond", "SELECT " + strings.Repeat("(", 201) + "1" + strings.Repeat(")", 201), codeTooComplex},
		{"lists", "SELECT " + strings.Repeat("[", 900) + strings.Repeat("]", 900), codeTooComplex},
		{"cases", "SELECT " + strings.Repeat("CASE WHEN a THEN ", 300) + "1" + strings.Repeat(" END", 300), codeTooComplex},
		{"set operations within", "SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", 500), ""},
		{"set operations beyond", "SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", 501), codeTooComplex},
		{"set operations without spaces", "SELECT 1" + strings.Repeat("UNION SELECT 1", 501), codeTooComplex},
		{"joins", "SELECT 1 FROM a" + strings.Repeat(" JOIN a USING (x)", 101), codeTooComplex},
		{"operators within", "SELECT 1" + strings.Repeat(" + 1", 250), ""},
		{"operators beyond", "SELECT 1" + strings.Repeat(" + 1", 900), codeTooComplex},
		{"signs", "SELECT " + strings.Repeat("- ", 900) + "1", codeTooComplex},
		{"not", "SELECT " + strings.Repeat("NOT ", 900) + "true", codeTooComplex},
		{"casts", "SELECT 1" + strings.Repeat("::INT", 900), codeTooComplex},
		{"indexes", "SELECT a" + strings.Repeat("[1]", 900), codeTooComplex},
		{"or within", "SELECT * FROM t WHERE a = 1" + strings.Repeat(" OR a = 1", 5000), ""},
		{"list within", "SELECT 1 WHERE 1 IN (1" + strings.Repeat(",1", 69_999) + ")", ""},
		{"list beyond", "SELECT 1 WHERE 1 IN (1" + strings.Repeat(",1", 70_000) + ")", codeLimit},
		{"items within", "SELECT 1" + strings.Repeat(",1", 9999), ""},
		{"items beyond", "SELECT 1" + strings.Repeat(",1", 10_000), codeLimit},
		{"rows within", "VALUES ($1::text)" + strings.Repeat(",($1::text)", 65_534), ""},
		{"when", "SELECT CASE" + strings.Repeat(" WHEN a THEN b", 20_000) + strings.Repeat(" WHEN a THEN b", 20_000) + " END", codeLimit},
		{"or beyond", "SELECT 1 IN (1" + strings.Repeat(",1", 60_000) + ") " + strings.Repeat(" OR a", 40_000), codeLimit},
		{"long", "SELECT '" + strings.Repeat("x", MaxBytes) + "'", codeLimit},
		{"tokens", "SELECT 1" + strings.Repeat(" OR a", 150_000), codeLimit},
		{"nul", "SELECT 'a\x00'", codeBadEncoding},
		{"not UTF-8", "SELECT '\xff'", codeBadEncoding},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(c.sql)
			var e *Error
			if errors.As(err, &e); e == nil && c.code != "" || e != nil && e.Code != c.code {
				t.Errorf("got %v, want %q", err, c.code)
			}
		})
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, ident, literal string }{
		{"a", `"a"`, `'a'`},
		{`a"b'c`, `"a""b'c"`, `'a"b''c'`},
		{"a\x00b", "\"a\uFFFDb\"", "'a\uFFFDb'"},
		{`\`, `"\"`, `'\'`},
	} {
		if got := QuoteIdent(c.in); got != c.ident {
			t.Errorf("QuoteIdent(%q) = %s, want %s", c.in, got, c.ident)
		}
		if got := QuoteLiteral(c.in); got != c.literal {
			t.Errorf("QuoteLiteral(%q) = %s, want %s", c.in, got, c.literal)
		}
	}
}
