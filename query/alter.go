package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/query/definition"
	"github.com/millstream-db/millstream/query/parser"
)

// object finds what a statement speaks of. It returns the kind "" and a notice
// when there is nothing of the name and the statement does not mind.
func (db *DB) object(kind parser.ObjectKind, name parser.Name, ifExists bool) (found string, notice string, err error) {
	found = db.kind(name.Name)
	if name.Schema != "" && name.Schema != publicSchema {
		found = ""
	}
	wanted := map[parser.ObjectKind]string{parser.Source: catalog.KindSource, parser.MaterializedView: catalog.KindView}[kind]
	switch {
	case found == "" && db.engine.Jobs().Building(name.Name) != nil:
		return "", "", db.engine.Jobs().Building(name.Name)
	case found == "" && ifExists:
		return "", fmt.Sprintf("relation %q does not exist, skipping", name.Name), nil
	case found == "":
		return "", "", missing(kind, name)
	case wanted != "" && found != wanted:
		return "", "", &parser.Error{Code: CodeWrongObjectType, Offset: name.Offset,
			Message: fmt.Sprintf("%q is a %s, not a %s", name.Name, kindName(found), kindName(wanted))}
	}
	return found, "", nil
}

// alter runs ALTER.
func (db *DB) alter(ctx context.Context, t *parser.Alter) (notices []string, err error) {
	kind, notice, err := db.object(t.Kind, t.Name, t.IfExists)
	if err != nil || kind == "" {
		return []string{notice}, err
	}
	name := t.Name.Name
	switch a := t.Action.(type) {
	case parser.RenameTo:
		err = db.rename(ctx, kind, name, a.Name.Name)
	case parser.SwapWith:
		err = db.swapViews(ctx, t.Name, a.Name)
	case parser.AddColumn:
		notice, err = db.addColumn(ctx, kind, name, a)
	case parser.SetOptions:
		err = db.setOptions(ctx, kind, name, a.Options)
	case parser.Pause:
		if kind == catalog.KindView {
			notice, err = db.pauseView(ctx, name, a.Resume)
		} else {
			notice, err = db.pause(ctx, name, a)
		}
	default:
		err = Errorf(CodeInternal, "ALTER with %T", a)
	}
	if errors.Is(err, engine.ErrDependents) {
		err = Errorf(CodeDependentObjects, "%v", err).WithHint("The name is part of their queries. Drop them first, and create them again with the new name.")
	}
	if errors.Is(err, engine.ErrExists) {
		err = Errorf(CodeDuplicateTable, "%v", err).WithHint("Choose another name.")
	}
	if err == nil && notice != "" {
		notices = []string{notice}
	}
	return notices, err
}

// restate changes a stored CREATE statement.
func restate(sql string, change func(parser.Statement)) (string, error) {
	tree, err := parser.Parse(sql)
	if err != nil {
		return "", fmt.Errorf("the stored statement can't be read: %w", err)
	}
	change(tree)
	switch c := tree.(type) {
	case *parser.CreateSource:
		return parser.FormatCreateSource(c, false), nil
	case *parser.CreateTable:
		return parser.FormatCreateTable(c), nil
	case *parser.CreateView:
		return parser.FormatCreateView(c, false), nil
	}
	return "", fmt.Errorf("the stored statement is a %T", tree)
}

// renamed returns the statement that creates the object under another name.
func renamed(sql, name string) (string, error) {
	return restate(sql, func(tree parser.Statement) {
		switch c := tree.(type) {
		case *parser.CreateSource:
			c.Name.Name = name
		case *parser.CreateTable:
			c.Name.Name = name
		case *parser.CreateView:
			c.Name.Name = name
		}
	})
}

func (db *DB) rename(ctx context.Context, kind, name, to string) error {
	switch kind {
	case catalog.KindSource:
		return db.engine.AlterSource(ctx, name, func(d *catalog.SourceDefinition) (err error) {
			d.Name = to
			d.SQL, err = renamed(d.SQL, to)
			return err
		})
	case catalog.KindTable:
		return db.engine.AlterTable(ctx, name, func(d *catalog.TableDefinition) (err error) {
			d.Name = to
			d.SQL, err = renamed(d.SQL, to)
			return err
		})
	}
	return db.engine.AlterView(ctx, name, func(d *catalog.ViewDefinition) (err error) {
		d.Plan.Name = to
		d.SQL, err = renamed(d.SQL, to)
		return err
	})
}

