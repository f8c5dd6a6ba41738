// Package definition turns what CREATE SOURCE says into the definition that the
// engine takes: columns, watermark, primary key and options; and what CREATE
// MATERIALIZED VIEW says beside its query. It binds no expressions and looks nothing up.
package definition

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// Source returns the definition that a CREATE SOURCE gives; sql is its text. bind
// completes generated columns, once the columns are known.
func Source(t *parser.CreateSource, sql string, bind func(*catalog.SourceDefinition) error) (*catalog.SourceDefinition, error) {
	def := &catalog.SourceDefinition{Name: t.Name.Name, SQL: sql, Format: t.Format, Encode: t.Encode, KeyEncode: t.KeyEncode}
	if len(t.Columns) == 0 || t.Star != nil {
		return nil, sqlstate.Errorf(sqlstate.CodeInvalidDefinition, "source %s has no columns", def.Name).WithHint("List them: CREATE SOURCE %s (id BIGINT, …).", def.Name)
	}
	seen := make(map[string]bool)
	for _, c := range t.Columns {
		typ, err := batch.ParseType(c.Type)
		if err != nil {
			return nil, &parser.Error{Code: sqlstate.CodeUndefinedObject, Message: err.Error(), Offset: c.TypeOffset}
		}
		if seen[strings.ToLower(c.Name)] {
			return nil, &parser.Error{Code: "42701", Message: fmt.Sprintf("column %q specified more than once", c.Name), Offset: c.Offset}
		}
		seen[strings.ToLower(c.Name)] = true
		if c.Part == string(source.Headers) && typ.Kind != batch.JSON && typ.Kind != batch.Varchar {
			return nil, &parser.Error{Code: sqlstate.CodeDatatypeMismatch, Message: fmt.Sprintf("all headers together are JSON, and column %q is of type %s", c.Name, typ), Offset: c.TypeOffset,
				Hint: "Write INCLUDE headers AS name, or INCLUDE header 'its name' BIGINT AS name for one of them."}
		}
		def.Columns = append(def.Columns, catalog.SourceColumn{Name: c.Name, Type: typ, Path: c.Path, Part: source.Part(c.Part), PartName: c.PartName})
	}
	if err := bind(def); err != nil {
		return nil, err
	}
	if err := watermark(t, def); err != nil {
		return nil, err
	}
	if err := primaryKey(t, def); err != nil {
		return nil, err
	}
	return def, Options(t, def)
}

// places checks that columns which say where in a record they are have records.
func places(t *parser.CreateSource, def *catalog.SourceDefinition) error {
	if def.Connector == "kafka" {
		return nil
	}
	for _, c := range t.Columns {
		switch {
		case c.Part != "":
			return &parser.Error{Code: sqlstate.CodeInvalidParameter, Offset: c.Offset, Message: fmt.Sprintf("INCLUDE %s needs connector = 'kafka', whose records have one", c.Part),
				Hint: "Declare an ordinary column for what INSERT or another connector gives."}
		case c.Path != "":
			return PathError(c)
		}
	}
	return nil
}

// PathError is the error for a column with a path where there are no records.
func PathError(c parser.Column) error {
	return &parser.Error{Code: sqlstate.CodeInvalidParameter, Offset: c.PathOffset, Message: fmt.Sprintf("the path of column %q needs connector = 'kafka', whose records have one", c.Name),
		Hint: "Leave PATH out, or take the value out of a JSON column: name type AS (record->>'$.payment.total')."}
}

func watermark(t *parser.CreateSource, def *catalog.SourceDefinition) error {
	if t.Watermark == nil {
		return nil
	}
	names := make([]string, len(def.Columns))
	for i, c := range def.Columns {
		names[i] = c.Name
	}
	column, delay, err := parser.ParseWatermark(t.Watermark.Expr, names)
	if err != nil {
		var e *parser.Error
		if errors.As(err, &e) && e.Offset >= 0 {
			e.Offset += t.Watermark.ExprOffset
		}
		return err
	}
	if !strings.EqualFold(column, t.Watermark.Column) {
		return &parser.Error{Code: sqlstate.CodeInvalidDefinition, Offset: t.Watermark.ExprOffset,
			Message: fmt.Sprintf("the watermark for column %q must be computed from that column, not from %q", t.Watermark.Column, column)}
	}
	for _, c := range def.Columns {
		if c.Name == column && c.Type.Kind != batch.Timestamp && c.Type.Kind != batch.TimestampTZ {
			return &parser.Error{Code: sqlstate.CodeDatatypeMismatch, Offset: t.Watermark.Offset,
				Message: fmt.Sprintf("the watermark's column %q is of type %s", column, c.Type),
				Hint:    "It must be TIMESTAMP or TIMESTAMPTZ; a generated column can convert it."}
		}
	}
	def.EventTime, def.DelayMicros = column, delay
	return nil
}

// keyedFormats are those whose records say what has become of the row of a key.
var keyedFormats = []string{"UPSERT", "DEBEZIUM"}

