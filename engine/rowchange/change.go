package rowchange

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
)

// Change is what a statement, or a whole transaction, does to a table's rows. No
// row is in two of its lists.
type Change struct {
	Insert  []arrow.RecordBatch // rows of the table's schema
	Update  []arrow.RecordBatch // catalog.RowID, then the new values of Columns
	Columns []int               // of the table, in ascending order
	Delete  []arrow.RecordBatch // catalog.RowID
	All     bool                // delete every row
	// Exact says that the change was computed from the table's rows, and holds
	// only for the version that was read.
	Exact bool
}

// Release gives up the rows.
func (c *Change) Release() {
	for _, list := range [][]arrow.RecordBatch{c.Insert, c.Update, c.Delete} {
		releaseAll(list)
	}
	c.Insert, c.Update, c.Delete = nil, nil, nil
}

func releaseAll(list []arrow.RecordBatch) {
	for _, rec := range list {
		rec.Release()
	}
}

func rowCount(list []arrow.RecordBatch) (n int64) {
	for _, rec := range list {
		n += rec.NumRows()
	}
	return n
}

func byteCount(list []arrow.RecordBatch) (n int64) {
	for _, rec := range list {
		for _, column := range rec.Columns() {
			n += int64(column.Data().SizeInBytes())
		}
	}
	return n
}

// Rows returns how many rows of a table that has so many come, change and go.
func (c *Change) Rows(of int64) (inserted, updated, deleted int64) {
	if c.All {
		return rowCount(c.Insert), rowCount(c.Update), of
	}
	return rowCount(c.Insert), rowCount(c.Update), rowCount(c.Delete)
}

// Bytes returns the size of the new values.
func (c *Change) Bytes() int64 { return byteCount(c.Insert) + byteCount(c.Update) }

// ConstraintError is returned when a change would break a rule of its table.
type ConstraintError struct {
	Table, Column, Constraint string // Column: a NULL in it; Constraint: a key that is there already
	Detail                    string
}

func (c *ConstraintError) Error() string {
	if c.Column != "" {
		return fmt.Sprintf("null value in column %q of relation %q violates not-null constraint", c.Column, c.Table)
	}
	return fmt.Sprintf("duplicate key value violates unique constraint %q", c.Constraint)
}

func records(schema *batch.Schema, list []arrow.RecordBatch) *duck.RecordRelation {
	return &duck.RecordRelation{Schema: schema, Records: list, InOrder: true}
}

// Statements returns the SQL that makes the change in the file.
func (c *Change) Statements(d *catalog.TableDefinition) []checkpoint.Change {
	rowID := history.Quote(catalog.RowID)
	var list []checkpoint.Change
	if c.All {
		list = append(list, checkpoint.Change{Table: d.Relation(), SQL: "DELETE FROM " + d.Relation()})
	}
	if rowCount(c.Delete) > 0 {
		list = append(list, checkpoint.Change{
			Table: d.Relation(),
			SQL:   fmt.Sprintf("DELETE FROM %s WHERE rowid IN (SELECT %s FROM ms_scan('rows'))", d.Relation(), rowID),
			From:  records(d.UpdateSchema(nil), c.Delete),
		})
	}
	if rowCount(c.Update) > 0 {
		set := make([]string, len(c.Columns))
		for i, column := range c.Columns {
			name := history.Quote(d.Columns[column].Name)
			set[i] = name + " = ms_new." + name
		}
		list = append(list, checkpoint.Change{
			Table: d.Relation(),
			SQL: fmt.Sprintf("UPDATE %s AS ms_old SET %s FROM ms_scan('rows') AS ms_new WHERE ms_old.rowid = ms_new.%s",
				d.Relation(), strings.Join(set, ", "), rowID),
			From: records(d.UpdateSchema(c.Columns), c.Update),
		})
	}
	if rowCount(c.Insert) > 0 {
		schema := d.Schema()
		list = append(list, checkpoint.Change{
			Table: d.Relation(),
			SQL:   fmt.Sprintf("INSERT INTO %s SELECT %s FROM ms_scan('rows')", d.Relation(), history.Columns(schema.Columns)),
			From:  records(schema, c.Insert),
		})
	}
	return list
}

// Reader is a connection that sees a table, such as engine.Read.
type Reader interface {
	Conn() *duck.Conn
	// SetLocal gives the connection a relation: ms_scan('local:name').
	SetLocal(name string, rel duck.Relation)
}