func (db *DB) swapViews(ctx context.Context, a, b parser.Name) error {
	if _, _, err := db.object(parser.MaterializedView, b, false); err != nil {
		return err
	}
	if a.Name == b.Name {
		return &parser.Error{Code: CodeInvalidParameter, Message: fmt.Sprintf("materialized view %q can't be swapped with itself", a.Name), Offset: b.Offset}
	}
	return db.engine.SwapViews(ctx, a.Name, b.Name, func(first, second *catalog.ViewDefinition) (err error) {
		first.Plan.Name, second.Plan.Name = b.Name, a.Name
		if first.SQL, err = renamed(first.SQL, b.Name); err == nil {
			second.SQL, err = renamed(second.SQL, a.Name)
		}
		return err
	})
}

func (db *DB) addColumn(ctx context.Context, kind, name string, a parser.AddColumn) (notice string, err error) {
	c := a.Column
	typ, err := batch.ParseType(c.Type)
	if err != nil {
		return "", &parser.Error{Code: CodeUndefinedObject, Message: err.Error(), Offset: c.TypeOffset}
	}
	if c.Expr != "" {
		return "", &parser.Error{Code: CodeFeatureNotSupported, Message: "a generated column can't be added to what is there", Offset: c.ExprOffset,
			Hint: "Compute it in the view, or create the object again."}
	}
	if s := db.engine.Sources()[name]; c.Path != "" && (kind == catalog.KindTable || s != nil && s.Connector != "kafka") {
		return "", definition.PathError(c)
	}
	exists := taken(name, c)
	if kind == catalog.KindTable {
		err = db.engine.AlterTable(ctx, name, func(d *catalog.TableDefinition) (err error) {
			if has(d.Schema().Columns, c.Name) {
				return exists
			}
			d.Columns = append(d.Columns, catalog.TableColumn{Name: c.Name, Type: typ})
			d.SQL, err = restate(d.SQL, func(tree parser.Statement) {
				t := tree.(*parser.CreateTable)
				t.Columns = append(t.Columns, parser.TableColumn{Name: c.Name, Type: c.Type})
			})
			return err
		})
	} else {
		err = db.engine.AlterSource(ctx, name, func(d *catalog.SourceDefinition) error { return widen(d, c, typ, exists) })
	}
	if a.IfNotExists && errors.Is(err, exists) {
		return exists.Error() + ", skipping", nil
	}
	return "", err
}

// taken is the error of a column that a relation has already.
func taken(relation string, c parser.Column) error {
	return &parser.Error{Code: "42701", Message: fmt.Sprintf("column %q of relation %q already exists", c.Name, relation), Offset: c.Offset}
}

func has(columns []batch.Column, name string) bool {
	return slices.ContainsFunc(columns, func(h batch.Column) bool { return strings.EqualFold(h.Name, name) })
}

// widen adds a column to a source's definition and statement. It returns exists if
// there is one of its name.
func widen(d *catalog.SourceDefinition, c parser.Column, typ batch.Type, exists error) (err error) {
	if has(d.Schema().Columns, c.Name) {
		return exists
	}
	if late := d.LateSchema().Columns; has(late[:len(late)-len(d.Schema().Columns)], c.Name) {
		return &parser.Error{Code: "42701", Offset: c.Offset, Message: fmt.Sprintf("column name %q is taken in %s%s", c.Name, d.Name, catalog.LateSuffix),
			Hint: "Choose another name, or create the source again with the column."}
	}
	d.Columns = append(d.Columns, catalog.SourceColumn{Name: c.Name, Type: typ, Path: c.Path})
	d.SQL, err = restate(d.SQL, func(tree parser.Statement) {
		t := tree.(*parser.CreateSource)
		t.Columns = append(t.Columns, parser.Column{Name: c.Name, Type: c.Type, Path: c.Path})
	})
	return err
}

