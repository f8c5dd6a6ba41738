package query

import (
	"context"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/query/parser"
)

// prepareCopy prepares COPY … TO STDOUT, which gives rows like the query or the
// subscription inside; how they are written is the server's business.
func (s *Session) prepareCopy(ctx context.Context, st *Statement, t *parser.CopyTo, paramTypes []string) error {
	inner := &Statement{SQL: st.SQL, Tag: st.Tag}
	var err error
	switch {
	case t.Subscribe != nil:
		err = s.prepareSubscribe(ctx, inner, t.Subscribe, paramTypes)
	case t.SQL != "":
		err = s.prepareSelect(ctx, inner, t.SQL, t.Offset, paramTypes)
	default:
		err = s.prepareSelect(ctx, inner, copyTableSQL(t), len(st.SQL)+1, paramTypes)
		if e := AsError(err); e != nil && e.Position == 0 {
			err = e.At(characters(st.SQL, t.Table.Offset))
		}
	}
	if err != nil {
		return err
	}
	if err := checkForceQuote(st.SQL, t, inner.Columns); err != nil {
		return err
	}
	st.requireAll(inner)
	st.Params, st.Live, st.Copy = inner.Params, inner.Live, &t.Format
	st.run = func(ctx context.Context, args []any) (*Result, error) {
		r, err := inner.run(ctx, args)
		if err == nil {
			r.Tag, r.Copy = st.Tag, st.Copy
		}
		return r, err
	}
	return nil
}

func copyTableSQL(t *parser.CopyTo) string {
	columns := "*"
	if t.Columns != nil {
		names := make([]string, len(t.Columns))
		for i, c := range t.Columns {
			names[i] = parser.QuoteIdent(c.Name)
		}
		columns = strings.Join(names, ", ")
	}
	return "SELECT " + columns + " FROM " + tableName(t.Table)
}

func checkForceQuote(sql string, t *parser.CopyTo, columns []Column) error {
	for _, q := range t.Format.ForceQuote {
		if !slices.ContainsFunc(columns, func(c Column) bool { return strings.EqualFold(c.Name, q.Name) }) {
			return Errorf(CodeUndefinedColumn, "column %q of FORCE_QUOTE does not exist", q.Name).At(characters(sql, q.Offset))
		}
	}
	return nil
}
