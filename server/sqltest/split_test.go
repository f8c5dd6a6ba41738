package sqltest

import (
	"context"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/query/parser"
)

// insert is an INSERT … VALUES, taken apart.
type insert struct {
	prefix string // up to VALUES
	rows   [][]string
}

// insertOf returns an INSERT whose rows are written out, nil for any other statement.
func insertOf(sql string) *insert {
	tree, ok := insertTree(sql)
	if !ok {
		return nil
	}
	rows, _ := parser.Cells(tree.Query.SQL)
	if rows == nil {
		return nil
	}
	in := &insert{prefix: sql[:tree.Query.Offset]}
	for _, row := range rows {
		var texts []string
		for _, c := range row {
			texts = append(texts, c.Text)
		}
		in.rows = append(in.rows, texts)
	}
	return in
}

func insertTree(sql string) (*parser.Insert, bool) {
	tree, err := parser.Parse(sql)
	if err != nil {
		return nil, false
	}
	in, ok := tree.(*parser.Insert)
	return in, ok && in.Conflict == nil && in.Query.SQL != ""
}

func values(rows [][]string) string {
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = "(" + strings.Join(row, ", ") + ")"
	}
	return "VALUES " + strings.Join(lines, ", ")
}

const (
	batchRows  = 4096
	singleRows = 300 // an INSERT of more rows is cut into so many pieces
)

// neighbours returns how many of the first records are INSERTs that can be one.
func neighbours(recs []Record) int {
	first := insertOf(recs[0].SQL)
	if first == nil || recs[0].Kind != OK && recs[0].Kind != Count {
		return 0
	}
	n, rows := 1, len(first.rows)
	for _, r := range recs[1:] {
		in := insertOf(r.SQL)
		if in == nil || r.Kind != OK && r.Kind != Count || in.prefix != first.prefix || r.Connection != recs[0].Connection || r.Skip != nil || r.Only != nil {
			break
		}
		if rows += len(in.rows); rows > batchRows {
			break
		}
		n++
	}
	return n
}

// literals are the types whose text is also their literal.
var literals = []uint32{16, 20, 21, 23, 25, 700, 701, 1043, 1082, 1083, 1114, 1184, 1186, 1700, 2950, 114}

// rowByRow cuts an INSERT into one for each row. The rows of INSERT … SELECT
// are asked for first. Other statements stay as they are.
func rowByRow(ctx context.Context, d *database, c *client, sql string) ([]string, error) {
	in := insertOf(sql)
	if tree, ok := insertTree(sql); ok && in == nil {
		result, err := d.exec(ctx, c, tree.Query.SQL)
		if err != nil {
			return nil, err
		}
		in = &insert{prefix: sql[:tree.Query.Offset]}
		for _, f := range result.FieldDescriptions {
			if !slices.Contains(literals, f.DataTypeOID) {
				return []string{sql}, nil
			}
		}
		for _, row := range result.Rows {
			var texts []string
			for _, v := range row {
				if v == nil {
					texts = append(texts, "NULL")
				} else {
					texts = append(texts, "'"+strings.ReplaceAll(string(v), "'", "''")+"'")
				}
			}
			in.rows = append(in.rows, texts)
		}
	}
	if in == nil || len(in.rows) == 0 {
		return []string{sql}, nil
	}
	var pieces []string
	for rows := range slices.Chunk(in.rows, len(in.rows)/singleRows+1) {
		pieces = append(pieces, in.prefix+values(rows))
	}
	return pieces, nil
}