// retype gives a column of a source's definition and statement another type.
func retype(d *catalog.SourceDefinition, i int, typ batch.Type) (err error) {
	d.Columns[i].Type = typ
	d.SQL, err = restate(d.SQL, func(tree parser.Statement) {
		for k, c := range tree.(*parser.CreateSource).Columns {
			if strings.EqualFold(c.Name, d.Columns[i].Name) {
				tree.(*parser.CreateSource).Columns[k].Type = typ.String()
			}
		}
	})
	return err
}

// growSource adds the columns that records of a source have brought, and gives those
// that it has the types that they need, if their reader, whose context it is, is
// still there: there may be another source of the name by now.
func (db *DB) growSource(reader context.Context, name string, columns []batch.Column) error {
	return db.engine.AlterSource(context.WithoutCancel(reader), name, func(d *catalog.SourceDefinition) error {
		if reader.Err() != nil {
			return reader.Err()
		}
		for _, column := range columns {
			if i := slices.IndexFunc(d.Columns, func(had catalog.SourceColumn) bool { return had.Name == column.Name }); i >= 0 {
				if err := retype(d, i, column.Type); err != nil {
					return err
				}
				continue
			}
			c := parser.Column{Name: column.Name, Type: column.Type.String(), Offset: parser.NoOffset}
			if err := widen(d, c, column.Type, taken(name, c)); err != nil {
				return err
			}
		}
		return nil
	})
}

// optionName gives an option that has several names one of them.
func optionName(name string) string {
	switch name {
	case "idle-timeout", "scan.watermark.idle-timeout":
		return "watermark.idle_timeout"
	}
	return name
}

// withOptions returns options with some of them replaced or added.
func withOptions(had, set []parser.Option) []parser.Option {
	out := slices.Clone(had)
	for _, o := range set {
		i := slices.IndexFunc(out, func(h parser.Option) bool { return optionName(h.Name) == optionName(o.Name) })
		if i < 0 {
			out = append(out, o)
		} else {
			out[i] = o
		}
	}
	return out
}

// Options behind ENCODE that can be changed: a schema registry may move, and
// another decision be taken about what its schemas bring.
const (
	schemaOptions   = "schema."
	registryOptions = "schema.registry"
	evolutionOption = "schema.evolution"
)

// lossOption says what becomes of a partition of which the broker has lost offsets:
// whoever has seen that may decide.
const lossOption = "on_data_loss"

func (db *DB) setOptions(ctx context.Context, kind, name string, options []parser.Option) error {
	fixed := func(o parser.Option, hint string) error {
		return &parser.Error{Code: CodeFeatureNotSupported, Message: fmt.Sprintf("option %s of a %s can't be changed", o.Name, kindName(kind)), Hint: hint, Offset: o.Offset}
	}
	switch kind {
	case catalog.KindTable:
		return fixed(options[0], "A table has no options.")
	case catalog.KindView:
		return db.engine.AlterView(ctx, name, func(d *catalog.ViewDefinition) (err error) {
			for _, o := range options {
				if o.Name == definition.TTLOption {
					return fixed(o, "Groups that have expired can't come back: CREATE OR REPLACE the view with another ttl.")
				}
				if o.Name != "retention" {
					return fixed(o, "The option that can be changed is retention.")
				}
				if d.Plan.Retention, err = parser.ParseDuration(o.Value); err != nil {
					return &parser.Error{Code: CodeInvalidParameter, Message: fmt.Sprintf("option retention: %v", err), Offset: o.ValueOffset}
				}
			}
			d.SQL, err = restate(d.SQL, func(tree parser.Statement) {
				c := tree.(*parser.CreateView)
				c.Options = withOptions(c.Options, options)
			})
			return err
		})
	}
	return db.engine.AlterSource(ctx, name, func(d *catalog.SourceDefinition) (err error) {
		for _, o := range options {
			switch n := optionName(o.Name); {
			case n == "retention", n == "watermark.idle_timeout", n == "watermark.max_future":
			case (strings.HasPrefix(n, "properties.") || n == lossOption) && d.Connector != "":
			case (strings.HasPrefix(n, registryOptions) || n == evolutionOption) && (d.Encode == "AVRO" || d.Encode == "PROTOBUF" || d.EncodeOptions[registryOptions] != ""):
			default:
				return fixed(o, "Options that can be changed are retention, watermark.idle_timeout, watermark.max_future, on_data_loss, properties.… and, of records that have schemas, schema.registry.… and schema.evolution. For others, create the source again.")
			}
		}
		var wrong error
		d.SQL, err = restate(d.SQL, func(tree parser.Statement) {
			c := tree.(*parser.CreateSource)
			schema, with := parser.SplitOptions(options, schemaOptions)
			c.Options, c.EncodeOptions = withOptions(c.Options, with), withOptions(c.EncodeOptions, schema)
			d.Retention, d.IdleTimeout, d.MaxFuture = 0, 0, 0
			wrong = definition.Options(c, d)
		})
		if err = errors.Join(err, wrong); err != nil {
			return err
		}
		if err := db.engine.Validate(d); err != nil {
			return Errorf(CodeInvalidParameter, "source %s: %v", name, err)
		}
		return nil
	})
}

