package query

import (
	"errors"
	"testing"
)

func wantTag(t *testing.T, db *DB, sql, want string, args ...any) {
	t.Helper()
	s := db.NewSession(SessionOptions{})
	defer s.Close()
	if got, err := tag(t, s, sql, args...); err != nil || got != want {
		t.Errorf("%s: tag %q, %v, want %q", sql, got, err, want)
	}
}

const customersSQL = `CREATE TABLE customers (id BIGINT PRIMARY KEY, name VARCHAR NOT NULL, tier VARCHAR DEFAULT 'basic',
  since TIMESTAMPTZ DEFAULT TIMESTAMPTZ '2024-01-01 00:00:00Z', score DECIMAL(8,2))`

func TestRowsOfATable(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	exec(t, db, customersSQL)
	wantTag(t, db, "INSERT INTO customers VALUES (1, 'Ann', 'gold', '2020-05-01 00:00:00Z', 12.5), (2, 'Bob', DEFAULT, DEFAULT, NULL)", "INSERT 0 2")
	wantTag(t, db, "INSERT INTO customers (name, id) VALUES ($2, $1)", "INSERT 0 1", int64(3), "Cid")
	wantTag(t, db, "INSERT INTO customers SELECT id + 10, name || '!' FROM customers WHERE id < $1", "INSERT 0 2", int64(3))
	check(t, db, "SELECT id, name, tier, year(since), score FROM customers ORDER BY id",
		"1 Ann gold 2020 12.5\n2 Bob basic 2024 (null)\n3 Cid basic 2024 (null)\n11 Ann! basic 2024 (null)\n12 Bob! basic 2024 (null)")
	wantTag(t, db, "UPDATE customers SET score = coalesce(score, 0) + $1, tier = DEFAULT WHERE id > 1 AND id < 11", "UPDATE 2", 0.5)
	wantTag(t, db, "UPDATE customers c SET name = o.name FROM customers o WHERE o.id = c.id - 10", "UPDATE 2")
	wantTag(t, db, "DELETE FROM customers WHERE id = 12", "DELETE 1")
	wantTag(t, db, "DELETE FROM customers c USING (VALUES (3)) AS x(id) WHERE c.id = x.id", "DELETE 1")
	wantTag(t, db, "UPDATE customers SET name = 'none' WHERE id = 77", "UPDATE 0")
	const want = "1 Ann gold 12.5\n2 Bob basic 0.5\n11 Ann basic (null)"
	check(t, db, "SELECT id, name, tier, score FROM customers ORDER BY id", want)
	check(t, db, "SELECT name, rows, primary_key FROM millstream.tables", "customers 3 id")
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir)
	check(t, db, "SELECT id, name, tier, score FROM customers ORDER BY id", want)
	check(t, db, "SHOW TABLES", "customers table")
	check(t, db, "DESCRIBE customers", "id BIGINT primary key\nname VARCHAR not null\ntier VARCHAR default 'basic'\n"+
		"since TIMESTAMP WITH TIME ZONE default TIMESTAMPTZ '2024-01-01 00:00:00Z'\nscore DECIMAL(8,2) ")
	wantTag(t, db, "DELETE FROM customers", "DELETE 3")
	wantError(t, db, "INSERT INTO customers DEFAULT VALUES", CodeNotNullViolation, "id")
	wantTag(t, db, "INSERT INTO customers (id, name) SELECT i, 'x' FROM range(100000) r(i)", "INSERT 0 100000")
	wantTag(t, db, "TRUNCATE customers", "TRUNCATE TABLE")
	check(t, db, "SELECT count(*) FROM customers", "0")
	exec(t, db, "DROP TABLE customers")
	wantError(t, db, "SELECT * FROM customers", CodeUndefinedTable, "customers")
	exec(t, db, "CREATE SOURCE customers (id BIGINT)")
}

