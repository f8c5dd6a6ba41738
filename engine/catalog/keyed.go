package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/history"
)

// NumberColumn is the hidden column that counts a keyed source's changes in the
// order in which they came.
const NumberColumn = "ms$number"

// Keyed reports whether the source keeps the latest row of each key (FORMAT
// UPSERT or DEBEZIUM). What a reader delivers of such a source is changes.
func (d *SourceDefinition) Keyed() bool { return len(d.Key) > 0 }

// RowSchema returns the columns of rows while they are hot: those of Schema, and
// for a keyed source whether the key was deleted, and the change's number.
func (d *SourceDefinition) RowSchema() *batch.Schema {
	s := d.Schema()
	if !d.Keyed() {
		return s
	}
	return batch.NewSchema(append(slices.Clone(s.WithDeleted().Columns), batch.Column{Name: NumberColumn, Type: batch.Type{Kind: batch.BigInt}}))
}

// DeliveredSchema returns the columns of a reader's batches: without generated
// columns, with metadata.
func (d *SourceDefinition) DeliveredSchema() *batch.Schema {
	s := d.Read().WithMetadata()
	if d.Keyed() {
		return s.WithDeleted()
	}
	return s
}

// DecodedKey returns the key's columns among those of Decoded.
func (d *SourceDefinition) DecodedKey() (key []int) {
	decoded := d.Decoded()
	for _, k := range d.Key {
		key = append(key, decoded.Index(d.Columns[k].Name))
	}
	return key
}

// Latest returns the table in the file that has the latest row of each key.
func (d *SourceDefinition) Latest() *TableDefinition {
	t := &TableDefinition{Name: d.Name, Key: d.Key}
	for i, c := range d.Schema().Columns {
		t.Columns = append(t.Columns, TableColumn{Name: c.Name, Type: c.Type, NotNull: slices.Contains(d.Key, i)})
	}
	return t
}

// LatestSQL returns a SELECT of columns of the latest rows: of the table in the
// file, whose catalog is history, and the changes in ms_scan(hot). Changes that
// the table has already do no harm.
func (d *SourceDefinition) LatestSQL(columns []batch.Column, hot string) string {
	names := history.Columns(columns)
	return fmt.Sprintf("SELECT %s FROM history.%s WHERE NOT EXISTS (FROM %s) AND %s NOT IN (SELECT %s FROM %s) UNION ALL SELECT %s FROM %s",
		names, d.Latest().Relation(), d.truncations(hot), d.keyTuple(), d.keyTuple(), scan(hot), names, d.newest(hot))
}

// MergeSQL returns the statements that bring the table in the file up to date
// with the changes in ms_scan(hot). truncated says that some change deletes all keys.
func (d *SourceDefinition) MergeSQL(hot string, truncated bool) []string {
	t := d.Latest()
	names := history.Columns(t.Schema().Columns) // columns that were added stand behind the metadata there
	replaced := fmt.Sprintf("DELETE FROM %s WHERE %s IN (SELECT %s FROM %s)", t.Relation(), d.keyTuple(), d.keyTuple(), scan(hot))
	if truncated {
		replaced = "DELETE FROM " + t.Relation()
	}
	return []string{replaced, fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s", t.Relation(), names, names, d.newest(hot))}
}

// newest is the last change of each key, unless that, or one of all keys behind it,
// deleted it.
func (d *SourceDefinition) newest(hot string) string {
	number := history.Quote(NumberColumn)
	return fmt.Sprintf("(SELECT * FROM %s WHERE %s > (SELECT coalesce(max(%s), 0) FROM %s) QUALIFY row_number() OVER (PARTITION BY %s ORDER BY %s DESC) = 1) WHERE NOT %s",
		scan(hot), number, number, d.truncations(hot), strings.Join(d.Latest().KeyColumns(""), ", "), number, history.Quote(batch.DeletedColumn))
}

// truncations are the changes that delete all keys: they have none of their own.
func (d *SourceDefinition) truncations(hot string) string {
	return fmt.Sprintf("%s WHERE %s IS NULL", scan(hot), d.Latest().KeyColumns("")[0])
}

// keyTuple is a row's key as one value, which is not NULL.
func (d *SourceDefinition) keyTuple() string {
	names := d.Latest().KeyColumns("")
	if len(names) == 1 {
		return names[0]
	}
	return "(" + strings.Join(names, ", ") + ")"
}

func scan(relation string) string { return "ms_scan(" + history.Literal(relation) + ")" }
