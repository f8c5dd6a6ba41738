package query

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/query/gate"
	"github.com/millstream-db/millstream/query/literal"
	"github.com/millstream-db/millstream/query/pgcatalog"
)

// description is what admit and describe find out about a query. It holds for
// the same text as long as the definitions of what it reads do.
type description struct {
	reading []any // the definitions, in the order of reads.Relations
	sql     string
	text    pgcatalog.Text
	beyond  bool // errors have no place in the text
	path    engine.Path
	reads   *gate.Reads
	params  []string
	columns []Column
	answer  *literal.Answer // nil: it may be another each time
}

// descriptions is how many a database keeps at least.
const descriptions = 1000

// learn lets the query through the gate and describes it, or knows it already:
// the same few queries come again and again.
func (q *selectQuery) learn(ctx context.Context, paramTypes []string) error {
	cache := q.s.db.descriptions
	key := strconv.FormatBool(q.s.opts.PostgresNames) + strings.Join(paramTypes, ",") + "\x00" + q.sql
	if d, ok := cache.Get(key); ok && slices.Equal(d.reading, q.s.db.definitions(d.reads)) {
		q.sql, q.text, q.path, q.reads, q.answer = d.sql, d.text, d.path, d.reads, d.answer
		if d.beyond {
			q.offset = len(q.st.SQL) + 1
		}
		q.st.Params, q.st.Columns = slices.Clone(d.params), slices.Clone(d.columns)
		q.known = true
		return q.s.requireReads(q.st, q.reads) // who asks may be another
	}
	if q.s.opts.PostgresNames {
		q.names = pgcatalog.NamesOf(q.sql)
	}
	written := q.offset
	if err := q.admit(ctx); err != nil {
		return err
	}
	reading := q.s.db.definitions(q.reads) // before what they are is looked at
	if err := q.describe(ctx, paramTypes); err != nil {
		return err
	}
	if q.steady() {
		q.answer = literal.New(q.sql)
	}
	cache.Put(key, &description{
		answer:  q.answer,
		reading: reading, sql: q.sql, text: q.text, beyond: q.offset != written, path: q.path, reads: q.reads,
		params: slices.Clone(q.st.Params), columns: slices.Clone(q.st.Columns),
	})
	return nil
}

// definitions returns the definitions of what a query reads.
func (db *DB) definitions(reads *gate.Reads) []any {
	list := make([]any, len(reads.Relations))
	for i, r := range reads.Relations {
		if r.Schema == publicSchema {
			name := strings.TrimSuffix(strings.TrimSuffix(r.Name, catalog.LateSuffix), catalog.RejectedSuffix)
			list[i] = db.engine.Definition(name)
		}
	}
	return list
}
