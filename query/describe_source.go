package query

import (
	"context"
	"errors"

	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/query/definition"
	"github.com/millstream-db/millstream/query/parser"
)

// describeSource finds the columns of a source whose statement leaves them to its
// records. What comes of it is fixed: nothing is asked again.
func (db *DB) describeSource(ctx context.Context, t *parser.CreateSource) (*parser.CreateSource, []string, error) {
	def := &catalog.SourceDefinition{Name: t.Name.Name, Format: t.Format, Encode: t.Encode}
	if err := definition.Expandable(t); err != nil {
		return nil, nil, err
	}
	if err := definition.Options(t, def); err != nil {
		return nil, nil, err
	}
	if err := db.engine.Validate(def); err != nil {
		return nil, nil, Errorf(CodeInvalidParameter, "source %s: %v", def.Name, err)
	}
	d, err := db.askRecords(ctx, def)
	const list = "ist the columns: CREATE SOURCE %s (id BIGINT, …)."
	switch {
	case err == nil:
		expanded, notices := definition.Expand(t, d)
		return expanded, notices, nil
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case errors.Is(err, source.ErrUndescribed):
		return nil, nil, Errorf(CodeInvalidDefinition, "source %s has no columns", def.Name).WithHint("L"+list, def.Name)
	}
	refused := Errorf(CodeInvalidDefinition, "columns of source %s can't be taken from its records: %v", def.Name, err)
	if errors.Is(err, source.ErrNothingToDescribe) {
		return nil, nil, refused.WithHint("Write some records first, or l"+list, def.Name)
	}
	return nil, nil, refused.WithHint("L"+list, def.Name)
}

func (db *DB) askRecords(ctx context.Context, def *catalog.SourceDefinition) (source.Description, error) {
	describer, ok := db.opts.Engine.Connectors[def.Connector].(source.Describer)
	if !ok {
		return source.Description{}, source.ErrUndescribed
	}
	return describer.Describe(ctx, source.Spec{
		Name: def.Name, Options: def.Options, Format: def.Format, Encode: def.Encode, EncodeOptions: def.EncodeOptions,
		Parquet: db.engine.Parquet(), Logger: db.opts.Engine.Logger,
	})
}
