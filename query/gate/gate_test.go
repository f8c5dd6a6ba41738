package gate

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	_ "github.com/duckdb/duckdb-go/v2"

	"github.com/millstream-db/millstream/query/parser"
)

// tables is the schema that the tests' queries are about.
const tables = `
CREATE SCHEMA public;
SET search_path = 'public,main';
CREATE TABLE orders (order_id BIGINT, customer VARCHAR, country VARCHAR, amount DECIMAL(12,2), ts TIMESTAMP, tags VARCHAR[], item STRUCT(sku VARCHAR, n INT), doc JSON);
CREATE TABLE clicks (user_id BIGINT, page VARCHAR, ts TIMESTAMP, order_id BIGINT);
CREATE TABLE prices (sku VARCHAR, price DOUBLE, since TIMESTAMP);
CREATE TABLE revenue_per_minute (window_start TIMESTAMP, window_end TIMESTAMP, country VARCHAR, orders BIGINT, revenue DECIMAL(38,2));
INSERT INTO orders SELECT i, 'c' || i % 7, ['DE','FR','US'][1 + i % 3], i * 1.5, TIMESTAMP '2026-01-01' + INTERVAL (i) MINUTE, ['a','b'], {'sku': 's' || i % 3, 'n': i}, '{"a": 1}' FROM range(100) t(i);
INSERT INTO clicks SELECT i % 9, '/p' || i % 5, TIMESTAMP '2026-01-01' + INTERVAL (i * 40) SECOND, i % 120 FROM range(200) t(i);
INSERT INTO prices SELECT 's' || i % 3, i, TIMESTAMP '2026-01-01' + INTERVAL (i * 20) MINUTE FROM range(9) t(i);
INSERT INTO revenue_per_minute SELECT window_start, window_start + INTERVAL 1 MINUTE, country, 1, amount FROM (SELECT ts window_start, * FROM orders);`

// catalog is the tests' Relations.
type catalog struct{}

var relations = map[string]Relation{
	"orders": {Schema: "public", Name: "orders", EventTime: "ts",
		Columns: []string{"order_id", "customer", "country", "amount", "ts", "tags", "item", "doc"}, Keys: []string{"order_id", "country"}},
	"clicks": {Schema: "public", Name: "clicks", EventTime: "ts", Keys: []string{"user_id"}},
	"prices": {Schema: "public", Name: "prices"},
	"revenue_per_minute": {Schema: "public", Name: "revenue_per_minute", EventTime: "window_start",
		Keys: []string{"window_start", "country"}, Orders: []string{"orders", "revenue"}, Windows: []string{"window_start", "window_end"}},
}

func (catalog) Lookup(schema, name string) (Relation, bool) {
	if schema == "" || strings.EqualFold(schema, "public") {
		r, ok := relations[strings.ToLower(name)]
		return r, ok
	}
	if schema == "millstream" && name == "sources" {
		return Relation{Schema: "millstream", Name: "sources"}, true
	}
	return Relation{}, false
}

func (catalog) Names() []string {
	return []string{"orders", "clicks", "prices", "revenue_per_minute"}
}

func (catalog) Macro(name string) bool { return name == "obj_size" }

