package decode

import (
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
)

// columnNameBytes is how long the name of a column may be in a statement, which
// is how long PostgreSQL's may be.
const columnNameBytes = 63

// columnsMax is how many columns are proposed. Records whose fields are keys of
// something have any number of them, and are one value rather than a table.
const columnsMax = 1000

// Proposal collects the columns that the fields of records can have, each field
// once. The zero value is one for a table without columns.
type Proposal struct {
	Columns []batch.Column
	Omitted []source.Omission // fields that can have none

	taken map[string]string // by the name in lower case, the name
}

// ProposalFor returns a proposal of columns besides those that a table has.
func ProposalFor(table *batch.Schema) *Proposal {
	p := new(Proposal)
	for _, c := range table.Columns {
		p.take(c.Name)
	}
	return p
}

func (p *Proposal) take(name string) {
	if p.taken == nil {
		p.taken = make(map[string]string)
	}
	p.taken[strings.ToLower(name)] = name
}

// Add proposes a column for a field. It omits one whose name no column can have.
func (p *Proposal) Add(field string, typ batch.Type) {
	if why := p.unfit(field); why != "" {
		p.Omit(field, why)
		return
	}
	p.take(field)
	p.Columns = append(p.Columns, batch.Column{Name: field, Type: typ})
}

// Omit notes that a field can't have a column.
func (p *Proposal) Omit(field, why string) {
	p.Omitted = append(p.Omitted, source.Omission{Field: field, Why: why})
}

// unfit says why no column can have the field's name, "" if one can.
func (p *Proposal) unfit(field string) string {
	for _, c := range batch.MetadataColumns() {
		if strings.EqualFold(c.Name, field) {
			return "every source has a column " + c.Name + " of its own"
		}
	}
	had, taken := p.taken[strings.ToLower(field)]
	switch {
	case taken:
		return fmt.Sprintf("its name differs from %q in letter case only", had)
	case field == "" || strings.IndexByte(field, 0) >= 0:
		return "no column can have such a name"
	case len(field) > columnNameBytes:
		return fmt.Sprintf("its name is longer than %d bytes", columnNameBytes)
	case len(p.Columns) >= columnsMax:
		return fmt.Sprintf("there are %d columns without it", columnsMax)
	}
	return ""
}
