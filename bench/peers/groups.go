package main

import (
	"context"
	"fmt"
	"time"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/workload"
)

// groupStatements make views without windows, whose groups stay open: one of each
// user, of whom there are as many as -groups says, and one of each page.
var groupStatements = []string{
	`CREATE MATERIALIZED VIEW users AS
SELECT "user", count(*) AS n, sum(cents) AS total, min(cents) AS least, max(cents) AS greatest FROM purchases GROUP BY "user"`,
	`CREATE MATERIALIZED VIEW pages AS
SELECT page, count(*) AS n, sum(cents) AS total, min(cents) AS least, max(cents) AS greatest FROM purchases GROUP BY page`,
	"CREATE TABLE sections (page VARCHAR PRIMARY KEY, section VARCHAR)",
	fmt.Sprintf("INSERT INTO sections SELECT format('page-{:04d}', i), 'section ' || i %% 20 FROM range(%d) t(i)", workload.PurchasePages),
}

// everyUser are purchases whose users take turns, so that so many records make as
// many groups.
type everyUser struct {
	*workload.Purchases
	users int64
}

// AppendValue implements workload.Records.
func (e everyUser) AppendValue(dst []byte, n int64, base time.Time) []byte {
	p := e.At(n, base)
	p.User = int(n % e.users)
	return p.AppendJSON(dst)
}

// openGroups starts a database whose views have all groups of a topic, which it
// fills with a record of each user, of an hour ago, and a table with a section of each
// page. history says that the rows are kept, too.
func (s *session) openGroups(ctx context.Context, topic string, history bool) (*instance.Instance, error) {
	records := everyUser{workload.NewPurchases(seed), s.groups}
	// The last record is not from the future.
	if err := workload.Fill(ctx, []string{s.addr}, topic, partitions, s.groups, records, time.Now().Add(-time.Hour)); err != nil {
		return nil, err
	}
	db, err := s.startMillstream(ctx)
	if err != nil {
		return nil, err
	}
	kept := map[bool]string{true: "on", false: "off"}[history]
	for _, sql := range append([]string{fmt.Sprintf(sourceStatement, topic, s.addr, kept)}, groupStatements...) {
		if err := db.Exec(ctx, sql); err != nil {
			db.Kill()
			return nil, fmt.Errorf("%s: %w", sql, err)
		}
	}
	limited, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	if err := waitTaken(limited, db, s.groups); err != nil {
		db.Kill()
		return nil, fmt.Errorf("take in a record of each of %d users: %w", s.groups, err)
	}
	return db, nil
}