// primaryKey finds the columns of the key of the keyedFormats.
func primaryKey(t *parser.CreateSource, def *catalog.SourceDefinition) error {
	fail := func(offset int, code, hint, format string, args ...any) error {
		return &parser.Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint, Offset: offset}
	}
	switch keyed := slices.Contains(keyedFormats, t.Format); {
	case t.PrimaryKey == nil && !keyed, !keyed && t.Format != "" && t.Format != "PLAIN": // which the connector refuses
		return nil
	case !keyed:
		return fail(t.PrimaryKey[0].Offset, sqlstate.CodeInvalidDefinition, "Write FORMAT UPSERT ENCODE JSON for a topic whose records replace each other by key, FORMAT DEBEZIUM ENCODE JSON for one of a table's changes, or leave PRIMARY KEY out.",
			"source %s has a primary key, but keeps every record", def.Name)
	case t.PrimaryKey == nil:
		return fail(parser.NoOffset, sqlstate.CodeInvalidDefinition, fmt.Sprintf("Say which columns tell rows apart: CREATE SOURCE %s (…, PRIMARY KEY (id)).", def.Name),
			"source %s of FORMAT %s has no primary key", def.Name, t.Format)
	case t.Watermark != nil:
		return fail(t.Watermark.Offset, sqlstate.CodeInvalidDefinition, "Leave it out: views join the source, and take the time from the stream that they read.",
			"source %s of FORMAT %s can't have a watermark: it keeps the latest row of each key", def.Name, t.Format)
	}
	for _, k := range t.PrimaryKey {
		at := slices.IndexFunc(def.Columns, func(c catalog.SourceColumn) bool { return strings.EqualFold(c.Name, k.Name) })
		switch {
		case at < 0:
			return fail(k.Offset, sqlstate.CodeUndefinedColumn, "", "column %q named in key does not exist", k.Name)
		case slices.Contains(def.Key, at):
			return fail(k.Offset, "42701", "", "column %q appears twice in primary key", k.Name)
		case def.Columns[at].Part != "":
			return fail(k.Offset, sqlstate.CodeInvalidDefinition, "The key's columns come from the record's key.", "column %q is another part of the record, and can't be in the primary key", k.Name)
		case def.Columns[at].Generated != "":
			return fail(k.Offset, sqlstate.CodeInvalidDefinition, "The key's columns come from the record's key.", "generated column %q can't be in the primary key", k.Name)
		case !fitsKey(def.Columns[at].Type):
			return fail(k.Offset, sqlstate.CodeInvalidDefinition, "Declare it as VARCHAR.", "column %q of type %s can't be in the primary key", k.Name, def.Columns[at].Type)
		}
		def.Key = append(def.Key, at)
	}
	return nil
}

// fitsKey reports whether two values of a type are equal just when they are
// the same.
func fitsKey(t batch.Type) bool {
	return t.Kind != batch.Interval && t.Kind != batch.JSON && t.Nested == nil
}

// Options sorts WITH options into Millstream's own and the connector's.
func Options(t *parser.CreateSource, def *catalog.SourceDefinition) error {
	def.Options = make(map[string]string)
	duration := func(o parser.Option, to *time.Duration) error {
		d, err := parser.ParseDuration(o.Value)
		if err != nil {
			return &parser.Error{Code: sqlstate.CodeInvalidParameter, Message: fmt.Sprintf("option %s: %v", o.Name, err), Offset: o.ValueOffset}
		}
		*to = d
		return nil
	}
	for _, o := range t.Options {
		var err error
		switch o.Name {
		case "connector":
			def.Connector = strings.ToLower(o.Value)
			def.Options[o.Name] = def.Connector
		case "retention":
			err = duration(o, &def.Retention)
		case "watermark.idle_timeout", "idle-timeout", "scan.watermark.idle-timeout":
			err = duration(o, &def.IdleTimeout)
		case "watermark.max_future":
			err = duration(o, &def.MaxFuture)
		case "history":
			switch strings.ToLower(o.Value) {
			case "on", "true":
			case "off", "false":
				def.NoHistory = true
			default:
				err = &parser.Error{Code: sqlstate.CodeInvalidParameter, Message: fmt.Sprintf("option history must be 'on' or 'off', not %q", o.Value), Offset: o.ValueOffset}
			}
		default:
			def.Options[o.Name] = o.Value
		}
		if err != nil {
			return err
		}
	}
	if def.Keyed() {
		for _, o := range t.Options {
			if o.Name == "retention" || o.Name == "history" {
				return &parser.Error{Code: sqlstate.CodeInvalidParameter, Offset: o.Offset, Hint: "A row goes when its key is deleted, by a record without a value.",
					Message: fmt.Sprintf("option %s does not fit FORMAT %s, which keeps the latest row of each key", o.Name, def.Format)}
			}
		}
	}
	if err := places(t, def); err != nil {
		return err
	}
	def.EncodeOptions = parser.OptionMap(t.EncodeOptions)
	if def.Connector == "" && (len(def.EncodeOptions) > 0 || def.Encode != "" && def.Encode != "JSON" || def.KeyEncode != "") {
		return sqlstate.Errorf(sqlstate.CodeInvalidParameter, "source %s says how records are encoded but has no connector to read them", def.Name).
			WithHint("Add WITH (connector = 'kafka', …), or leave FORMAT and ENCODE out: INSERT gives values.")
	}
	if def.Connector == "" && len(t.Options) > 0 && len(def.Options) > 0 {
		return sqlstate.Errorf(sqlstate.CodeInvalidParameter, "source %s has options but no connector", def.Name).WithHint("Add connector = 'kafka' to WITH (…).")
	}
	if def.Format == "" {
		def.Format = "PLAIN"
	}
	if def.Encode == "" && def.Connector != catalog.FileConnector { // whose names say it
		def.Encode = "JSON"
	}
	return nil
}
