package rowchange

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
)

// Overlay is the catalog in which tables are shown as a transaction has changed
// them. Its schemas have the names of those that they stand in front of.
const Overlay = "overlay"

// The relations of a table that its views in Overlay read by ms_scan.
const (
	AddedPrefix     = "added:"     // own rows, with ids of their own
	RemovedPrefix   = "removed:"   // ids of rows in the file that have gone
	WithdrawnPrefix = "withdrawn:" // ids of own rows that have gone
	EmptiedPrefix   = "emptied:"   // a row if all in the file have gone
)

// firstOwn is the id of a transaction's first own row of a table. DuckDB's ids
// lie below.
const firstOwn = 1 << 62

// OverlaySQL returns the queries of a table's views in Overlay: with the ids of
// the rows, and without.
func OverlaySQL(d *catalog.TableDefinition) (withIDs, plain string) {
	rowID := history.Quote(catalog.RowID)
	scan := func(prefix string) string { return "ms_scan(" + history.Literal(prefix+d.Name) + ")" }
	columns := func(of string) string {
		list := make([]string, len(d.Columns))
		for i, c := range d.Columns {
			list[i] = of + "." + history.Quote(c.Name)
		}
		return strings.Join(list, ", ")
	}
	query := func(file, own string) string {
		return fmt.Sprintf("SELECT %[1]s%[2]s FROM history.%[3]s AS f ANTI JOIN %[4]s AS r ON f.rowid = r.%[5]s WHERE NOT EXISTS (FROM %[6]s)"+
			" UNION ALL SELECT %[7]s%[8]s FROM %[9]s AS o ANTI JOIN %[10]s AS w ON o.%[5]s = w.%[5]s",
			file, columns("f"), d.Relation(), scan(RemovedPrefix), rowID, scan(EmptiedPrefix),
			own, columns("o"), scan(AddedPrefix), scan(WithdrawnPrefix))
	}
	return query("f.rowid AS "+rowID+", ", "o."+rowID+", "), query("", "")
}

// overlaid is the table as the transaction sees it, with ids, in SQL.
func overlaid(d *catalog.TableDefinition) string { return Overlay + ".dml." + history.Quote(d.Name) }

// Set is what a transaction has changed in tables and not committed. A row that
// is updated goes, and its new form comes as an own row: so everything only
// grows, and what stood at a savepoint is a part of what stands now. It is not
// safe for concurrent use. The zero Set of a nil pointer is empty.
type Set struct {
	mem    *batch.Allocator
	tables map[string]*pending
}

// pending is what has changed in one table.
type pending struct {
	def       *catalog.TableDefinition
	added     []arrow.RecordBatch // catalog.RowID, then all columns
	removed   []arrow.RecordBatch // catalog.RowID
	withdrawn []arrow.RecordBatch // catalog.RowID
	emptied   []arrow.RecordBatch // a row if all in the file have gone
	exact     bool                // which rows were added depends on those in the file
	next      int64               // the next own row's id
}

func (p *pending) lists() []*[]arrow.RecordBatch {
	return []*[]arrow.RecordBatch{&p.added, &p.removed, &p.withdrawn, &p.emptied}
}

// NewSet returns an empty set. The caller must Release it.
func NewSet(mem *batch.Allocator) *Set { return &Set{mem: mem, tables: make(map[string]*pending)} }

// Clone returns the set as it is, to go back to. It shares the rows.
func (s *Set) Clone() *Set {
	if s == nil {
		return nil
	}
	out := NewSet(s.mem)
	for name, p := range s.tables {
		c := *p
		for _, list := range c.lists() {
			*list = slices.Clone(*list)
			for _, rec := range *list {
				rec.Retain()
			}
		}
		out.tables[name] = &c
	}
	return out
}

// Restore makes the set what another one is, nil for nothing.
func (s *Set) Restore(to *Set) {
	from := to.Clone()
	s.Release()
	if from != nil {
		s.tables = from.tables
	}
}

// Release gives up the rows; the set is empty then.
func (s *Set) Release() {
	if s == nil {
		return
	}
	for _, p := range s.tables {
		p.clear()
	}
	clear(s.tables)
}

func (p *pending) clear() {
	for _, list := range p.lists() {
		releaseAll(*list)
		*list = nil
	}
}

// Tables returns the names of the tables that were changed, sorted.
func (s *Set) Tables() []string {
	if s == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.tables))
}

// Bytes returns the memory of the rows.
func (s *Set) Bytes() (n int64) {
	if s == nil {
		return 0
	}
	for _, p := range s.tables {
		for _, list := range p.lists() {
			n += byteCount(*list)
		}
	}
	return n
}

// Relation returns a relation that a table's views in Overlay read, or nil if the
// prefix is none of theirs. It holds until the set is changed.
func (s *Set) Relation(prefix string, d *catalog.TableDefinition) duck.Relation {
	p := &pending{}
	if s != nil && s.tables[d.Name] != nil {
		p = s.tables[d.Name]
	}
	rel := &duck.RecordRelation{Schema: d.UpdateSchema(nil)}
	switch prefix {
	case AddedPrefix:
		rel.Schema, rel.Records = rowSchema(d), p.added
	case RemovedPrefix:
		rel.Records = p.removed
	case WithdrawnPrefix:
		rel.Records = p.withdrawn
	case EmptiedPrefix:
		rel.Records = p.emptied
	default:
		return nil
	}
	return rel
}

// rowSchema is the columns of own rows.
func rowSchema(d *catalog.TableDefinition) *batch.Schema {
	all := make([]int, len(d.Columns))
	for i := range all {
		all[i] = i
	}
	return d.UpdateSchema(all)
}