func (db *DB) pause(ctx context.Context, name string, a parser.Pause) (notice string, err error) {
	err = db.engine.AlterSource(ctx, name, func(d *catalog.SourceDefinition) error {
		switch {
		case d.Connector == "":
			return &parser.Error{Code: CodeWrongObjectType, Message: fmt.Sprintf("source %q has no connector that could be paused", name), Offset: a.Offset}
		case a.Resume && !d.Paused:
			notice = fmt.Sprintf("source %q is not paused", name)
		case !a.Resume && d.Paused:
			notice = fmt.Sprintf("source %q is paused already", name)
		}
		d.Paused = !a.Resume
		return nil
	})
	return notice, err
}

// pauseView runs ALTER MATERIALIZED VIEW … PAUSE and RESUME.
func (db *DB) pauseView(ctx context.Context, name string, resume bool) (notice string, err error) {
	var changed bool
	if resume {
		changed, err = db.engine.ResumeView(ctx, name)
		notice = fmt.Sprintf("materialized view %q is not paused", name)
	} else {
		changed, err = db.engine.PauseView(ctx, name)
		notice = fmt.Sprintf("materialized view %q is paused already", name)
	}
	if changed || err != nil {
		notice = ""
	}
	if errors.Is(err, engine.ErrNotResumable) {
		err = Errorf(CodeFeatureNotSupported, "%v", err).WithHint("Drop the view instead, and create it again.")
	}
	return notice, err
}

// comment runs COMMENT ON.
func (db *DB) comment(ctx context.Context, t *parser.Comment) error {
	kind, _, err := db.object(t.Kind, t.Name, false)
	if err != nil {
		return err
	}
	check := func(columns []batch.Column) error {
		if t.Column == "" || slices.ContainsFunc(columns, func(c batch.Column) bool { return c.Name == t.Column }) {
			return nil
		}
		return &parser.Error{Code: CodeUndefinedColumn, Message: fmt.Sprintf("column %q of relation %q does not exist", t.Column, t.Name.Name), Offset: t.ColumnOffset}
	}
	switch kind {
	case catalog.KindSource:
		return db.engine.AlterSource(ctx, t.Name.Name, func(d *catalog.SourceDefinition) error {
			d.Comments = d.Comments.With(t.Column, t.Text)
			return check(d.Schema().Columns[:len(d.Columns)])
		})
	case catalog.KindTable:
		return db.engine.AlterTable(ctx, t.Name.Name, func(d *catalog.TableDefinition) error {
			d.Comments = d.Comments.With(t.Column, t.Text)
			return check(d.Schema().Columns)
		})
	}
	return db.engine.AlterView(ctx, t.Name.Name, func(d *catalog.ViewDefinition) error {
		d.Comments = d.Comments.With(t.Column, t.Text)
		return check(d.Plan.Columns)
	})
}
