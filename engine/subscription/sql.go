package subscription

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/history"
)

// internal returns c0, c1, …: names under which no column of the user's can be
// taken for another, nor for one of the subscription's own.
func (s *Subscription) internal() string {
	names := make([]string, len(s.Columns))
	for i := range names {
		names[i] = fmt.Sprint("c", i)
	}
	return strings.Join(names, ", ")
}

// head is the first columns of a row that is told. what is the third: the diff,
// or the state of a key.
func (s *Subscription) head(epoch uint64, progressed bool, what string) string {
	out := fmt.Sprintf("%d::BIGINT AS ts, ", epoch)
	if s.Progress {
		out += fmt.Sprint(progressed, " AS progressed, ")
	}
	if s.Key != nil {
		return out + what + " AS state"
	}
	return out + what + " AS diff"
}

// named is the subscription's columns under their names, the key's first.
func (s *Subscription) named(value func(column int) string) string {
	var out strings.Builder
	add := func(i int) { fmt.Fprintf(&out, ", %s AS %s", value(i), history.Quote(s.Columns[i].Name)) }
	for _, k := range s.Key {
		add(k)
	}
	for i := range s.Columns {
		if !slices.Contains(s.Key, i) {
			add(i)
		}
	}
	return out.String()
}

func (s *Subscription) told(epoch uint64, what, from string) string {
	return fmt.Sprintf("SELECT %s%s FROM %s", s.head(epoch, false, what), s.named(func(i int) string { return fmt.Sprint("c", i) }), from)
}

// RowsSQL returns the statement that tells every row of a relation once. The
// relation stands in FROM and has the subscription's columns.
func (s *Subscription) RowsSQL(epoch uint64, relation string) string {
	relation += " AS q(" + s.internal() + ")"
	if s.Key != nil {
		return s.upsertSQL(epoch, "SELECT 1::BIGINT AS n, "+s.internal()+" FROM "+relation)
	}
	return s.told(epoch, "1::BIGINT", relation)
}

// progressSQL tells that an epoch has been told.
func (s *Subscription) progressSQL(epoch uint64) string {
	what := "NULL::BIGINT"
	if s.Key != nil {
		what = "NULL::VARCHAR"
	}
	return "SELECT " + s.head(epoch, true, what) + s.named(func(i int) string { return "NULL::" + s.Columns[i].Type })
}

// DifferenceSQL returns the statement that tells what must be done to one relation, as a multiset of rows,
// to make it the other.
func (s *Subscription) DifferenceSQL(epoch uint64, before, after string) string {
	names := s.internal()
	values, keys := make([]string, len(s.Columns)), make([]string, len(s.Columns))
	for i := range s.Columns {
		values[i], keys[i] = fmt.Sprintf("first(c%d) AS c%d", i, i), s.groupBy(i)
	}
	counted := fmt.Sprintf("SELECT sum(d)::BIGINT AS n, %s FROM (SELECT -1 AS d, %s FROM %s AS q(%s) UNION ALL SELECT 1, %s FROM %s AS q(%s)) GROUP BY %s HAVING sum(d) <> 0",
		strings.Join(values, ", "), names, before, names, names, after, names, strings.Join(keys, ", "))
	if s.Key != nil {
		return s.upsertSQL(epoch, counted)
	}
	return s.told(epoch, "n", "("+counted+")") + s.inOrder()
}

// upsertSQL tells, for each key of rows that come (n > 0) and go (n < 0), what
// it stands for now: "upsert" with the new values, "delete" without, or
// "key_violation" where there is more than one row for it.
func (s *Subscription) upsertSQL(epoch uint64, counted string) string {
	const come = "sum(n) FILTER (WHERE n > 0)"
	values, keys := make([]string, len(s.Columns)), make([]string, len(s.Key))
	for i := range s.Columns {
		values[i] = fmt.Sprintf("CASE WHEN %s = 1 THEN first(c%d) FILTER (WHERE n > 0) END AS c%d", come, i, i)
	}
	for i, k := range s.Key {
		values[k], keys[i] = fmt.Sprintf("first(c%d) AS c%d", k, k), s.groupBy(k)
	}
	return s.told(epoch, "state", fmt.Sprintf("(SELECT CASE WHEN %s IS NULL THEN 'delete' WHEN %s = 1 THEN 'upsert' ELSE 'key_violation' END AS state, %s FROM (%s) GROUP BY %s)",
		come, come, strings.Join(values, ", "), counted, strings.Join(keys, ", "))) + s.inOrder()
}

// inOrder puts what goes before what comes.
func (s *Subscription) inOrder() string {
	if s.Progress {
		return " ORDER BY 3"
	}
	return " ORDER BY 2"
}

// groupBy is what tells values of a column apart. Some that look different are
// equal for DuckDB: both zeros, '1 month' and '30 days'.
func (s *Subscription) groupBy(column int) string {
	for _, t := range []string{"FLOAT", "DOUBLE", "INTERVAL"} {
		if strings.Contains(s.Columns[column].Type, t) {
			return fmt.Sprintf("c%d::VARCHAR", column)
		}
	}
	return fmt.Sprint("c", column)
}