func TestOnConflict(t *testing.T) {
	db := open(t, "")
	exec(t, db, "CREATE TABLE stock (shop VARCHAR, item BIGINT, n BIGINT DEFAULT 0, seen BIGINT DEFAULT 1, PRIMARY KEY (shop, item))")
	exec(t, db, "INSERT INTO stock VALUES ('a', 1, 10), ('a', 2, 20)")
	wantTag(t, db, "INSERT INTO stock VALUES ('a', 1, 11), ('b', 1, 5), ('b', 1, 6) ON CONFLICT DO NOTHING", "INSERT 0 1")
	wantTag(t, db, "INSERT INTO stock VALUES ('a', 1, 3), ('c', 9, 4) ON CONFLICT (item, shop) DO UPDATE SET n = stock.n + excluded.n, seen = stock.seen + $1", "INSERT 0 2", int64(100))
	wantTag(t, db, "INSERT INTO stock (shop, item, n) VALUES ('a', $1, $2) ON CONFLICT (shop, item) DO UPDATE SET n = excluded.n WHERE stock.n < excluded.n AND excluded.n < $3",
		"INSERT 0 0", int64(1), int64(50), int64(40))
	check(t, db, "SELECT * FROM stock ORDER BY shop, item", "a 1 13 101\na 2 20 1\nb 1 5 1\nc 9 4 1")
	wantError(t, db, "INSERT INTO stock VALUES ('x', 1), ('x', 1) ON CONFLICT (shop, item) DO UPDATE SET n = 1", "21000", "a second time")
	wantError(t, db, "INSERT INTO stock VALUES ('x', 1) ON CONFLICT (item) DO NOTHING", "42P10", "no unique")
	wantError(t, db, "INSERT INTO stock VALUES ('x', 1) ON CONFLICT DO UPDATE SET n = 1", CodeSyntaxError, "requires")
	check(t, db, "SELECT count(*) FROM stock", "4")
}

func TestConstraintsOfATable(t *testing.T) {
	db := open(t, "")
	exec(t, db, customersSQL)
	exec(t, db, "INSERT INTO customers (id, name) VALUES (1, 'Ann'), (2, 'Bob')")
	for _, c := range []struct{ sql, code, message string }{
		{"INSERT INTO customers (id, name) VALUES (3, 'x'), (1, 'y')", CodeUniqueViolation, `duplicate key value violates unique constraint "customers_pkey"`},
		{"INSERT INTO customers (id, name) VALUES (4, 'x'), (4, 'y')", CodeUniqueViolation, "customers_pkey"},
		{"UPDATE customers SET id = 9", CodeUniqueViolation, "customers_pkey"},
		{"UPDATE customers SET id = 2 WHERE id = 1", CodeUniqueViolation, "customers_pkey"},
		{"INSERT INTO customers (id) VALUES (5)", CodeNotNullViolation, `null value in column "name" of relation "customers" violates not-null constraint`},
		{"INSERT INTO customers (name) VALUES ('x')", CodeNotNullViolation, `"id"`},
		{"UPDATE customers SET name = NULL WHERE id = 2", CodeNotNullViolation, `"name"`},
		{"INSERT INTO customers VALUES (1, 'a', 'b', now(), 2, 3)", CodeSyntaxError, "more expressions than target columns"},
		{"INSERT INTO customers (id, name) VALUES (1)", CodeSyntaxError, "more target columns than expressions"},
		{"INSERT INTO customers (id, name) VALUES (7, 'a'), (8)", CodeSyntaxError, "same length"},
		{"INSERT INTO customers (id, nick) VALUES (7, 'a')", CodeUndefinedColumn, `column "nick" of relation "customers" does not exist`},
		{"INSERT INTO customers (id, id) VALUES (7, 8)", "42701", "more than once"},
		{"INSERT INTO customers (id, name) VALUES ('seven', 'a')", CodeInvalidText, "seven"},
		{"INSERT INTO customers (id, name, score) VALUES (7, 'a', 1e9)", CodeNumericOutOfRange, "1000000000"},
		{"UPDATE customers SET name = 'a', name = 'b'", CodeSyntaxError, "multiple assignments"},
		{"UPDATE customers SET name = nick", CodeUndefinedColumn, "nick"},
		{"UPDATE missing SET name = 1", CodeUndefinedTable, `"missing" does not exist`},
		{"DELETE FROM millstream.tables", CodeInsufficientPrivilege, "system table"},
		{"CREATE TABLE customers (a INT)", CodeDuplicateTable, "already exists"},
		{"CREATE TABLE t (a INT DEFAULT b)", CodeUndefinedColumn, "b"},
		{"CREATE TABLE t (a INT DEFAULT (SELECT 1 FROM customers))", CodeUndefinedTable, "customers"},
		{"CREATE TABLE t (a INT DEFAULT getenv('HOME'))", CodeInsufficientPrivilege, "getenv"},
		{"CREATE TABLE t (a NONSENSE)", CodeUndefinedObject, "NONSENSE"},
	} {
		wantError(t, db, c.sql, c.code, c.message)
	}
	// A key may move to where another one leaves.
	wantTag(t, db, "UPDATE customers SET id = 3 - id", "UPDATE 2")
	check(t, db, "SELECT id, name FROM customers ORDER BY id", "1 Bob\n2 Ann")
	var e *Error
	if err := db.Exec(ctx, "INSERT INTO customers (id, name) VALUES (2, 'x')"); !errors.As(err, &e) || e.Detail != "Key (id)=(2) already exists." {
		t.Errorf("%#v", e)
	}
	if err := db.Exec(ctx, "UPDATE customers SET name = upper(nick)"); !errors.As(err, &e) || e.Position != 35 {
		t.Errorf("place of an error: %#v", e)
	}
}

