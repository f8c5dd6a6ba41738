package plan

import (
	"errors"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/query/plan/ast"
	"github.com/millstream-db/millstream/query/plan/bucket"
)

// Source is what the planner knows of a source.
type Source struct {
	Name    string
	Columns []batch.Column // all of them: generated and metadata columns come last
	Visible int            // * expands to the first Visible columns
	// EventTime is the name of the column that the source's watermark is for,
	// "" when it has no watermark.
	EventTime string
	Table     bool // a table, or a source of FORMAT UPSERT or DEBEZIUM: it can only be joined
	Keyed     bool // such a source
	Closed    bool // its rows are windows that have closed, or come from such: view.Window.OverClosed
	InOrder   bool // so they are, in the order of time: view.TTL.InOrder
}

// index returns the position of the named column in any letter case, or -1.
func (s *Source) index(name string) int {
	for i, c := range s.Columns {
		if strings.EqualFold(c.Name, name) {
			return i
		}
	}
	return -1
}

// bucket returns the windows that a group expression over the event time describes, nil
// for another expression.
func (s *Source) bucket(n ast.Node) *view.Window {
	at := s.index(s.EventTime)
	if at < 0 || !isTimestamp(s.Columns[at].Type) {
		return nil
	}
	return bucket.Window(n, s.EventTime, s.Columns[at].Type)
}

// relation is the FROM clause.
type relation struct {
	schema, name string
	alias        string // "" when there is none
	offset       int
	window       *windowCall // nil for a plain source
	joins        []*join     // tables, from left to right
}

// qualifier is the name by which columns can be qualified.
func (r *relation) qualifier() string {
	if r.alias != "" {
		return r.alias
	}
	return r.name
}

// readFrom reads the FROM clause.
func (s *statement) readFrom(from ast.Node) (relation, error) {
	r := relation{alias: from.Str("alias"), offset: from.Location()}
	if len(from.Strings("column_name_alias")) > 0 {
		return r, fail(codeUnsupported, r.offset, "column aliases in FROM are not supported in a materialized view").
			hint("name the columns in the SELECT list")
	}
	switch from.Kind() {
	case "BASE_TABLE":
		return r, r.readTable(from)
	case "TABLE_FUNCTION":
		return r, s.readWindowCall(&r, from.Child("function"))
	case "EMPTY":
		return r, fail(codeUnsupported, -1, "a materialized view reads from a source").hint("write FROM and a source's name")
	case "JOIN":
		return s.readJoin(from)
	case "SUBQUERY":
		return r, fail(codeUnsupported, s.keyword("FROM"), "subqueries in FROM are not supported in a materialized view").
			hint("write the SELECT over the source itself")
	default:
		return r, fail(codeUnsupported, s.keyword("FROM"), "a materialized view reads from one source").hint("write FROM and a source's name")
	}
}

func (r *relation) readTable(from ast.Node) error {
	if from.Str("catalog_name") != "" {
		return fail(codeUnsupported, r.offset, "cross-database references are not implemented: %s.%s.%s",
			from.Str("catalog_name"), from.Str("schema_name"), from.Str("table_name")).hint("write schema.name")
	}
	if from["at_clause"] != nil {
		return fail(codeUnsupported, r.offset, "AT is not supported in a materialized view").hint("leave it out")
	}
	r.schema, r.name = from.Str("schema_name"), from.Str("table_name")
	return nil
}

// find looks the source up.
func (r *relation) find(lookup func(schema, name string) (*Source, error)) (*Source, error) {
	source, err := lookup(r.schema, r.name)
	var e *Error
	switch {
	case errors.Is(err, ErrView):
		return nil, fail(codeUnsupported, r.offset, "%q is a materialized view whose rows change, which no view can read yet", r.name).
			hint("a view reads sources, views without aggregation, and the closed windows of views over TUMBLE and its like: write the SELECT over the source that %q reads", r.name)
	case errors.As(err, &e):
		placed := *e
		placed.Offset = r.offset
		return nil, &placed
	case err != nil:
		return nil, err
	case source == nil:
		return nil, fail(codeUndefinedTable, r.offset, "source %q does not exist", r.name).
			hint("create it with CREATE SOURCE, or see SHOW SOURCES")
	case source.Keyed:
		return nil, fail(codeUnsupported, r.offset, "%q keeps the latest row of each key, and no view can read rows that change yet", r.name).
			hint("join it to a stream, FROM stream JOIN %s ON …, or aggregate it in the query", r.name)
	case source.Table:
		return nil, fail(codeUnsupported, r.offset, "%q is a table: a materialized view reads from a source, to which tables and sources of FORMAT UPSERT or DEBEZIUM are joined", r.name).
			hint(joinHint)
	}
	return source, nil
}
