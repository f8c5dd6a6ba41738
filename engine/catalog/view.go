package catalog

import (
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/view"
)

// ViewDefinition is what CREATE MATERIALIZED VIEW says: the statement and its plan.
type ViewDefinition struct {
	SQL  string // the statement, for SHOW CREATE
	Plan view.Definition
	// SourceColumns is how many columns the source had when the view was made,
	// which are those that its plan speaks of; 0 means all.
	SourceColumns int
	Comments      Comments
	Access        Access `json:",omitzero"`
}

// HistoryTables returns the tables of history that a view has: one for its
// closed windows, none for a view whose groups live for ever, and for a view
// without aggregation those of its stream.
func (d *ViewDefinition) HistoryTables() []history.Table {
	switch {
	case d.Plan.AppendOnly():
		s := d.Stream()
		return []history.Table{
			{Name: s.Name, Columns: s.Schema().Columns, Retention: s.Retention},
			{Name: s.Name + LateSuffix, Columns: s.LateSchema().Columns, Retention: s.Retention},
		}
	case d.Plan.Window == nil:
		return nil
	}
	return []history.Table{{Name: d.Plan.Name, Columns: d.Plan.Columns, Retention: d.Plan.Retention}}
}

// Stream returns the definition of what views over the view read, nil if its
// rows change.
func (d *ViewDefinition) Stream() *SourceDefinition {
	if d.Plan.Window == nil && !d.Plan.AppendOnly() {
		return nil
	}
	s := &SourceDefinition{Name: d.Plan.Name, EventTime: d.Plan.EventTime, Retention: d.Plan.Retention}
	for _, c := range d.Plan.Columns {
		s.Columns = append(s.Columns, SourceColumn{Name: c.Name, Type: c.Type})
	}
	return s
}

// StreamSchema returns the columns that views over the view read, its own
// first, nil if there can be none.
func (d *ViewDefinition) StreamSchema() *batch.Schema {
	switch s := d.Stream(); {
	case s == nil:
		return nil
	case d.Plan.AppendOnly():
		return s.Schema()
	default:
		return batch.NewSchema(d.Plan.Columns)
	}
}

// ClosedRows is the name that OfClosed gives windows.
const ClosedRows = "rows"

// OfClosed returns stage three over closed windows, and the relations that it names.
func (d *ViewDefinition) OfClosed(closed *view.Relation) (from map[string]duck.Relation, sql string) {
	from = make(map[string]duck.Relation)
	return from, d.Over(from, ClosedRows, closed)
}

// Over returns stage three over groups, and adds the relations that it names: that of
// the groups by the given name.
func (d *ViewDefinition) Over(relations map[string]duck.Relation, name string, groups *view.Relation) (sql string) {
	bag := func(i int) string { return fmt.Sprint(name, ".bag", i) }
	relations[name] = groups
	for i, a := range d.Plan.Aggregates {
		if a.Func == aggregate.Bag {
			relations[bag(i)] = groups.Bag(i)
		}
	}
	return d.ResultSQL(name, bag)
}

// ResultSQL returns stage three over ms_scan of the given relations.
func (d *ViewDefinition) ResultSQL(state string, bag func(aggregate int) string) string {
	sql := strings.ReplaceAll(d.Plan.Result, "{{state}}", scan(state))
	for i, a := range d.Plan.Aggregates {
		if a.Func == aggregate.Bag {
			sql = strings.ReplaceAll(sql, fmt.Sprintf("{{bag%d}}", i), scan(bag(i)))
		}
	}
	return sql
}
