package main

import (
	"context"
	"fmt"
	"strings"
)

// loading is how a server gets its objects and rows. The rows themselves are
// made by statements that both understand.
type loading struct {
	before []string // makes what rows go into
	after  []string // makes what is computed from them, and puts all in order
}

var millstreamLoading = loading{
	before: []string{
		"CREATE SOURCE sales (" + salesColumns + ")",
		"CREATE MATERIALIZED VIEW customers AS " + customersQuery,
		"CREATE TABLE products (id BIGINT PRIMARY KEY, name VARCHAR, price DECIMAL(12,2))",
	},
	after: []string{"CHECKPOINT"},
}

var postgresLoading = loading{
	before: []string{
		"CREATE TABLE sales (" + salesColumns + ")",
		"CREATE TABLE products (id BIGINT PRIMARY KEY, name VARCHAR, price DECIMAL(12,2))",
	},
	after: []string{
		"CREATE TABLE customers AS " + customersQuery,
		"ALTER TABLE customers ADD PRIMARY KEY (customer)",
		"ALTER TABLE sales ADD PRIMARY KEY (id)",
		"VACUUM ANALYZE",
	},
}

const (
	salesColumns   = "id BIGINT, customer BIGINT, product VARCHAR, amount DECIMAL(12,2), sold TIMESTAMP"
	customersQuery = "SELECT customer, count(*) AS orders, sum(amount) AS spent, max(sold) AS latest FROM sales GROUP BY customer"
	// productCount is how many different products sales has.
	productCount = 100
	// loadedRows is how many rows a statement inserts.
	loadedRows = 100_000
)

// insertions returns the statements that make rows [first, end).
func insertions(first, end, groups int64) []string {
	series := fmt.Sprintf("FROM generate_series(%d::BIGINT, %d::BIGINT) AS t(i)", first, end-1)
	list := []string{fmt.Sprintf("INSERT INTO sales SELECT i, i * 7919 %% %d, 'product ' || (i * 31 %% %d), "+
		"CAST((i * 104729 %% 99991) / 100.0 AS DECIMAL(12,2)), TIMESTAMP '2026-01-01 00:00:00' + i * INTERVAL '1 second' %s",
		groups, productCount, series)}
	if first < groups {
		list = append(list, fmt.Sprintf("INSERT INTO products SELECT i, 'name ' || i, CAST(i %% 1000 AS DECIMAL(12,2)) "+
			"FROM generate_series(%d::BIGINT, %d::BIGINT) AS t(i)", first, min(end, groups)-1))
	}
	return list
}

// fill makes the server's objects and rows.
func (s *server) fill(ctx context.Context, rows int64) (err error) {
	statements := append([]string(nil), s.load.before...)
	for first := int64(0); first < rows; first += loadedRows {
		statements = append(statements, insertions(first, min(first+loadedRows, rows), rows/10)...)
	}
	conn, err := s.connect(ctx, nil)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // everything has been answered
	for _, sql := range append(statements, s.load.after...) {
		if _, err := conn.Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("%s: %s: %w", s.name, strings.TrimSpace(sql), err)
		}
	}
	return nil
}
