package query

import (
	"context"
	"errors"
	"fmt"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/query/binder"
	"github.com/millstream-db/millstream/query/gate"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/sqlstate"
)

func (db *DB) createTable(ctx context.Context, t *parser.CreateTable, sql string, owner catalog.Access) (notices []string, err error) {
	skip := []string{fmt.Sprintf("relation %q already exists, skipping", t.Name.Name)}
	if t.IfNotExists && db.exists(t.Name.Name) {
		return skip, nil
	}
	def := &catalog.TableDefinition{Name: t.Name.Name, SQL: sql, Access: owner}
	index := make(map[string]int)
	for i, c := range t.Columns {
		typ, err := batch.ParseType(c.Type)
		if err != nil {
			return nil, &parser.Error{Code: CodeUndefinedObject, Message: err.Error(), Offset: c.TypeOffset}
		}
		column := catalog.TableColumn{Name: c.Name, Type: typ, NotNull: c.NotNull, Default: c.Default}
		if err := db.checkDefault(ctx, &c, typ); err != nil {
			return nil, err
		}
		def.Columns = append(def.Columns, column)
		index[c.Name] = i
	}
	for _, k := range t.PrimaryKey {
		i := index[k.Name]
		if t := def.Columns[i].Type; t.Kind == batch.Interval || t.Nested != nil {
			return nil, &parser.Error{Code: CodeFeatureNotSupported, Offset: k.Offset,
				Message: fmt.Sprintf("a primary key of the type %s is not supported", def.Columns[i].Type)}
		}
		def.Key = append(def.Key, i)
	}
	err = db.engine.CreateTable(ctx, def)
	if t.IfNotExists && errors.Is(err, engine.ErrExists) {
		return skip, nil
	}
	return nil, err
}

// nothing is the catalog for expressions that read no relation.
type nothing struct{}

func (nothing) Lookup(string, string) (gate.Relation, bool) { return gate.Relation{}, false }
func (nothing) Names() []string                             { return nil }
func (nothing) Macro(string) bool                           { return false }

// checkDefault lets the expression of a default through the gate and binds it.
func (db *DB) checkDefault(ctx context.Context, c *parser.TableColumn, typ batch.Type) error {
	if c.Default == "" {
		return nil
	}
	fail := func(code, message, hint string) error {
		return &parser.Error{Code: code, Message: message, Hint: hint, Offset: c.DefaultOffset}
	}
	return db.binders.With(func(b *binder.Binder) error {
		sql := fmt.Sprintf("SELECT CAST((%s) AS %s)", c.Default, typ)
		ast, err := b.Serialize(ctx, sql)
		if err != nil {
			return err
		}
		reads, err := gate.Check(ast, nothing{})
		var refused *gate.Error
		if errors.As(err, &refused) {
			return fail(refused.Code, refused.Message, refused.Hint)
		}
		if err != nil {
			return err
		}
		if reads.Params > 0 {
			return fail(CodeUndefinedParameter, "parameters are not allowed in DEFAULT", "Write the value itself.")
		}
		stmt, err := b.Prepare(sql)
		var bound *duck.Error
		if errors.As(err, &bound) {
			e := sqlstate.FromDuckDB(bound)
			return fail(e.Code, "DEFAULT of column "+c.Name+": "+e.Message, e.Hint)
		}
		if err != nil {
			return err
		}
		defer stmt.Close()
		if len(stmt.Columns) != 1 {
			return fail(CodeSyntaxError, "DEFAULT of column "+c.Name+" is more than one expression", "")
		}
		return nil
	})
}

func describeTable(d *catalog.TableDefinition) [][]string {
	var rows [][]string
	key := make(map[int]bool)
	for _, k := range d.Key {
		key[k] = true
	}
	for i, c := range d.Columns {
		extra := ""
		add := func(text string) {
			if extra != "" {
				extra += ", "
			}
			extra += text
		}
		if key[i] {
			add("primary key")
		} else if c.NotNull {
			add("not null")
		}
		if c.Default != "" {
			add("default " + c.Default)
		}
		rows = append(rows, []string{c.Name, c.Type.String(), extra})
	}
	return rows
}
