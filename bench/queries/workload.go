package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"

	"github.com/jackc/pgx/v5/pgconn"
)

// workload is one query as clients send it.
type workload struct {
	name    string
	sql     string
	simple  bool  // by the simple protocol, whose results are text
	format  int16 // of the results otherwise
	keys    int64 // $1 is a BIGINT below; 0: there are no parameters
	ordered bool  // the order of its rows is part of the answer
	large   bool  // its rows per second are what counts
}

// The formats of results.
const (
	textFormat   = 0
	binaryFormat = 1
)

// oidBigint is the type of the keys.
const oidBigint = 20

// workloads returns all queries over so many rows.
func workloads(rows int64) []*workload {
	const all = "SELECT id, customer, product, amount, sold FROM sales"
	return []*workload{
		{name: "SELECT 1, simple protocol", sql: "SELECT 1", simple: true},
		{name: "SELECT 1, prepared", sql: "SELECT 1", format: binaryFormat},
		{name: "SELECT $1 + 1, prepared", sql: "SELECT $1 + 1::BIGINT", format: binaryFormat, keys: rows},
		{name: "lookup by key in the view", sql: "SELECT orders, spent, latest FROM customers WHERE customer = $1", format: binaryFormat, keys: rows / 10},
		{name: "lookup by key in a table", sql: "SELECT name, price FROM products WHERE id = $1", format: binaryFormat, keys: rows / 10},
		{name: "top 10 of the groups", format: binaryFormat, ordered: true,
			sql: "SELECT customer, orders, spent FROM customers ORDER BY spent DESC, customer LIMIT 10"},
		{name: "GROUP BY over all rows", format: binaryFormat, ordered: true,
			sql: "SELECT product, count(*), sum(amount), max(sold) FROM sales GROUP BY product ORDER BY product"},
		{name: "all rows, text", sql: all, format: textFormat, large: true},
		{name: "all rows, binary", sql: all, format: binaryFormat, large: true},
	}
}

// client asks one query over and over.
type client struct {
	workload *workload
	conn     *pgconn.PgConn
	random   *rand.Rand
	read     int64 // bytes
	key      [8]byte
}

const statementName = "measured"

func newClient(ctx context.Context, s *server, w *workload, number uint64) (c *client, err error) {
	c = &client{workload: w, random: rand.New(rand.NewPCG(number, 1))} //nolint:gosec // the same keys each time
	if c.conn, err = s.connect(ctx, &c.read); err != nil || w.simple {
		return c, err
	}
	var oids []uint32
	if w.keys > 0 {
		oids = []uint32{oidBigint}
	}
	if _, err = c.conn.Prepare(ctx, statementName, w.sql, oids); err != nil {
		_ = c.conn.Close(ctx) // the error is what counts
	}
	return c, err
}

// ask runs the query once and hands its rows to each, unless that is nil.
func (c *client) ask(ctx context.Context, each func(values [][]byte)) (rows int64, err error) {
	w := c.workload
	if w.simple {
		results := c.conn.Exec(ctx, w.sql)
		for results.NextResult() {
			n, err := readRows(results.ResultReader(), each)
			if rows += n; err != nil {
				break // Close returns it too
			}
		}
		return rows, results.Close()
	}
	var parameters [][]byte
	if w.keys > 0 {
		binary.BigEndian.PutUint64(c.key[:], uint64(c.random.Int64N(w.keys)))
		parameters = [][]byte{c.key[:]}
	}
	return readRows(c.conn.ExecPrepared(ctx, statementName, parameters, []int16{binaryFormat}, []int16{w.format}), each)
}

func readRows(r *pgconn.ResultReader, each func([][]byte)) (rows int64, err error) {
	for r.NextRow() {
		rows++
		if each != nil {
			each(r.Values())
		}
	}
	_, err = r.Close()
	return rows, err
}

// answer is what a result is known by.
type answer struct {
	rows int64
	sum  uint64
}

// add adds a row. Without an order, rows may come in any.
func (a *answer) add(values [][]byte, ordered bool) {
	h := fnv.New64a()
	var length [4]byte
	for _, v := range values {
		binary.BigEndian.PutUint32(length[:], uint32(len(v)))
		if v == nil {
			length[0] = 0xff // no value is so long
		}
		_, _ = h.Write(length[:]) // a hash takes everything
		_, _ = h.Write(v)
	}
	a.rows++
	if ordered {
		a.sum *= 31
	}
	a.sum += h.Sum64()
}

// comparedKeys is for how many keys the answers are compared.
const comparedKeys = 20

// answers asks a server a few times.
func answers(ctx context.Context, s *server, w *workload) ([]answer, error) {
	c, err := newClient(ctx, s, w, 0)
	if err != nil {
		return nil, err
	}
	defer c.conn.Close(ctx) //nolint:errcheck // everything has been answered
	list := make([]answer, 1)
	if w.keys > 0 {
		list = make([]answer, comparedKeys)
	}
	for i := range list {
		if _, err := c.ask(ctx, func(values [][]byte) { list[i].add(values, w.ordered) }); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// compare makes sure that the servers answer a query alike, byte for byte.
func compare(ctx context.Context, w *workload, servers []*server) error {
	var first []answer
	for i, s := range servers {
		list, err := answers(ctx, s, w)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", s.name, w.name, err)
		}
		for n, a := range list {
			if a.rows == 0 {
				return fmt.Errorf("%s: %s: there are no rows", s.name, w.name)
			}
			if i > 0 && a != first[n] {
				return fmt.Errorf("%s: %s answers %d rows (%x), %s %d (%x)", w.name, servers[0].name, first[n].rows, first[n].sum, s.name, a.rows, a.sum)
			}
		}
		if i == 0 {
			first = list
		}
	}
	return nil
}
