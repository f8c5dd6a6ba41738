package nexmark

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query/parser"
)

// Sources are the statements that make the sources: person, auction, bid, and
// arrivals, which is bid by the clock of the database (q12).
var Sources = []string{
	`CREATE SOURCE person (id BIGINT, name VARCHAR, email VARCHAR, credit_card VARCHAR, city VARCHAR, state VARCHAR, date_time TIMESTAMP, extra VARCHAR,
  WATERMARK FOR date_time AS date_time - INTERVAL '4 seconds')`,
	`CREATE SOURCE auction (id BIGINT, item_name VARCHAR, description VARCHAR, initial_bid BIGINT, reserve BIGINT, date_time TIMESTAMP, expires TIMESTAMP,
  seller BIGINT, category BIGINT, extra VARCHAR, WATERMARK FOR date_time AS date_time - INTERVAL '4 seconds')`,
	"CREATE SOURCE bid (" + BidColumns + ")",
	`CREATE SOURCE arrivals (bidder BIGINT, arrived TIMESTAMPTZ AS _timestamp, WATERMARK FOR arrived AS arrived)`,
}

// SideInput makes and fills the table that q13 joins.
var SideInput = []string{
	"CREATE TABLE side_input (key BIGINT PRIMARY KEY, value VARCHAR)",
	"INSERT INTO side_input SELECT i, 'value ' || i FROM range(0, 100, 3) t(i)",
}

// Query is one of the benchmark's queries.
type Query struct {
	Name  string // q0, q1, …: the view's name too
	View  string // CREATE MATERIALIZED VIEW
	Judge string // the SELECT that gives the same rows, as DuckDB's SQL over all records
}

//go:embed sql/*.sql
var files embed.FS

// Queries returns the queries, by file name.
func Queries() ([]Query, error) {
	entries, err := files.ReadDir("sql")
	if err != nil {
		return nil, err
	}
	var queries []Query
	for _, e := range entries {
		text, err := files.ReadFile(path.Join("sql", e.Name()))
		if err != nil {
			return nil, err
		}
		pieces := parser.Split(string(text))
		if len(pieces) != 2 {
			return nil, fmt.Errorf("%s has %d statements, not a view and a SELECT", e.Name(), len(pieces))
		}
		queries = append(queries, Query{Name: strings.TrimSuffix(e.Name(), ".sql"), View: pieces[0].Text, Judge: pieces[1].Text})
	}
	return queries, nil
}

// AppendTo appends the person to the decoded columns of the source person.
func (p *Person) AppendTo(b *batch.Builder) {
	b.Column(0).AppendInt64(p.ID)
	for i, s := range []string{p.Name, p.Email, p.CreditCard, p.City, p.State} {
		b.Column(1 + i).AppendString(s)
	}
	b.Column(6).AppendInt64(p.At.UnixMicro())
	b.Column(7).AppendString(p.Extra)
}

// AppendTo appends the auction to the decoded columns of the source auction.
func (a *Auction) AppendTo(b *batch.Builder) {
	b.Column(0).AppendInt64(a.ID)
	b.Column(1).AppendString(a.Item)
	b.Column(2).AppendString(a.Description)
	for i, v := range []int64{a.InitialBid, a.Reserve, a.At.UnixMicro(), a.Expires.UnixMicro(), a.Seller, a.Category} {
		b.Column(3 + i).AppendInt64(v)
	}
	b.Column(9).AppendString(a.Extra)
}

// AppendTo appends the bid to the decoded columns of the source bid.
func (d *Bid) AppendTo(b *batch.Builder) {
	for i, v := range []int64{d.Auction, d.Bidder, d.Price} {
		b.Column(i).AppendInt64(v)
	}
	b.Column(3).AppendString(d.Channel)
	b.Column(4).AppendString(d.URL)
	b.Column(5).AppendInt64(d.At.UnixMicro())
	b.Column(6).AppendString(d.Extra)
}
