package query

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/rowchange"
	"github.com/millstream-db/millstream/query/parser"
)

// prepareTableInsert makes an INSERT into a table of a planned one.
func (s *Session) prepareTableInsert(ctx context.Context, st *Statement, in *insertQuery, paramTypes []string) error {
	d := in.target.table
	conflict, err := s.prepareConflict(ctx, st, in.tree.Conflict, d, paramTypes)
	if err != nil {
		return err
	}
	schema := d.Schema()
	st.run = s.change(st, d, func(ctx context.Context, r *engine.Read, args []any) (*rowchange.Change, error) {
		b, err := in.compute(ctx, r, schema, args[:len(in.rows.st.Params)])
		if err != nil {
			return nil, in.explain(err)
		}
		rows := []arrow.RecordBatch{b.Record}
		if conflict == nil {
			return &rowchange.Change{Insert: rows}, nil
		}
		defer releaseAll(rows)
		return conflict.change(ctx, r, rows, args)
	})
	return nil
}

func releaseAll(list []arrow.RecordBatch) {
	for _, rec := range list {
		rec.Release()
	}
}

// conflict is an ON CONFLICT clause.
type conflict struct {
	d       *catalog.TableDefinition
	columns []int     // that DO UPDATE sets
	update  *rowQuery // nil: DO NOTHING
	insert  *rowQuery // the rows without conflict
	twice   *rowQuery // a key that is given twice
}

// excludedSQL makes the rows that an INSERT gives a relation.
const excludedSQL = "WITH excluded AS (SELECT * FROM ms_scan('local:excluded'))\n"

func (s *Session) prepareConflict(ctx context.Context, st *Statement, c *parser.Conflict, d *catalog.TableDefinition, paramTypes []string) (*conflict, error) {
	if c == nil {
		return nil, nil
	}
	if err := checkConflictTarget(c, d); err != nil {
		return nil, err
	}
	out := &conflict{d: d}
	table := dmlTable(d, d.Name)
	var match, keys []string
	for _, k := range d.Key {
		name := history.Quote(d.Columns[k].Name)
		match = append(match, history.Quote(d.Name)+"."+name+" = excluded."+name)
		keys = append(keys, "excluded."+name)
	}
	own := func(text ...string) *rowQuery {
		q := &rowQuery{s: s, st: st, path: engine.PlainPath, sql: excludedSQL + strings.Join(text, "")}
		return q
	}
	names := history.Columns(d.Schema().Columns)
	switch {
	case len(d.Key) == 0:
		out.insert = own("SELECT ", names, " FROM excluded")
	default:
		out.insert = own("SELECT ", names, " FROM excluded ANTI JOIN ", table, " ON ", strings.Join(match, " AND "),
			" QUALIFY row_number() OVER (PARTITION BY ", strings.Join(keys, ", "), ") = 1")
		out.twice = own("SELECT CAST(0 AS BIGINT) FROM excluded GROUP BY ", strings.Join(keys, ", "), " HAVING count(*) > 1 LIMIT 1")
	}
	if c.Set == nil {
		return out, nil
	}
	columns, by, err := assignments(d, c.Set)
	if err != nil {
		return nil, err
	}
	q := &rowQuery{s: s, st: st, with: excludedSQL}
	q.text.Own("SELECT ", history.Quote(d.Name), ".", history.Quote(catalog.RowID))
	setValues(&q.text, d, columns, by)
	q.text.Own(" FROM ", table, " JOIN excluded ON ", strings.Join(match, " AND "))
	q.tail("", parser.Text{}, c.Where)
	if err := q.admit(ctx, changeRelations{relations: s.db.relations(), table: d.Name, excluded: true}); err != nil {
		return nil, err
	}
	q.nameParams()
	out.update, out.columns = q, columns
	return out, q.bind(ctx, paramTypes, func(r *engine.Read) {
		r.SetLocal("excluded", &duck.RecordRelation{Schema: d.Schema()})
	})
}

// nameParams makes the query name every parameter up to its highest: DuckDB
// counts those that it sees.
func (q *rowQuery) nameParams() {
	tokens, err := parser.Lex(q.sql)
	if err != nil {
		return // the gate has read it
	}
	unused := " WHERE true"
	for i := range q.params {
		name := fmt.Sprint("$", i+1)
		if !slices.ContainsFunc(tokens, func(t parser.Token) bool { return t.Kind == parser.Param && t.Text == name }) {
			unused += " AND (" + name + "::VARCHAR IS NULL OR true)"
		}
	}
	q.with = strings.Replace(excludedSQL, ")\n", unused+")\n", 1)
	q.sql = q.with + q.text.String()
}

// checkConflictTarget compares the columns behind ON CONFLICT with the primary
// key, which alone can conflict.
func checkConflictTarget(c *parser.Conflict, d *catalog.TableDefinition) error {
	fail := func(code, message string) error {
		return &parser.Error{Code: code, Message: message, Offset: c.Offset, Hint: "Only the primary key can conflict: ON CONFLICT (its columns)."}
	}
	if c.Target == nil {
		if c.Set != nil {
			return fail(CodeSyntaxError, "ON CONFLICT DO UPDATE requires inference specification or constraint name")
		}
		return nil
	}
	var named []int
	for _, t := range c.Target {
		i, err := column(d, t)
		if err != nil {
			return err
		}
		named = append(named, i)
	}
	slices.Sort(named)
	key := slices.Sorted(slices.Values(d.Key))
	if !slices.Equal(slices.Compact(named), key) || len(key) == 0 {
		return fail("42P10", "there is no unique or exclusion constraint matching the ON CONFLICT specification")
	}
	return nil
}

// change sorts given rows into those to insert and those to update.
func (c *conflict) change(ctx context.Context, r *engine.Read, rows []arrow.RecordBatch, args []any) (*rowchange.Change, error) {
	r.SetLocal("excluded", &duck.RecordRelation{Schema: c.d.Schema(), Records: rows, InOrder: true})
	out := &rowchange.Change{Columns: c.columns, Exact: true}
	var err error
	if c.update != nil {
		twice, err := c.twice.rows(ctx, r, batch.NewSchema([]batch.Column{{Name: "n", Type: batch.Type{Kind: batch.BigInt}}}), nil)
		if err != nil {
			return nil, err
		}
		defer releaseAll(twice)
		if len(twice) > 0 {
			return nil, Errorf("21000", "ON CONFLICT DO UPDATE command cannot affect row a second time").
				WithHint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.")
		}
		if out.Update, err = c.update.rows(ctx, r, c.d.UpdateSchema(c.columns), args); err != nil {
			return nil, err
		}
	}
	if out.Insert, err = c.insert.rows(ctx, r, c.d.Schema(), nil); err != nil {
		out.Release()
		return nil, err
	}
	return out, nil
}
