package query

import (
	"context"
	"errors"
	"fmt"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/query/binder"
	"github.com/millstream-db/millstream/query/definition"
	"github.com/millstream-db/millstream/query/gate"
	"github.com/millstream-db/millstream/query/parser"
)

func (db *DB) createSource(ctx context.Context, t *parser.CreateSource, sql string, owner catalog.Access) (notices []string, err error) {
	if t.IfNotExists && db.exists(t.Name.Name) {
		return []string{fmt.Sprintf("relation %q already exists, skipping", t.Name.Name)}, nil
	}
	if t.Star != nil && db.exists(t.Name.Name) {
		return nil, fmt.Errorf("relation %q %w", t.Name.Name, engine.ErrExists)
	} else if t.Star != nil {
		if t, notices, err = db.describeSource(ctx, t); err != nil {
			return nil, err
		}
		sql = parser.FormatCreateSource(t, false)
	}
	def, err := db.sourceDefinition(ctx, t, sql)
	if err != nil {
		return nil, err
	}
	def.Access = owner
	if err := db.engine.Validate(def); err != nil {
		return nil, Errorf(CodeInvalidParameter, "source %s: %v", def.Name, err)
	}
	err = db.engine.CreateSource(ctx, def)
	if t.IfNotExists && errors.Is(err, engine.ErrExists) {
		return []string{fmt.Sprintf("relation %q already exists, skipping", t.Name.Name)}, nil
	}
	return notices, err
}

func (db *DB) exists(name string) bool {
	return db.engine.Sources()[name] != nil || db.engine.Views()[name] != nil || db.engine.Tables()[name] != nil
}

func (db *DB) sourceDefinition(ctx context.Context, t *parser.CreateSource, sql string) (*catalog.SourceDefinition, error) {
	return definition.Source(t, sql, func(def *catalog.SourceDefinition) error { return db.generatedColumns(ctx, t, def) })
}

// generatedColumns binds the expressions of generated columns, through the
// gate like every SQL of a user.
func (db *DB) generatedColumns(ctx context.Context, t *parser.CreateSource, def *catalog.SourceDefinition) error {
	for i, c := range t.Columns {
		if c.Expr != "" {
			def.Columns[i].Generated = c.Expr // so that Read leaves it out
		}
	}
	decoded := def.Read().WithMetadata().Columns
	for i, c := range t.Columns {
		if c.Expr == "" {
			continue
		}
		fail := func(code, message string) error {
			return &parser.Error{Code: code, Message: message, Offset: c.ExprOffset}
		}
		err := db.binders.With(func(b *binder.Binder) error {
			const prefix = "SELECT "
			ast, err := b.Serialize(ctx, prefix+c.Expr+" FROM ms_source")
			if err != nil {
				return err
			}
			reads, err := gate.Check(ast, oneSource{})
			var refused *gate.Error
			if errors.As(err, &refused) && refused.Offset >= 0 {
				refused.Offset += c.ExprOffset - len(prefix)
			}
			if err != nil {
				return err
			}
			if reads.Volatile {
				return fail(CodeInvalidDefinition, fmt.Sprintf("generated column %q must give the same value every time", c.Name))
			}
			cast := "CAST((" + c.Expr + ") AS " + def.Columns[i].Type.String() + ")"
			fields, err := b.Describe(ctx, prefix+cast+" FROM ms_source", map[string][]batch.Column{"ms_source": decoded})
			if err != nil {
				return fail(CodeInvalidDefinition, fmt.Sprintf("generated column %q: %v", c.Name, err))
			}
			if len(fields) != 1 {
				return fail(CodeSyntaxError, fmt.Sprintf("generated column %q must be one expression", c.Name))
			}
			def.Columns[i].Generated = cast
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// oneSource is the catalog for expressions: nothing but the source itself.
type oneSource struct{}

func (oneSource) Lookup(schema, name string) (gate.Relation, bool) {
	return gate.Relation{Name: name}, schema == "" && name == "ms_source"
}
func (oneSource) Names() []string   { return nil }
func (oneSource) Macro(string) bool { return false }
