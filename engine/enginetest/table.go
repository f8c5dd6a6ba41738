package enginetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

// Table is a random table that views join. Its first column holds values of a
// column of the source, twice and never as well as once.
type Table struct {
	Name    string
	Columns []Column
	Keyed   bool   // it is a source of FORMAT UPSERT; see Upserts
	of      Column // the source's
	keys    []Value
}

// NewTable returns a random table for a source.
func NewTable(r *rand.Rand, s *Source, name string) *Table {
	t := &Table{Name: name}
	for {
		t.of = *s.column(r)
		// Of many values no two are alike, and nothing is found.
		if t.of.Generated == "" && t.of.Type.Kind != batch.Interval && (len(t.of.domain) > 1 || chance(r, 3)) {
			break
		}
	}
	key := t.of
	key.Name, key.nulls = "k", pick(r, 5, 30)
	if t.of.Name == s.eventTime().Name {
		for range 20 {
			key.domain = append(key.domain, int64(1577836800000000)+s.StepMicros*r.Int64N(500))
		}
	}
	if integerBits[key.Type.Kind] < 0 && chance(r, 2) {
		key.Type.Kind = batch.BigInt // what the source has is converted
	}
	t.Columns = []Column{key}
	for i := range 1 + r.IntN(3) {
		c := Column{Name: fmt.Sprint("d", i)}
		c.randomize(r)
		t.Columns = append(t.Columns, c)
	}
	return t
}

func (t *Table) definitions() string {
	defs := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		defs[i] = c.Name + " " + c.Type.String()
	}
	return strings.Join(defs, ", ")
}

// Names returns the table's columns.
func (t *Table) Names() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// CreateSQL returns the statement that makes the table.
func (t *Table) CreateSQL() string {
	if t.Keyed {
		return "CREATE SOURCE " + t.Name + " (" + t.definitions() + ", PRIMARY KEY (" + t.Columns[0].Name + ")) FORMAT UPSERT ENCODE JSON"
	}
	return "CREATE TABLE " + t.Name + " (" + t.definitions() + ")"
}

// TableChange is a random change of a table's rows.
type TableChange struct {
	SQL string // for the database
	// For the judge: rows that go, those that come instead of them by a
	// condition, and rows that are new.
	where   string // "" for none
	replace string // " REPLACE (…)" of the rows that come instead; "" for none come
	values  string // VALUES of new rows, "" for none
}

// literal is a value of the column that means the same alone and in a list with
// others: DuckDB makes another REAL of a decimal than of a double.
func (c *Column) literal(v Value) string {
	if _, ok := v.(float64); ok {
		return "(" + literal(v, c.Type) + ")::DOUBLE"
	}
	return literal(v, c.Type)
}

// NewChange returns a random change.
func (t *Table) NewChange(r *rand.Rand) *TableChange {
	c := &TableChange{}
	as := &Source{Columns: t.Columns, EventTime: -1}
	where := condition(r, as)
	switch n := r.IntN(10); {
	case n < 6:
		var rows []string
		for range skewed(r, 40) {
			row := make([]string, len(t.Columns))
			for i := range t.Columns {
				row[i] = "NULL"
				if v := t.Columns[i].value(r); v != nil {
					row[i] = t.Columns[i].literal(v)
				}
			}
			rows = append(rows, "("+strings.Join(row, ", ")+")")
		}
		c.values = "VALUES " + strings.Join(rows, ", ")
		c.SQL = "INSERT INTO " + t.Name + " " + c.values
	case n < 8:
		column := &t.Columns[r.IntN(len(t.Columns))]
		value := "NULL"
		if v := column.value(r); v != nil {
			value = column.literal(v)
		}
		c.where, c.replace = where, fmt.Sprintf("CAST(%s AS %s) AS %s", value, column.Type, column.Name)
		c.SQL = fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s", t.Name, column.Name, value, where)
	case n < 9:
		c.where, c.SQL = where, "DELETE FROM "+t.Name+" WHERE "+where
	default:
		c.where, c.SQL = "true", pick(r, "DELETE FROM ", "TRUNCATE ")+t.Name
	}
	return c
}

// always is the end of rows that have none.
const always = int64(1) << 62

// AddTable makes the judge know a table: all its versions, in rows that say
// from which tick to which they hold.
func (j *Judge) AddTable(ctx context.Context, t *Table) error {
	return j.db.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE TABLE %s (%s, since BIGINT, until BIGINT)", t.Name, t.definitions()))
}

// Tick returns the moment that begins now: later changes have later ones.
func (j *Judge) Tick() int64 {
	j.tick++
	return j.tick
}

