package registry

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// RefuseNewFields makes Fetch return a *NewFieldsError for a schema that has fields
// which a source has no columns for, instead of passing them over. The table that f
// decodes for may be a part of the source.
func (f *Framed) RefuseNewFields(source *batch.Schema) { f.source = source }

// ProposeWider makes Fetch return a *NewFieldsError also for a schema whose fields would
// fit if columns had wider types.
func (f *Framed) ProposeWider() { f.wider = true }

// NewFieldsError says that records of a schema have fields that are in no column, or
// that fit theirs only if that is wider.
type NewFieldsError struct {
	Schema  string         // for people: schema 7 (shop.Order)
	Columns []batch.Column // that would hold them
	Wider   bool           // they are there, of narrower types
}

func (e *NewFieldsError) Error() string {
	texts := make([]string, len(e.Columns))
	for i, c := range e.Columns {
		texts[i] = fmt.Sprintf("%q %s", c.Name, c.Type)
	}
	what := "has fields without a column"
	if e.Wider {
		what = "needs columns of wider types"
	}
	return fmt.Sprintf("%s %s: %s", e.Schema, what, strings.Join(texts, ", "))
}

// widerColumns returns an error if a message, which does not fit the table, fits one whose
// columns are wider; else nil.
func (f *Framed) widerColumns(id string, s schema, message int) error {
	if !f.wider {
		return nil
	}
	var p decode.Proposal
	s.propose(message, batch.NewSchema(nil), &p)
	fields := make([]decode.Field, len(p.Columns))
	for i, c := range p.Columns {
		fields[i].Name = c.Name
	}
	table := slices.Clone(f.table.Columns)
	e := &NewFieldsError{Schema: fmt.Sprintf("schema %s (%s)", id, s.title(message)), Wider: true}
	for i, c := range decode.ColumnsOf(fields, f.table) {
		if c < 0 {
			continue
		}
		if typ := decode.Wider(table[c].Type, p.Columns[i].Type); typ != table[c].Type {
			table[c].Type = typ
			e.Columns = append(e.Columns, table[c])
		}
	}
	if _, err := s.compile(message, batch.NewSchema(table), f.limits); err != nil || len(e.Columns) == 0 {
		return nil
	}
	return e
}

// newFields returns an error if there must not be fields without a column, and a
// message has some that could have one.
func (f *Framed) newFields(id string, s schema, message int) error {
	if f.source == nil {
		return nil
	}
	p := decode.ProposalFor(f.source)
	if s.propose(message, f.source, p); len(p.Columns) == 0 {
		return nil
	}
	return &NewFieldsError{Schema: fmt.Sprintf("schema %s (%s)", id, s.title(message)), Columns: p.Columns}
}
