package definition

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// omissionsShown is how many fields are named that have no column.
const omissionsShown = 20

// Expandable returns an error if t leaves something to its records that they don't
// say: which columns the key has, and of what types.
func Expandable(t *parser.CreateSource) error {
	if t.Format != "UPSERT" {
		return nil
	}
	hint := fmt.Sprintf("The record's key gives them, * the others: CREATE SOURCE %s (id BIGINT PRIMARY KEY, *).", t.Name.Name)
	if t.PrimaryKey == nil {
		return sqlstate.Errorf(sqlstate.CodeInvalidDefinition, "source %s of FORMAT UPSERT has no primary key", t.Name.Name).WithHint("%s", hint)
	}
	for _, k := range t.PrimaryKey {
		if !slices.ContainsFunc(t.Columns, func(c parser.Column) bool { return strings.EqualFold(c.Name, k.Name) }) {
			return &parser.Error{Code: sqlstate.CodeInvalidDefinition, Offset: k.Offset, Hint: hint,
				Message: fmt.Sprintf("column %q of the primary key must be listed with its type", k.Name)}
		}
	}
	return nil
}

// Expand returns the statement with the columns that its records have in the place
// of *, but those that it lists itself, and with a watermark if it has none and the
// records say when they happened. The notices tell all that to a person. t stays as
// it is.
func Expand(t *parser.CreateSource, d source.Description) (*parser.CreateSource, []string) {
	s := *t
	s.Star = nil
	listed := make(map[string]bool)
	for _, c := range t.Columns {
		listed[strings.ToLower(c.Name)] = c.Expr == "" // or else they clash, and the list is refused
	}
	var columns []parser.Column
	timed := "" // a column that a watermark could be on
	for _, c := range d.Columns {
		if !listed[strings.ToLower(c.Name)] {
			columns = append(columns, parser.Column{Name: c.Name, Type: c.Type.String(), Offset: t.Star.Offset, TypeOffset: t.Star.Offset})
			if timed == "" && (c.Type.Kind == batch.Timestamp || c.Type.Kind == batch.TimestampTZ) {
				timed = c.Name
			}
		} else if strings.EqualFold(c.Name, d.EventTime) {
			d.EventTime = "" // whose type may be another one
		}
	}
	s.Columns = slices.Insert(slices.Clone(t.Columns), t.Star.At, columns...)
	if t.Watermark == nil && d.EventTime != "" && len(t.PrimaryKey) == 0 {
		name := parser.DisplayIdent(d.EventTime)
		s.Watermark = &parser.Watermark{
			Column: d.EventTime, Expr: fmt.Sprintf("%s - INTERVAL '%d seconds'", name, int(d.Delay.Seconds())),
			Offset: t.Star.Offset, ExprOffset: t.Star.Offset,
		}
	}
	notices := []string{fmt.Sprintf("columns of source %q are taken from %s:\n%s;", s.Name.Name, d.From, parser.FormatCreateSource(&s, true))}
	if s.Watermark == nil && len(t.PrimaryKey) == 0 && timed != "" {
		notices = append(notices, fmt.Sprintf("source %q has no watermark, which windows need: WATERMARK FOR %s AS %[2]s - INTERVAL '5 seconds' behind its columns, or behind *, gives it one",
			s.Name.Name, parser.DisplayIdent(timed)))
	}
	for i, o := range d.Omitted {
		if i == omissionsShown {
			notices = append(notices, fmt.Sprintf("%d more fields have no column", len(d.Omitted)-i))
			break
		}
		notices = append(notices, fmt.Sprintf("field %q has no column: %s", o.Field, o.Why))
	}
	return &s, notices
}