// Change makes a change, which holds for the batches that come.
func (j *Judge) Change(ctx context.Context, t *Table, c *TableChange) error {
	tick := j.Tick()
	names := strings.Join(t.Names(), ", ")
	var sql []string
	if c.replace != "" {
		sql = append(sql, fmt.Sprintf("INSERT INTO %s SELECT * REPLACE (%s, %d AS since) FROM %s WHERE until = %d AND (%s)",
			t.Name, c.replace, tick, t.Name, always, c.where))
	}
	if c.where != "" {
		sql = append(sql, fmt.Sprintf("UPDATE %s SET until = %d WHERE until = %d AND since < %d AND (%s)", t.Name, tick, always, tick, c.where))
	}
	if c.values != "" {
		casts := make([]string, len(t.Columns))
		for i, column := range t.Columns {
			casts[i] = fmt.Sprintf("CAST(v.c%d AS %s)", i, column.Type)
		}
		aliases := make([]string, len(t.Columns))
		for i := range aliases {
			aliases[i] = fmt.Sprint("c", i)
		}
		sql = append(sql, fmt.Sprintf("INSERT INTO %s (%s, since, until) SELECT %s, %d, %d FROM (%s) AS v(%s)",
			t.Name, names, strings.Join(casts, ", "), tick, always, c.values, strings.Join(aliases, ", ")))
	}
	return j.db.Exec(ctx, strings.Join(sql, "; "))
}

// Table returns what a table must hold at a tick.
func (j *Judge) Table(ctx context.Context, t *Table, tick int64) (Rows, error) {
	return j.db.Text(ctx, AsText(t.Names(), fmt.Sprintf("(SELECT * FROM %s WHERE since <= %d AND until > %d)", t.Name, tick, tick)))
}

// Matches returns how many rows of a table a record may match as it is now, at most.
func (j *Judge) Matches(ctx context.Context, t *Table) (n int64, err error) {
	rows, err := j.db.Text(ctx, fmt.Sprintf("SELECT coalesce(max(n), 0)::VARCHAR FROM (SELECT count(*) AS n FROM %s WHERE until = %d GROUP BY lower(k::VARCHAR))", t.Name, always))
	if err == nil {
		_, err = fmt.Sscan(rows[0][0], &n)
	}
	return n, err
}

// During is the condition that a row of a table holds for the batch of a row of
// the log, given the qualifiers of both, "" for none. A view sees the tables for
// the batches before it as they were when it was created.
func (j *Judge) During(v *LiveView, source, table string) string {
	ticks := make([]string, len(j.ticks))
	for i, tick := range j.ticks {
		ticks[i] = fmt.Sprint(tick)
		if i < v.Created {
			ticks[i] = fmt.Sprint(v.Tick)
		}
	}
	if source != "" {
		source += "."
	}
	at := fmt.Sprintf("list_extract([%s]::BIGINT[], %sbatch)", strings.Join(ticks, ", "), source)
	return fmt.Sprintf("%[1]s.since <= %[2]s AND %[1]s.until > %[2]s", table, at)
}

// joins is the tables that a view joins.
type joins struct {
	sql    string   // what follows the source in FROM
	tables []string // by their aliases
}

// Join returns the source with some of the tables joined to it.
func (s *Source) Join(r *rand.Rand, tables []*Table) *Source {
	wide := *s
	wide.Columns = slices.Clone(s.Columns)
	for i, t := range tables {
		alias := fmt.Sprint("j", i)
		left := chance(r, 2)
		row, key := t.of.Name, alias+".k"
		conditions := []string{row + " = " + key}
		if chance(r, 2) {
			conditions[0] = key + " = " + row
		}
		if t.of.Type.Kind == batch.Varchar && chance(r, 3) {
			conditions[0] = fmt.Sprintf("lower(%s) = lower(%s)", row, key)
		}
		qualified := &Source{EventTime: -1}
		for _, c := range t.Columns {
			c.Name = alias + "." + c.Name
			qualified.Columns = append(qualified.Columns, c)
		}
		if chance(r, 3) {
			conditions = append(conditions, condition(r, qualified))
		}
		if chance(r, 4) {
			conditions = append(conditions, condition(r, s))
		}
		if !left && chance(r, 4) {
			conditions = append(conditions, fmt.Sprintf("(%s OR %s)", comparison(r, s), comparison(r, qualified)))
		}
		kind := pick(r, "JOIN", "INNER JOIN")
		if left {
			kind = pick(r, "LEFT JOIN", "LEFT OUTER JOIN")
		}
		wide.joins.sql += fmt.Sprintf(" %s %s AS %s ON %s", kind, t.Name, alias, strings.Join(conditions, " AND "))
		wide.joins.tables = append(wide.joins.tables, alias)
		wide.Columns = append(wide.Columns, qualified.Columns...)
	}
	return &wide
}

// joined is the log as a view joins it, for the late rule.
func (j *Judge) joined(v *LiveView, from string) string {
	if len(v.joins.tables) == 0 {
		return from
	}
	sql := v.joins.sql
	for _, alias := range v.joins.tables {
		on := " AS " + alias + " ON "
		sql = strings.Replace(sql, on, on+j.During(v, "judged", alias)+" AND ", 1)
	}
	return from + sql
}
