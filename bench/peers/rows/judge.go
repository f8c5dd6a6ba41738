package rows

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/millstream-db/millstream/bench/nexmark"
	"github.com/millstream-db/millstream/engine/duck"
)

// judgeMemory bounds what the judge takes beside the systems; what is more is in its files.
const judgeMemory = "2GB"

// bidColumns are those of the table bid.
const bidColumns = "{'auction': 'BIGINT', 'bidder': 'BIGINT', 'price': 'BIGINT', 'channel': 'VARCHAR', 'url': 'VARCHAR', 'date_time': 'TIMESTAMP', 'extra': 'VARCHAR'}"

// Judge is a DuckDB that has all bids of a topic in the table bid, and says of the
// rows of a query over them whether they are right. It is not safe for concurrent use.
type Judge struct {
	db   *duck.DB
	conn *duck.Conn
}

// NewJudge makes a database in a directory, which is empty, of the generator's first
// count bids. The caller closes it.
func NewJudge(ctx context.Context, dir string, g *nexmark.Generator, count int64) (*Judge, error) {
	db, err := duck.Open(filepath.Join(dir, "judge.duckdb"), duck.Options{MemoryLimit: judgeMemory, TempDirectory: filepath.Join(dir, "temp")})
	if err != nil {
		return nil, err
	}
	j := &Judge{db: db}
	if j.conn, err = db.Conn(); err == nil {
		err = j.fill(ctx, filepath.Join(dir, "bids.csv"), g, count)
	}
	if err != nil {
		j.Close()
		return nil, fmt.Errorf("fill the judge: %w", err)
	}
	return j, nil
}

// fill makes the table bid by way of a file.
func (j *Judge) fill(ctx context.Context, path string, g *nexmark.Generator, count int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for n := range count {
		b := g.Bid(n)
		fmt.Fprintf(w, "%d,%d,%d,%s,%s,%s,%s\n", b.Auction, b.Bidder, b.Price, b.Channel, b.URL, b.At.UTC().Format("2006-01-02 15:04:05.000"), b.Extra)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		return err
	}
	return errors.Join(j.conn.Exec(ctx, "CREATE TABLE bid AS SELECT * FROM "+readCSV([]string{path}, bidColumns)), os.Remove(path))
}

// readCSV is the table function that reads files without a header.
func readCSV(files []string, columns string) string {
	return fmt.Sprintf("read_csv(['%s'], auto_detect = false, header = false, delim = ',', quote = '\"', columns = %s)", strings.Join(files, "', '"), columns)
}

// Close gives up the database.
func (j *Judge) Close() {
	if j.conn != nil {
		j.conn.Close()
	}
	j.db.Close()
}

// column is one of a query's columns.
type column struct{ name, kind string }

// Columns returns the names of a query's columns.
func (j *Judge) Columns(ctx context.Context, query string) ([]string, error) {
	columns, err := j.columns(ctx, query)
	var names []string
	for _, c := range columns {
		names = append(names, c.name)
	}
	return names, err
}

func (j *Judge) columns(ctx context.Context, query string) ([]column, error) {
	found, err := j.conn.Query(ctx, "SELECT column_name, column_type FROM (DESCRIBE "+subquery(query)+")")
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", query, err)
	}
	defer found.Close()
	var list []column
	for {
		more, err := found.Next()
		if err != nil || !more {
			return list, err
		}
		var c column
		if err := found.Scan(&c.name, &c.kind); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
}

// Compare reads all files below dir whose names end in .csv and compares their
// lines, which have the query's columns in its order, with the query's rows: each
// must be there as often as it is right, in any order. The error wraps ErrWrong when rows are missing,
// too many or different.
func (j *Judge) Compare(ctx context.Context, query, dir string) error {
	columns, err := j.columns(ctx, query)
	if err != nil {
		return err
	}
	files, err := csvFiles(dir)
	if err != nil {
		return err
	}
	if err := j.read(ctx, subquery(query), columns, files); err != nil {
		return err
	}
	return j.differences(ctx, subquery(query))
}

// subquery is a statement as it may stand in parentheses.
func subquery(query string) string { return strings.TrimSuffix(strings.TrimSpace(query), ";") }

// csvFiles returns the files with rows below a directory.
func csvFiles(dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".csv" && !strings.HasPrefix(d.Name(), ".") {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

// read makes the table found of the files' lines. Their texts are cast to what the
// query has, so that a time or a number may be written in several ways.
func (j *Judge) read(ctx context.Context, query string, columns []column, files []string) error {
	var texts, casts []string
	for i, c := range columns {
		texts = append(texts, fmt.Sprintf("'c%d': 'VARCHAR'", i))
		casts = append(casts, fmt.Sprintf(`CAST(c%d AS %s) AS "%s"`, i, c.kind, c.name))
	}
	found := "SELECT " + strings.Join(casts, ", ") + " FROM " + readCSV(files, "{"+strings.Join(texts, ", ")+"}")
	if len(files) == 0 { // which read_csv refuses
		found = "SELECT * FROM (" + query + ") LIMIT 0"
	}
	err := j.conn.Exec(ctx, "CREATE OR REPLACE TEMP TABLE found AS "+found)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil: // a line that is not what the query's rows look like; the rest of the text is our SQL
		text, _, _ := strings.Cut(err.Error(), "\n")
		return fmt.Errorf("%w: %s", ErrWrong, text)
	}
	return nil
}

// differences compares the table found with a query's rows.
func (j *Judge) differences(ctx context.Context, query string) error {
	const compare = `
WITH counted AS (SELECT *, 1 AS "#" FROM found UNION ALL SELECT *, -1 FROM (%s)),
different AS (SELECT * EXCLUDE "#", sum("#")::BIGINT AS more FROM counted GROUP BY ALL HAVING sum("#") <> 0)
SELECT (SELECT count(*) FROM (%s)), coalesce(sum(greatest(more, 0)), 0)::BIGINT, coalesce(sum(greatest(-more, 0)), 0)::BIGINT, coalesce(min(different::VARCHAR), '')
FROM different`
	var right, more, missing int64
	var first string
	answer, err := j.conn.Query(ctx, fmt.Sprintf(compare, query, query))
	if err == nil {
		defer answer.Close()
		if _, err = answer.Next(); err == nil { // there is always one row
			err = answer.Scan(&right, &more, &missing, &first)
		}
	}
	if err != nil {
		return fmt.Errorf("compare rows: %w", err)
	}
	switch {
	case right == 0:
		return errors.New("compare rows: the records give none, so nothing is compared")
	case more > 0 || missing > 0:
		return fmt.Errorf("%w: of %d, %d are missing and %d are too many, the first: %s", ErrWrong, right, missing, more, first)
	}
	return nil
}
