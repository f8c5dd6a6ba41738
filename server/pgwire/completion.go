package pgwire

import (
	"strconv"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// countedTags are the command tags that PostgreSQL follows by the number of
// rows sent. INSERT has an OID before it, always 0 nowadays.
var countedTags = map[string]string{
	"SELECT": "SELECT ", "FETCH": "FETCH ", "MOVE": "MOVE ", "COPY": "COPY ",
	"INSERT": "INSERT 0 ", "UPDATE": "UPDATE ", "DELETE": "DELETE ", "MERGE": "MERGE ",
}

// commandTag returns the tag of CommandComplete. A session that knows a count
// that is not that of the rows sent has put it into the tag.
func commandTag(tag string, rows int64) string {
	if counted, ok := countedTags[tag]; ok {
		return counted + strconv.FormatInt(rows, 10)
	}
	return tag
}

// sendComplete sends CommandComplete.
func (w *writer) sendComplete(tag string, rows int64) {
	w.send(&pgproto3.CommandComplete{CommandTag: []byte(commandTag(tag, rows))})
}

// sendColumns sends RowDescription, or NoData when there are no columns.
func (w *writer) sendColumns(columns []query.Column, types []*wireType, formats []int16) {
	if columns == nil {
		w.send(&pgproto3.NoData{})
		return
	}
	fields := make([]pgproto3.FieldDescription, len(columns))
	for i, c := range columns {
		fields[i] = pgproto3.FieldDescription{
			Name:         []byte(wireText(columnName(c.Name))),
			DataTypeOID:  types[i].oid,
			DataTypeSize: types[i].size,
			TypeModifier: types[i].typmod,
			Format:       formats[i],
		}
	}
	w.send(&pgproto3.RowDescription{Fields: fields})
}

// columnName returns PostgreSQL's name of a column that DuckDB has named.
// Clients look for the count of count(*) under it.
func columnName(name string) string {
	if name == "count_star()" {
		return "count"
	}
	return name
}

func columnTypes(columns []query.Column) []*wireType {
	types := make([]*wireType, len(columns))
	for i, c := range columns {
		types[i] = parseType(c.Type)
	}
	return types
}

// sendError sends ErrorResponse with the given severity, ERROR or FATAL.
func (w *writer) sendError(severity string, e *query.Error) {
	w.send(&pgproto3.ErrorResponse{
		Severity:            severity,
		SeverityUnlocalized: severity,
		Code:                e.Code,
		Message:             wireText(e.Message),
		Detail:              wireText(e.Detail),
		Hint:                wireText(e.Hint),
		Position:            int32(e.Position),
	})
}

// sendNotices sends a result's notices.
func (w *writer) sendNotices(notices []string) {
	for _, n := range notices {
		severity, code := sqlstate.OfNotice(n)
		w.send(&pgproto3.NoticeResponse{Severity: severity, SeverityUnlocalized: severity, Code: code, Message: wireText(n)})
	}
}