// Apply lays a statement's change over what was changed before, and returns how
// many rows it was. r sees the table with the set over it. Nothing is changed
// after an error, which is a *ConstraintError when a rule of the table would be
// broken. The change remains the caller's.
func (s *Set) Apply(ctx context.Context, r Reader, d *catalog.TableDefinition, c *Change) (int64, error) {
	if err := c.Check(ctx, r, d, overlaid(d)); err != nil {
		return 0, err
	}
	there := int64(0)
	if c.All {
		var err error
		if there, err = history.Count(ctx, r.Conn(), overlaid(d)); err != nil {
			return 0, err
		}
	}
	inserted, updated, deleted := c.Rows(there)
	fresh, err := s.newForms(ctx, r, d, c)
	if err != nil {
		return 0, err
	}
	if inserted+updated+deleted == 0 {
		return 0, nil
	}
	p := s.tables[d.Name]
	if p == nil {
		p = &pending{def: d, next: firstOwn}
		s.tables[d.Name] = p
	}
	p.exact = p.exact || c.Exact && len(c.Insert) > 0 // ON CONFLICT
	if c.All {
		p.clear()
		p.emptied = []arrow.RecordBatch{oneRow(s.mem, d)}
	}
	for _, rec := range slices.Concat(c.Update, c.Delete) {
		s.drop(p, rec)
	}
	for _, rec := range fresh {
		s.add(p, rec)
		rec.Release()
	}
	for _, rec := range c.Insert {
		s.add(p, rec)
	}
	return inserted + updated + deleted, nil
}

// newForms returns the whole rows that take the place of the updated ones.
func (s *Set) newForms(ctx context.Context, r Reader, d *catalog.TableDefinition, c *Change) ([]arrow.RecordBatch, error) {
	if rowCount(c.Update) == 0 {
		return nil, nil
	}
	items := make([]string, len(d.Columns))
	for i, column := range d.Columns {
		items[i] = "t." + history.Quote(column.Name)
		if slices.Contains(c.Columns, i) {
			items[i] = "u." + history.Quote(column.Name)
		}
	}
	rowID := history.Quote(catalog.RowID)
	r.SetLocal("updated", records(d.UpdateSchema(c.Columns), c.Update))
	list, err := s.collect(ctx, r, d, fmt.Sprintf("SELECT %s FROM ms_scan('local:updated') AS u JOIN %s AS t ON t.%s = u.%s",
		strings.Join(items, ", "), overlaid(d), rowID, rowID))
	if got := rowCount(list); err == nil && got != rowCount(c.Update) {
		err = fmt.Errorf("%d rows of table %s were updated, %d of them are there", rowCount(c.Update), d.Name, got)
	}
	if err != nil {
		releaseAll(list)
		return nil, err
	}
	return list, nil
}

// collectRows is how many rows are in a record that a query gives.
const collectRows = 1 << 16

// collect runs a query that gives rows of a table.
func (s *Set) collect(ctx context.Context, r Reader, d *catalog.TableDefinition, sql string) (list []arrow.RecordBatch, err error) {
	rows, err := r.Conn().Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	err = rows.Records(d.Schema(), s.mem, collectRows, func(rec arrow.RecordBatch) error {
		rec.Retain()
		list = append(list, rec)
		return nil
	})
	return list, err
}

// drop takes the rows away whose ids are the record's first column.
func (s *Set) drop(p *pending, rec arrow.RecordBatch) {
	removed, withdrawn := splitIDs(s.mem, p.def, rec.Column(0))
	if p.emptied != nil { // what is in the file has gone anyway
		removed.Release()
		removed = nil
	}
	p.removed = s.appendRecord(p.removed, removed)
	p.withdrawn = s.appendRecord(p.withdrawn, withdrawn)
}

// add takes own rows of the table's schema in, under new ids.
func (s *Set) add(p *pending, rec arrow.RecordBatch) {
	p.added = s.appendRecord(p.added, numbered(s.mem, p.def, rec, p.next))
	p.next += rec.NumRows()
}

// TableChange is what a set does to one table.
type TableChange struct {
	Def    *catalog.TableDefinition
	Change *Change
}

// Changes returns what the set does to each table, in the order of their names:
// what came and went again is not in it. r sees the tables with the set over
// them. The caller must Release the changes.
func (s *Set) Changes(ctx context.Context, r Reader) (list []TableChange, err error) {
	for _, name := range s.Tables() {
		p := s.tables[name]
		c := &Change{All: p.emptied != nil, Exact: p.exact || p.emptied != nil || len(p.removed) > 0}
		for _, rec := range p.removed {
			rec.Retain()
			c.Delete = append(c.Delete, rec)
		}
		list = append(list, TableChange{p.def, c})
		if len(p.withdrawn) == 0 {
			for _, rec := range p.added {
				c.Insert = append(c.Insert, withoutIDs(p.def, rec))
			}
			continue
		}
		rowID := history.Quote(catalog.RowID)
		scan := func(prefix string) string { return "ms_scan(" + history.Literal(prefix+name) + ")" }
		c.Insert, err = s.collect(ctx, r, p.def, fmt.Sprintf("SELECT %s FROM %s AS o WHERE %s NOT IN (SELECT %s FROM %s) ORDER BY %s",
			history.Columns(p.def.Schema().Columns), scan(AddedPrefix), rowID, rowID, scan(WithdrawnPrefix), rowID))
		if err != nil {
			ReleaseChanges(list)
			return nil, err
		}
	}
	return list, nil
}

// ReleaseChanges gives up the rows of changes.
func ReleaseChanges(list []TableChange) {
	for _, t := range list {
		t.Change.Release()
	}
}
