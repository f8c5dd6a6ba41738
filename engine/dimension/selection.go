package dimension

import (
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/view"
)

// SelectSQL reads what a join needs of its table: the rows of a Copy.
func SelectSQL(j *view.Join) string {
	return "SELECT " + ItemsSQL(j) + " FROM history.main." + history.Quote(j.Table) + WhereSQL(j)
}

// ItemsSQL is what a join selects of its table: the keys, then the columns.
func ItemsSQL(j *view.Join) string {
	items := make([]string, 0, len(j.Keys)+len(j.Columns))
	for i, k := range j.Keys {
		items = append(items, fmt.Sprintf("TRY(%s) AS j%d", k.Table, i))
	}
	for _, c := range j.Columns {
		items = append(items, history.Quote(c.Column))
	}
	return strings.Join(items, ", ")
}

// WhereSQL picks the rows of the table that can match, behind a space, "" for all.
func WhereSQL(j *view.Join) string {
	if j.Where == "" {
		return ""
	}
	return " WHERE TRY(" + j.Where + ")"
}

// Columns are those of ItemsSQL.
func Columns(j *view.Join) []batch.Column {
	columns := make([]batch.Column, 0, len(j.Keys)+len(j.Columns))
	for i, k := range j.Keys {
		columns = append(columns, batch.Column{Name: fmt.Sprint("j", i), Type: k.Row.Type})
	}
	for i, c := range j.Columns {
		columns = append(columns, batch.Column{Name: fmt.Sprint("c", i), Type: c.Type})
	}
	return columns
}

// ShareKey is equal for joins that can share a copy.
func ShareKey(j *view.Join) string {
	key := SelectSQL(j)
	for _, k := range j.Keys {
		key += " " + k.Row.Type.String()
	}
	return key
}
