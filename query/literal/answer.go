// Package literal remembers the answers of queries that are nothing but literals,
// such as the SELECT 1 by which pools of connections see whether a server lives.
//
// Such a query reads nothing and calls nothing: no table, function, setting, clock,
// role or time zone has a part in its answer, which DuckDB has to give only once.
// What is more than that, be it a cast or an operator, is not remembered.
package literal

import (
	"context"
	"io"
	"slices"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/millstream-db/millstream/query/parser"
)

// Answer is the one row of a query of literals, once somebody has read it. It is
// safe for concurrent use.
type Answer struct {
	row atomic.Pointer[arrow.RecordBatch]
}

// New returns the answer of a query of literals, which nobody has read yet, nil of
// any other.
func New(sql string) *Answer {
	if !isLiteral(sql) {
		return nil
	}
	return &Answer{}
}

// Next returns what reads the answer: its row, which must not be released, and then
// io.EOF. It is nil while the answer is not known, and for no answer.
func (a *Answer) Next() func(context.Context) (arrow.RecordBatch, error) {
	if a == nil {
		return nil
	}
	row := a.row.Load()
	if row == nil {
		return nil
	}
	return func(context.Context) (arrow.RecordBatch, error) {
		if row == nil {
			return nil, io.EOF
		}
		last := *row
		row = nil
		return last, nil
	}
}

// Keep copies the answer out of DuckDB's memory. A nil Answer keeps nothing, and
// nothing is kept of nil, of no row and of several.
func (a *Answer) Keep(row arrow.RecordBatch) {
	if a == nil || row == nil || row.NumRows() != 1 || a.row.Load() != nil {
		return
	}
	columns := make([]arrow.Array, row.NumCols())
	for i, c := range row.Columns() {
		var err error
		// Memory of Go's own needs nobody to release it.
		if columns[i], err = array.Concatenate([]arrow.Array{c}, memory.NewGoAllocator()); err != nil {
			return // then DuckDB is asked again
		}
	}
	copied := arrow.RecordBatch(array.NewRecordBatch(row.Schema(), columns, 1))
	a.row.Store(&copied)
}

// isLiteral reports whether a statement is SELECT with literals, which may have
// names, and nothing else.
func isLiteral(sql string) bool {
	tokens, err := parser.Lex(sql)
	if err != nil || len(tokens) < 3 || !isWord(tokens[0], "select") {
		return false
	}
	for rest := tokens[1:]; ; rest = rest[1:] {
		if !isValue(rest[0]) {
			return false
		}
		rest = rest[1:]
		if isWord(rest[0], "as") {
			if kind := rest[1].Kind; kind != parser.Word && kind != parser.Quoted {
				return false
			}
			rest = rest[2:]
		}
		if rest[0].Kind == parser.EOF {
			return true
		}
		if rest[0].Kind != parser.Punct || rest[0].Text != "," {
			return false
		}
	}
}

func isWord(t parser.Token, word string) bool { return t.Kind == parser.Word && t.Value == word }

func isValue(t parser.Token) bool {
	switch t.Kind {
	case parser.Number, parser.String:
		return true
	case parser.Word:
		return slices.Contains([]string{"null", "true", "false"}, t.Value)
	}
	return false
}
