package registry

import (
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// RefuseNewFields makes Fetch return a *NewFieldsError for a schema that has fields
// which a source has no columns for, instead of passing them over. The table that f
// decodes for may be a part of the source.
func (f *Framed) RefuseNewFields(source *batch.Schema) { f.source = source }

// NewFieldsError says that records of a schema have fields that are in no column.
type NewFieldsError struct {
	Schema  string         // for people: schema 7 (shop.Order)
	Columns []batch.Column // that would hold them
}

func (e *NewFieldsError) Error() string {
	texts := make([]string, len(e.Columns))
	for i, c := range e.Columns {
		texts[i] = fmt.Sprintf("%q %s", c.Name, c.Type)
	}
	return fmt.Sprintf("%s has fields without a column: %s", e.Schema, strings.Join(texts, ", "))
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