// TestHostileChanges holds the gate in front of every place of a statement that
// takes an expression.
func TestHostileChanges(t *testing.T) {
	db := open(t, "")
	exec(t, db, customersSQL)
	exec(t, db, "INSERT INTO customers (id, name) VALUES (1, 'Ann')")
	for _, sql := range []string{
		"INSERT INTO customers (id, name) VALUES (2, getenv('HOME'))",
		"INSERT INTO customers (id, name) SELECT 2, content FROM read_text('/etc/passwd')",
		"INSERT INTO customers (id, name) SELECT 2, definition FROM history.internal.objects",
		"INSERT INTO customers (id, name) SELECT epoch, 'x' FROM internal.epoch",
		"INSERT INTO customers (id, name) SELECT 2, sql FROM duckdb_views()",
		"UPDATE customers SET name = getenv('HOME')",
		"UPDATE customers SET name = (SELECT content FROM read_text('/etc/passwd'))",
		"UPDATE customers SET name = 'x' FROM read_text('/etc/passwd') AS f",
		"UPDATE customers SET name = 'x' WHERE getenv('HOME') <> ''",
		"UPDATE customers SET name = 'x') FROM history.internal.objects --",
		"UPDATE customers SET name = 'x' FROM ms_scan('sys:views')",
		"DELETE FROM customers USING ms_scan('sys:views')",
		"DELETE FROM customers WHERE (SELECT count(*) FROM history.main.customers) > 0",
		"INSERT INTO customers (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = getenv('HOME')",
		"INSERT INTO customers (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'x' WHERE (SELECT count(*) FROM dml.other) > 0",
		"INSERT INTO customers (id, name) VALUES (2, 'x'); DROP TABLE customers",
		"DELETE FROM customers WHERE true; DROP TABLE customers",
	} {
		if err := db.Exec(ctx, sql); err == nil {
			t.Errorf("%s: no error", sql)
		}
	}
	check(t, db, "SELECT id, name FROM customers", "1 Ann")
}