// Check returns a *ConstraintError if the change would break a rule of the table.
// rows names, in SQL, the table with its row ids as it is before the change. r
// may be nil unless the change TouchesKey.
func (c *Change) Check(ctx context.Context, r Reader, d *catalog.TableDefinition, rows string) error {
	if err := c.checkNulls(d); err != nil {
		return err
	}
	return c.checkKey(ctx, r, d, rows)
}

// checkNulls looks for NULLs in columns that take none.
func (c *Change) checkNulls(d *catalog.TableDefinition) error {
	check := func(list []arrow.RecordBatch, column, table int) error {
		for _, rec := range list {
			if rec.Column(column).NullN() > 0 {
				return &ConstraintError{Table: d.Name, Column: d.Columns[table].Name}
			}
		}
		return nil
	}
	for i := range d.Columns {
		if !d.Columns[i].NotNull {
			continue
		}
		if err := check(c.Insert, i, i); err != nil {
			return err
		}
		if at := slices.Index(c.Columns, i); at >= 0 {
			if err := check(c.Update, at+1, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// moves reports whether the change gives rows another key.
func (c *Change) moves(d *catalog.TableDefinition) bool {
	return slices.ContainsFunc(d.Key, func(k int) bool { return slices.Contains(c.Columns, k) }) && rowCount(c.Update) > 0
}

// TouchesKey reports whether Check has to look at the table's rows.
func (c *Change) TouchesKey(d *catalog.TableDefinition) bool {
	return len(d.Key) > 0 && (rowCount(c.Insert) > 0 || c.moves(d))
}

// checkKey looks for keys that would be there twice.
func (c *Change) checkKey(ctx context.Context, r Reader, d *catalog.TableDefinition, table string) error {
	if !c.TouchesKey(d) {
		return nil
	}
	rowID := history.Quote(catalog.RowID)
	r.SetLocal("inserted", records(d.Schema(), c.Insert))
	fresh := "SELECT " + strings.Join(d.KeyColumns(""), ", ") + " FROM ms_scan('local:inserted')"
	kept := ""
	if c.moves(d) {
		r.SetLocal("updated", records(d.UpdateSchema(c.Columns), c.Update))
		moved := make([]string, len(d.Key))
		for i, k := range d.Key {
			moved[i] = "t." + history.Quote(d.Columns[k].Name)
			if slices.Contains(c.Columns, k) {
				moved[i] = "u." + history.Quote(d.Columns[k].Name)
			}
		}
		fresh += fmt.Sprintf(" UNION ALL SELECT %s FROM ms_scan('local:updated') u JOIN %s t ON t.%s = u.%s",
			strings.Join(moved, ", "), table, rowID, rowID)
		kept += fmt.Sprintf(" AND t.%s NOT IN (SELECT %s FROM ms_scan('local:updated'))", rowID, rowID)
	}
	if rowCount(c.Delete) > 0 {
		r.SetLocal("deleted", records(d.UpdateSchema(nil), c.Delete))
		kept += fmt.Sprintf(" AND t.%s NOT IN (SELECT %s FROM ms_scan('local:deleted'))", rowID, rowID)
	}
	match := make([]string, len(d.Key))
	for i, name := range d.KeyColumns("") {
		match[i] = "t." + name + " = f." + name
	}
	shown := "concat_ws(', ', " + strings.Join(d.KeyColumns("f."), ", ") + ")::VARCHAR"
	twice := fmt.Sprintf("SELECT %s FROM (%s) f GROUP BY %s HAVING count(*) > 1 LIMIT 1", shown, fresh, strings.Join(d.KeyColumns("f."), ", "))
	if err := refuseDuplicate(ctx, r, d, twice); err != nil || c.All {
		return err
	}
	return refuseDuplicate(ctx, r, d, fmt.Sprintf("SELECT %s FROM (%s) f JOIN %s t ON %s%s LIMIT 1", shown, fresh, table, strings.Join(match, " AND "), kept))
}

func refuseDuplicate(ctx context.Context, r Reader, d *catalog.TableDefinition, sql string) error {
	rows, err := r.Conn().Query(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	found, err := rows.Next()
	if err != nil || !found {
		return err
	}
	var key string
	if err := rows.Scan(&key); err != nil {
		return err
	}
	names := make([]string, len(d.Key))
	for i, k := range d.Key {
		names[i] = d.Columns[k].Name
	}
	return &ConstraintError{
		Table: d.Name, Constraint: d.KeyName(),
		Detail: fmt.Sprintf("Key (%s)=(%s) already exists.", strings.Join(names, ", "), key),
	}
}
