package query

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/query/parser"
)

// prepareCopyFile prepares COPY t FROM 'file': one in a directory that the
// operator has named.
func (s *Session) prepareCopyFile(st *Statement, c *tableCopy) error {
	fail := func(code, hint, format string, args ...any) error {
		return &parser.Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint, Offset: c.from.Offset}
	}
	if err := st.require(s.rights.ServerFiles); err != nil {
		return err
	}
	path, allowed := s.db.readable.Find(c.from.File)
	if !allowed {
		return fail(CodeInsufficientPrivilege, "The server's copy_from setting lists the directories that files may be read from; psql's \\copy reads a file of its own.",
			"COPY FROM the file %q is not allowed", c.from.File)
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return fail("58P01", "", "could not open file %q for reading", c.from.File)
	}
	f := &c.from.Format
	literal := parser.QuoteLiteral
	value := textColumn
	var from string
	switch f.Kind {
	case "parquet":
		from = "read_parquet(" + literal(path) + ")"
		value = func(_ int, c *catalog.TableColumn) string {
			return "CAST(" + parser.QuoteIdent(c.Name) + " AS " + c.Type.String() + ")"
		}
	case "csv":
		names := make([]string, len(c.given))
		for i := range c.given {
			names[i] = fmt.Sprintf("'c%d': 'VARCHAR'", i)
		}
		from = fmt.Sprintf("read_csv(%s, auto_detect = false, header = %t, delim = %s, quote = %s, escape = %s, nullstr = %s, columns = {%s})",
			literal(path), f.Header, literal(string(f.Delimiter)), literal(string(f.Quote)), literal(string(f.Escape)), literal(f.Null), strings.Join(names, ", "))
	default:
		return fail(CodeFeatureNotSupported, "The formats of files are csv and parquet: COPY t FROM 'file' (FORMAT csv).", "COPY FROM a file in the format %s is not supported", f.Kind)
	}
	run := s.copyRows(st, c, from, value, nil)
	st.run = func(ctx context.Context, args []any) (*Result, error) {
		if _, allowed := s.db.readable.Find(c.from.File); !allowed { // a link may have moved
			return nil, Errorf(CodeInsufficientPrivilege, "COPY FROM the file %q is not allowed", c.from.File)
		}
		return run(ctx, args)
	}
	return nil
}