func open(t testing.TB) *sql.Conn {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func exec(t testing.TB, conn *sql.Conn, sql string) {
	t.Helper()
	if _, err := conn.ExecContext(context.Background(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// trees returns the query's tree in full and in the short form.
func trees(t testing.TB, conn *sql.Conn, text string) [2]string {
	t.Helper()
	var full, short string
	err := conn.QueryRowContext(context.Background(),
		`SELECT json_serialize_sql(?::VARCHAR)::VARCHAR, json_serialize_sql(?::VARCHAR, skip_default := true, skip_null := true, skip_empty := true)::VARCHAR`,
		text, text).Scan(&full, &short)
	if err != nil {
		t.Fatalf("serialize %q: %v", text, err)
	}
	return [2]string{full, short}
}

// admit does what a session does with a statement before it runs.
func admit(t testing.TB, conn *sql.Conn, text string, gate func([]byte, Relations) (*Reads, error)) (*Reads, error) {
	t.Helper()
	stmt, err := parser.Parse(text)
	if err != nil {
		var e *parser.Error
		if !errors.As(err, &e) {
			t.Fatalf("%v is not a *parser.Error", err)
		}
		return nil, &Error{Code: e.Code, Message: e.Message, Hint: e.Hint, Offset: e.Offset}
	}
	query, ok := stmt.(*parser.Select)
	if !ok {
		return nil, &Error{Code: "00000", Message: "not a query: " + stmt.Command()}
	}
	forms := trees(t, conn, query.SQL)
	reads, err := gate([]byte(forms[0]), catalog{})
	short, shortErr := gate([]byte(forms[1]), catalog{})
	if fmt.Sprint(err) != fmt.Sprint(shortErr) || err == nil && fmt.Sprint(reads.Relations) != fmt.Sprint(short.Relations) {
		t.Errorf("%s: the two forms of the tree differ: %v %v, %v %v", text, reads, err, short, shortErr)
	}
	return reads, err
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []string
	s := bufio.NewScanner(f)
	s.Buffer(nil, 2<<20)
	for s.Scan() {
		if line := strings.TrimSpace(s.Text()); line != "" && !strings.HasPrefix(line, "# ") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestAttacks(t *testing.T) {
	t.Parallel()
	conn := open(t)
	attacks := lines(t, "testdata/attacks")
	if len(attacks) < 80 {
		t.Errorf("%d attacks, want 80", len(attacks))
	}
	for _, line := range attacks {
		want, text, _ := strings.Cut(line, " ")
		_, err := admit(t, conn, text, Check)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: passed, want %s", text, want)
		} else if e.Code != want {
			t.Errorf("%s: got %s %s, want %s", text, e.Code, e.Message, want)
		}
	}
}

func TestJoinsByCommasAreCounted(t *testing.T) {
	t.Parallel()
	conn := open(t)
	for tables, want := range map[int]string{maxJoins + 1: "", maxJoins + 2: codeTooComplex} {
		_, err := admit(t, conn, "SELECT 1 FROM orders"+strings.Repeat(", orders", tables-1), Check)
		var e *Error
		if errors.As(err, &e) != (want != "") || e != nil && e.Code != want {
			t.Errorf("%d tables: %v, want %q", tables, err, want)
		}
	}
}

// TestAllowed runs every query too, so that the list stays honest.
func TestAllowed(t *testing.T) {
	t.Parallel()
	conn := open(t)
	exec(t, conn, tables)
	allowed := lines(t, "testdata/allowed")
	if len(allowed) < 60 {
		t.Errorf("%d queries, want 60", len(allowed))
	}
	for _, text := range allowed {
		if _, err := admit(t, conn, text, Check); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		rows, err := conn.QueryContext(context.Background(), text)
		if err != nil {
			t.Errorf("%s: DuckDB: %v", text, err)
			continue
		}
		for rows.Next() {
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Errorf("%s: DuckDB: %v", text, err)
		}
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	conn := open(t)
	datadriven.RunTest(t, "testdata/reads", func(t *testing.T, d *datadriven.TestData) string {
		gate := Check
		if d.Cmd == "view" {
			gate = CheckView
		}
		reads, err := admit(t, conn, d.Input, gate)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				return "not an *Error: " + err.Error()
			}
			text := fmt.Sprintf("%s at %d: %s\n", e.Code, e.Offset, e.Message)
			if e.Hint != "" {
				text += "hint: " + e.Hint + "\n"
			}
			return text
		}
		return show(t, conn, reads)
	})
}

func show(t *testing.T, conn *sql.Conn, reads *Reads) string {
	t.Helper()
	var b strings.Builder
	for _, r := range reads.Relations {
		fmt.Fprintf(&b, "reads %s.%s at %d\n", r.Schema, r.Name, r.Position)
	}
	fmt.Fprintf(&b, "functions %s\n", strings.Join(reads.Functions, " "))
	if reads.Volatile {
		b.WriteString("volatile\n")
	}
	if reads.Params > 0 {
		fmt.Fprintf(&b, "%d parameters\n", reads.Params)
	}
	operand := func(o Operand) string {
		switch {
		case o.Param > 0:
			return fmt.Sprint("$", o.Param)
		case o.Expr == nil:
			return "NULL"
		}
		var text string
		if err := conn.QueryRowContext(context.Background(), "SELECT json_deserialize_sql(?::JSON)", string(o.Statement())).Scan(&text); err != nil {
			t.Errorf("deserialize %s: %v", o.Statement(), err)
		}
		return text
	}
	for _, bound := range reads.TimeBounds {
		fmt.Fprintf(&b, "bound [%d] %s %s\n", bound.Ref, bound.Op, operand(bound.Operand))
	}
	for _, c := range reads.Keys {
		fmt.Fprintf(&b, "key [%d] %s null=%t", c.Ref, c.Column, c.Null)
		for _, v := range c.Values {
			fmt.Fprintf(&b, " %s", operand(v))
		}
		b.WriteString("\n")
	}
	for _, top := range reads.Tops {
		fmt.Fprintf(&b, "top [%d] %s desc=%t limit %s offset %s\n", top.Ref, top.Column, top.Desc, operand(top.Limit), operand(top.Offset))
	}
	return b.String()
}

func TestUnknownParts(t *testing.T) {
	t.Parallel()
	for name, tree := range map[string]string{
		"not JSON":         `{`,
		"no statement":     `{"error":false,"statements":[]}`,
		"two statements":   `{"statements":[{"node":{"type":"SELECT_NODE"}},{"node":{"type":"SELECT_NODE"}}]}`,
		"query node":       `{"statements":[{"node":{"type":"DELETE_NODE"}}]}`,
		"no node":          `{"statements":[{}]}`,
		"field":            `{"statements":[{"node":{"type":"SELECT_NODE","into":"x"}}]}`,
		"statement field":  `{"statements":[{"node":{"type":"SELECT_NODE"},"into":"x"}]}`,
		"expression":       `{"statements":[{"node":{"type":"SELECT_NODE","select_list":[{"class":"MAGIC"}]}}]}`,
		"expression field": `{"statements":[{"node":{"type":"SELECT_NODE","select_list":[{"class":"CONSTANT","run":"x"}]}}]}`,
		"not an object":    `{"statements":[{"node":{"type":"SELECT_NODE","select_list":[5]}}]}`,
		"not a list":       `{"statements":[{"node":{"type":"SELECT_NODE","select_list":5}}]}`,
		"table":            `{"statements":[{"node":{"type":"SELECT_NODE","from_table":{"type":"COLUMN_DATA"}}}]}`,
		"modifier":         `{"statements":[{"node":{"type":"SELECT_NODE","modifiers":[{"type":"X"}]}}]}`,
		"empty join":       `{"statements":[{"node":{"type":"SELECT_NODE","from_table":{"type":"JOIN"}}}]}`,
		"empty recursion":  `{"statements":[{"node":{"type":"RECURSIVE_CTE_NODE"}}]}`,
		"cte":              `{"statements":[{"node":{"type":"SELECT_NODE","cte_map":{"map":[{"key":"a"}]}}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Check([]byte(tree), catalog{})
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("got %v, want an *Error", err)
			}
		})
	}
}
