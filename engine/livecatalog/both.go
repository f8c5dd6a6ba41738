package livecatalog

import (
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/history"
)

// BothSQL is history and hot rows of one table: those of a table of the file, ""
// for none, and those that ms_scan finds under a name.
func BothSQL(columns []batch.Column, historyTable, relation string) string {
	names := history.Columns(columns)
	hot := "SELECT " + names + " FROM ms_scan(" + history.Literal(relation) + ")"
	if historyTable == "" {
		return hot
	}
	return "SELECT " + names + " FROM history.main." + history.Quote(historyTable) + " UNION ALL " + hot
}
