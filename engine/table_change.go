package engine

import (
	"context"
	"errors"
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

// TableChange is what one statement does to a table's rows.
type TableChange struct {
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
func (c *TableChange) Release() {
	for _, list := range [][]arrow.RecordBatch{c.Insert, c.Update, c.Delete} {
		for _, rec := range list {
			rec.Release()
		}
	}
	c.Insert, c.Update, c.Delete = nil, nil, nil
}

func rowCount(records []arrow.RecordBatch) (n int64) {
	for _, rec := range records {
		n += rec.NumRows()
	}
	return n
}

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

// errStale says that a change was computed from a version that is gone.
var errStale = errors.New("the table has changed")

// staleTries is how often a change is computed beside the writer before it is
// computed on the writer's goroutine, where nothing comes in between.
const staleTries = 3

// ChangeTable changes a table's rows and returns how many; it is durable, and
// in force for every record that is taken from then on, when it returns. plan
// computes the change from a read; it may be called again when the table has
// changed meanwhile. Nothing is changed after an error, which is a
// *ConstraintError when a rule of the table would be broken.
func (e *Engine) ChangeTable(ctx context.Context, name string, plan func(context.Context, *Read) (*TableChange, error)) (int64, error) {
	for range staleTries {
		n, err := e.tryChange(ctx, name, plan)
		if !errors.Is(err, errStale) {
			return n, err
		}
	}
	var n int64
	err := e.do(ctx, func() (err error) {
		e.awaitCheckpoint()
		r, err := e.BeginRead(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		if e.tables[name] == nil {
			return fmt.Errorf("table %q %w", name, ErrNotFound)
		}
		c, err := plan(ctx, r)
		if err != nil {
			return err
		}
		defer c.Release()
		n, err = e.applyChange(ctx, e.tables[name], c)
		return err
	})
	return n, err
}

// tryChange computes a change beside the writer and applies it if the table is
// still what it was.
func (e *Engine) tryChange(ctx context.Context, name string, plan func(context.Context, *Read) (*TableChange, error)) (n int64, err error) {
	folds := e.store.Folds()
	r, err := e.BeginRead(ctx)
	if err != nil {
		return 0, err
	}
	seen := r.snapshot.tables[name]
	if seen == nil {
		r.Close()
		return 0, fmt.Errorf("table %q %w", name, ErrNotFound)
	}
	c, err := plan(ctx, r)
	r.Close()
	if err != nil {
		return 0, err
	}
	defer c.Release()
	err = e.do(ctx, func() (err error) {
		e.awaitCheckpoint()
		t := e.tables[name]
		// Folding the log into the file may move rows to other ids.
		if t == nil || t.def != seen.def || c.Exact && (t.version != seen.version || e.store.Folds() != folds) {
			return errStale
		}
		n, err = e.applyChange(ctx, t, c)
		return err
	})
	return n, err
}

// applyChange commits a change. It runs on the writer, while no checkpoint does.
func (e *Engine) applyChange(ctx context.Context, t *liveTable, c *TableChange) (int64, error) {
	if e.failed != nil {
		return 0, e.failed
	}
	inserted, updated, deleted := rowCount(c.Insert), rowCount(c.Update), rowCount(c.Delete)
	if c.All {
		deleted = t.rows
	}
	n := inserted + updated + deleted
	if n == 0 {
		return 0, nil
	}
	if err := t.checkNulls(c); err != nil {
		return 0, err
	}
	if err := e.checkKey(ctx, t, c); err != nil {
		return 0, err
	}
	err := e.checkpointWith(context.WithoutCancel(ctx), nil, nil, func(w *checkpoint.Write) {
		w.Changes = append(w.Changes, t.statements(c)...)
		for _, rec := range slices.Concat(c.Insert, c.Update) {
			for _, column := range rec.Columns() {
				w.Bytes += int64(column.Data().SizeInBytes())
			}
		}
	})
	if err != nil {
		return 0, err
	}
	t.version++
	t.rows += inserted - deleted
	if err := e.tableChanged(t); err != nil {
		// The change is durable, and what comes next can't be joined with it.
		e.failed = fmt.Errorf("ingest stopped, restart to go on from the last checkpoint: %w", err)
		e.setProblem(e.failed)
		return 0, e.failed
	}
	e.publish()
	return n, nil
}

func records(schema *batch.Schema, list []arrow.RecordBatch) *duck.RecordRelation {
	return &duck.RecordRelation{Schema: schema, Records: list, InOrder: true}
}

// statements returns the SQL that makes the change in the file.
func (t *liveTable) statements(c *TableChange) []checkpoint.Change {
	d, rowID := t.def, history.Quote(catalog.RowID)
	var list []checkpoint.Change
	if c.All {
		list = append(list, checkpoint.Change{SQL: "DELETE FROM " + d.Relation()})
	}
	if rowCount(c.Delete) > 0 {
		list = append(list, checkpoint.Change{
			SQL:  fmt.Sprintf("DELETE FROM %s WHERE rowid IN (SELECT %s FROM ms_scan('rows'))", d.Relation(), rowID),
			From: records(d.UpdateSchema(nil), c.Delete),
		})
	}
	if rowCount(c.Update) > 0 {
		set := make([]string, len(c.Columns))
		for i, column := range c.Columns {
			name := history.Quote(d.Columns[column].Name)
			set[i] = name + " = ms_new." + name
		}
		list = append(list, checkpoint.Change{
			SQL: fmt.Sprintf("UPDATE %s AS ms_old SET %s FROM ms_scan('rows') AS ms_new WHERE ms_old.rowid = ms_new.%s",
				d.Relation(), strings.Join(set, ", "), rowID),
			From: records(d.UpdateSchema(c.Columns), c.Update),
		})
	}
	if rowCount(c.Insert) > 0 {
		schema := d.Schema()
		list = append(list, checkpoint.Change{
			SQL:  fmt.Sprintf("INSERT INTO %s SELECT %s FROM ms_scan('rows')", d.Relation(), history.Columns(schema.Columns)),
			From: records(schema, c.Insert),
		})
	}
	return list
}

// checkNulls looks for NULLs in columns that take none.
func (t *liveTable) checkNulls(c *TableChange) error {
	check := func(list []arrow.RecordBatch, column, table int) error {
		for _, rec := range list {
			if rec.Column(column).NullN() > 0 {
				return &ConstraintError{Table: t.def.Name, Column: t.def.Columns[table].Name}
			}
		}
		return nil
	}
	for i := range t.def.Columns {
		if !t.def.Columns[i].NotNull {
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

// checkKey looks for keys that would be there twice.
func (e *Engine) checkKey(ctx context.Context, t *liveTable, c *TableChange) error {
	d := t.def
	moves := slices.ContainsFunc(d.Key, func(k int) bool { return slices.Contains(c.Columns, k) }) && rowCount(c.Update) > 0
	if len(d.Key) == 0 || rowCount(c.Insert) == 0 && !moves {
		return nil
	}
	r, err := e.BeginRead(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	r.SetLocal("inserted", records(d.Schema(), c.Insert))
	fresh := "SELECT " + strings.Join(d.KeyColumns(""), ", ") + " FROM ms_scan('local:inserted')"
	kept := ""
	if moves {
		r.SetLocal("updated", records(d.UpdateSchema(c.Columns), c.Update))
		moved := make([]string, len(d.Key))
		for i, k := range d.Key {
			moved[i] = "t." + history.Quote(d.Columns[k].Name)
			if slices.Contains(c.Columns, k) {
				moved[i] = "u." + history.Quote(d.Columns[k].Name)
			}
		}
		rowID := history.Quote(catalog.RowID)
		fresh += fmt.Sprintf(" UNION ALL SELECT %s FROM ms_scan('local:updated') u JOIN live.dml.%s t ON t.%s = u.%s",
			strings.Join(moved, ", "), history.Quote(d.Name), rowID, rowID)
		kept = fmt.Sprintf(" AND t.%s NOT IN (SELECT %s FROM ms_scan('local:updated'))", rowID, rowID)
	}
	match := make([]string, len(d.Key))
	for i, name := range d.KeyColumns("") {
		match[i] = "t." + name + " = f." + name
	}
	shown := "concat_ws(', ', " + strings.Join(d.KeyColumns("f."), ", ") + ")::VARCHAR"
	for _, sql := range []string{
		fmt.Sprintf("SELECT %s FROM (%s) f GROUP BY %s HAVING count(*) > 1 LIMIT 1", shown, fresh, strings.Join(d.KeyColumns("f."), ", ")),
		fmt.Sprintf("SELECT %s FROM (%s) f JOIN live.dml.%s t ON %s%s LIMIT 1", shown, fresh, history.Quote(d.Name), strings.Join(match, " AND "), kept),
	} {
		if err := refuseDuplicate(ctx, r, d, sql); err != nil {
			return err
		}
	}
	return nil
}

func refuseDuplicate(ctx context.Context, r *Read, d *catalog.TableDefinition, sql string) error {
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
