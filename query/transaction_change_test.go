package query

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine"
)

// in runs statements in a session and fails the test on an error.
func in(t *testing.T, s *Session, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := tag(t, s, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// answer runs a query in a session and returns its rows as lines.
func answer(t *testing.T, s *Session, sql string) string {
	t.Helper()
	st, err := s.Prepare(ctx, sql, nil)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	got, err := table(s.Execute(ctx, st, nil))
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

func checkIn(t *testing.T, s *Session, sql, want string) {
	t.Helper()
	if got := answer(t, s, sql); got != want {
		t.Errorf("%s\n got:\n%s\nwant:\n%s", sql, got, want)
	}
}

func refuse(t *testing.T, s *Session, sql, code string) *Error {
	t.Helper()
	_, err := tag(t, s, sql)
	var e *Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("%s: %v, want %s", sql, err, code)
	}
	return e
}

// session opens a session that ends with the test.
func session(t *testing.T, db *DB) *Session {
	t.Helper()
	s := db.NewSession(SessionOptions{})
	t.Cleanup(s.Close)
	return s
}

// openLeakless opens a database that must have given all memory back when the
// test ends.
func openLeakless(t *testing.T, dir string, o engine.Options) *DB {
	t.Helper()
	db, err := Open(ctx, dir, Options{Engine: o})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(ctx); err != nil {
			t.Error(err)
		}
		if n := db.Engine().Allocator().Bytes(); n != 0 {
			t.Errorf("%d bytes are still allocated after Close", n)
		}
	})
	return db
}

const letters = "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR, n INTEGER NOT NULL DEFAULT 7)"

func withLetters(t *testing.T, dir string) *DB {
	db := openLeakless(t, dir, engine.Options{})
	exec(t, db, letters)
	exec(t, db, "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)")
	return db
}

func TestTransactionWrites(t *testing.T) {
	dir := t.TempDir()
	db := withLetters(t, dir)
	s := session(t, db)
	in(t, s, "BEGIN", "INSERT INTO t (id, name) VALUES (4, 'd')", "UPDATE t SET n = n + 10 WHERE id IN (1, 4)", "DELETE FROM t WHERE id = 2")
	checkIn(t, s, "SELECT id, name, n FROM t ORDER BY id", "1 a 11\n3 c 3\n4 d 17")
	checkIn(t, s, "SELECT id FROM public.t WHERE public.t.n > 10 ORDER BY id", "1\n4")
	checkIn(t, s, "SELECT name FROM millstream.tables", "t")
	check(t, db, "SELECT id, name, n FROM t ORDER BY id", "1 a 1\n2 b 2\n3 c 3")
	for _, c := range [][2]string{
		{"UPDATE t SET id = id + 1 WHERE id >= 3", "UPDATE 2"}, // 3→4, 4→5
		{"UPDATE t SET name = 'x' WHERE id = 77", "UPDATE 0"},
		{"INSERT INTO t VALUES (5, 'e', 5), (6, 'f', 6) ON CONFLICT (id) DO UPDATE SET name = excluded.name", "INSERT 0 2"},
		{"INSERT INTO t SELECT id + 100, name, n FROM t WHERE id < 5", "INSERT 0 2"},
		{"DELETE FROM t USING (VALUES (101)) AS x(id) WHERE t.id = x.id", "DELETE 1"},
	} {
		if got, err := tag(t, s, c[0]); err != nil || got != c[1] {
			t.Errorf("%s: %q, %v, want %s", c[0], got, err, c[1])
		}
	}
	const want = "1 a 11\n4 c 3\n5 e 17\n6 f 6\n104 c 3"
	checkIn(t, s, "SELECT id, name, n FROM t ORDER BY id", want)
	before := db.Engine().Epoch()
	in(t, s, "COMMIT")
	if got := db.Engine().Epoch(); got > before+2 { // the checkpoint's and the change's
		t.Errorf("COMMIT took %d epochs", got-before)
	}
	check(t, db, "SELECT id, name, n FROM t ORDER BY id", want)
	check(t, db, "SELECT rows FROM millstream.tables", "5")
	checkIn(t, s, "SELECT id, name, n FROM t ORDER BY id", want)
	in(t, s, "BEGIN", "TRUNCATE t", "INSERT INTO t VALUES (1, 'new', 1)", "COMMIT")
	check(t, db, "SELECT * FROM t", "1 new 1")
	check(t, db, "SELECT rows FROM millstream.tables", "1")
	in(t, s, "BEGIN", "INSERT INTO t VALUES (2, 'two', 2)", "DELETE FROM t", "ROLLBACK")
	check(t, db, "SELECT * FROM t", "1 new 1")
}

func TestTransactionKeepsRules(t *testing.T) {
	db := withLetters(t, "")
	s := session(t, db)
	for _, c := range []struct {
		before    []string
		sql, code string
	}{
		{nil, "INSERT INTO t VALUES (1, 'again', 0)", CodeUniqueViolation},
		{[]string{"INSERT INTO t VALUES (9, 'own', 0)"}, "INSERT INTO t VALUES (9, 'again', 0)", CodeUniqueViolation},
		{[]string{"INSERT INTO t VALUES (9, 'own', 0)"}, "UPDATE t SET id = 9 WHERE id = 1", CodeUniqueViolation},
		{[]string{"DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (1, 'new', 0)"}, "UPDATE t SET id = 1", CodeUniqueViolation},
		{[]string{"INSERT INTO t VALUES (9, 'own', 0)"}, "UPDATE t SET n = NULL WHERE id = 9", CodeNotNullViolation},
		{nil, "INSERT INTO t VALUES (9, 'x', NULL)", CodeNotNullViolation},
	} {
		in(t, s, "BEGIN")
		in(t, s, c.before...)
		refuse(t, s, c.sql, c.code)
		refuse(t, s, "SELECT 1", CodeInFailedTransaction)
		if got, err := tag(t, s, "COMMIT"); got != "ROLLBACK" || err != nil {
			t.Errorf("COMMIT of a failed transaction: %q, %v", got, err)
		}
		check(t, db, "SELECT id, name FROM t ORDER BY id", "1 a\n2 b\n3 c")
	}
	// A key that its own transaction has freed can be taken.
	in(t, s, "BEGIN", "DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (1, 'new', 0)", "UPDATE t SET id = 5 - id WHERE id IN (2, 3)", "COMMIT")
	check(t, db, "SELECT id, name FROM t ORDER BY id", "1 new\n2 c\n3 b")
}

func TestSavepointsTakeChangesBack(t *testing.T) {
	db := withLetters(t, "")
	s := session(t, db)
	in(t, s, "BEGIN", "SAVEPOINT none", "DELETE FROM t WHERE id = 1", "SAVEPOINT a", "INSERT INTO t VALUES (4, 'd', 4)", "SAVEPOINT b", "TRUNCATE t",
		"INSERT INTO t VALUES (9, 'z', 9)")
	checkIn(t, s, "SELECT id FROM t", "9")
	in(t, s, "ROLLBACK TO b")
	checkIn(t, s, "SELECT id FROM t ORDER BY id", "2\n3\n4")
	refuse(t, s, "INSERT INTO t VALUES (4, 'again', 4)", CodeUniqueViolation)
	in(t, s, "ROLLBACK TO b", "UPDATE t SET n = 0", "RELEASE b")
	checkIn(t, s, "SELECT id, n FROM t ORDER BY id", "2 0\n3 0\n4 0")
	in(t, s, "ROLLBACK TO a")
	checkIn(t, s, "SELECT id, n FROM t ORDER BY id", "2 2\n3 3")
	// An error in the middle of a query ends DuckDB's transaction, and not this one.
	refuse(t, s, "UPDATE t SET n = CAST(name AS INTEGER)", CodeInvalidText)
	in(t, s, "ROLLBACK TO a")
	checkIn(t, s, "SELECT id, n FROM t ORDER BY id", "2 2\n3 3")
	in(t, s, "INSERT INTO t VALUES (5, 'e', 5)", "COMMIT")
	check(t, db, "SELECT id FROM t ORDER BY id", "2\n3\n5")
	in(t, s, "BEGIN", "SAVEPOINT none", "DELETE FROM t", "ROLLBACK TO none", "COMMIT")
	check(t, db, "SELECT id FROM t ORDER BY id", "2\n3\n5")
}

// copyInto runs a COPY FROM STDIN with the given rows.
func copyInto(t *testing.T, s *Session, sql, rows string) (string, error) {
	t.Helper()
	st, err := s.Prepare(ctx, sql, nil)
	if err != nil {
		return "", err
	}
	in, err := st.Input()
	if err != nil {
		return "", err
	}
	defer in.Close()
	if err := in.Write([]byte(rows)); err != nil {
		return "", err
	}
	r, err := in.Finish(ctx)
	if err != nil {
		return "", err
	}
	return r.Tag, nil
}

func TestCopyInTransactions(t *testing.T) {
	db := withLetters(t, "")
	s := session(t, db)
	const sql = "COPY t (id, name) FROM STDIN (FORMAT csv)"
	in(t, s, "BEGIN", "DELETE FROM t WHERE id = 1")
	if got, err := copyInto(t, s, sql, "1,new\n4,d\n"); got != "COPY 2" || err != nil {
		t.Errorf("COPY: %q, %v", got, err)
	}
	checkIn(t, s, "SELECT id, name FROM t ORDER BY id", "1 new\n2 b\n3 c\n4 d")
	check(t, db, "SELECT count(*) FROM t", "3")
	in(t, s, "SAVEPOINT a")
	var e *Error
	if _, err := copyInto(t, s, sql, "5,e\n2,again\n"); !errors.As(err, &e) || e.Code != CodeUniqueViolation || s.Status() != 'E' {
		t.Errorf("COPY of a key that is there: %v, the transaction has the state %c", err, s.Status())
	}
	in(t, s, "ROLLBACK TO a")
	if _, err := copyInto(t, s, sql, "five,e\n"); !errors.As(err, &e) || e.Code != CodeInvalidText {
		t.Errorf("COPY of a text into a number: %v", err)
	}
	in(t, s, "ROLLBACK TO a", "COMMIT")
	check(t, db, "SELECT id, name FROM t ORDER BY id", "1 new\n2 b\n3 c\n4 d")
	in(t, s, "BEGIN READ ONLY")
	if _, err := copyInto(t, s, sql, "5,e\n"); !errors.As(err, &e) || e.Code != CodeReadOnlyTransaction || e.Message != "cannot execute COPY FROM in a read-only transaction" || s.Status() != 'E' {
		t.Errorf("COPY in a read-only transaction: %v, the transaction has the state %c", err, s.Status())
	}
}

func TestConcurrentTransactions(t *testing.T) {
	db := withLetters(t, "")
	a, b := session(t, db), session(t, db)
	// What was read is no longer there.
	in(t, a, "BEGIN", "UPDATE t SET n = n + 1 WHERE id = 1")
	in(t, b, "UPDATE t SET n = 50 WHERE id = 1")
	checkIn(t, a, "SELECT n FROM t WHERE id = 1", "2")
	if e := refuse(t, a, "COMMIT", "40001"); e.Hint == "" || !strings.Contains(e.Detail, `"t"`) {
		t.Errorf("the error has the hint %q and the detail %q", e.Hint, e.Detail)
	}
	if a.Status() != 'I' {
		t.Errorf("the transaction has the state %c after COMMIT failed", a.Status())
	}
	check(t, db, "SELECT n FROM t WHERE id = 1", "50")
	// Rows that only come do not collide, but their keys may.
	in(t, a, "BEGIN", "INSERT INTO t VALUES (10, 'j', 1)")
	in(t, b, "BEGIN", "INSERT INTO t VALUES (11, 'k', 1)", "COMMIT", "DELETE FROM t WHERE id = 3")
	in(t, a, "COMMIT")
	check(t, db, "SELECT id FROM t ORDER BY id", "1\n2\n10\n11")
	in(t, a, "BEGIN", "INSERT INTO t VALUES (12, 'l', 1)")
	in(t, b, "INSERT INTO t VALUES (12, 'other', 1)")
	refuse(t, a, "COMMIT", CodeUniqueViolation)
	check(t, db, "SELECT name FROM t WHERE id = 12", "other")
	in(t, a, "BEGIN", "INSERT INTO t VALUES (13, 'm', 1) ON CONFLICT DO NOTHING")
	in(t, b, "INSERT INTO t VALUES (13, 'other', 1)")
	refuse(t, a, "COMMIT", "40001")
	// Own rows are nobody else's business.
	in(t, a, "BEGIN", "INSERT INTO t VALUES (14, 'n', 1), (15, 'o', 1)", "UPDATE t SET n = 2 WHERE id = 14", "DELETE FROM t WHERE id = 15")
	in(t, b, "INSERT INTO t VALUES (15, 'other', 1)")
	in(t, a, "COMMIT")
	check(t, db, "SELECT id, name, n FROM t WHERE id > 13 ORDER BY id", "14 n 2\n15 other 1")
	// Of two tables neither is changed.
	exec(t, db, "CREATE TABLE u (id BIGINT)")
	in(t, a, "BEGIN", "INSERT INTO u VALUES (1)", "DELETE FROM t WHERE id = 1")
	in(t, b, "UPDATE t SET n = 0")
	refuse(t, a, "COMMIT", "40001")
	check(t, db, "SELECT count(*) FROM u", "0")
	// A table made anew is another one.
	in(t, a, "BEGIN", "INSERT INTO u VALUES (1)")
	exec(t, db, "DROP TABLE u")
	exec(t, db, "CREATE TABLE u (id BIGINT)")
	refuse(t, a, "COMMIT", "40001")
	in(t, a, "BEGIN", "SELECT count(*) FROM u")
	exec(t, db, "ALTER TABLE u ADD COLUMN more VARCHAR")
	refuse(t, a, "INSERT INTO u (id) VALUES (1)", "40001")
	in(t, a, "ROLLBACK", "BEGIN", "INSERT INTO u VALUES (1, 'x')")
	refuse(t, a, "ALTER TABLE u RENAME TO v", CodeActiveTransaction)
}

func TestReadOnlyTransactions(t *testing.T) {
	db := withLetters(t, "")
	exec(t, db, "CREATE SOURCE src (id BIGINT)")
	s := session(t, db)
	for _, begin := range [][]string{
		{"BEGIN READ ONLY"}, {"BEGIN", "SET TRANSACTION READ ONLY"}, {"BEGIN", "SELECT count(*) FROM t", "SET transaction_read_only = true"},
		{"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "BEGIN"}, {"SET default_transaction_read_only = on", "START TRANSACTION"},
	} {
		for sql, command := range map[string]string{
			"INSERT INTO t VALUES (9, 'x', 1)": "INSERT", "UPDATE t SET n = 1": "UPDATE", "DELETE FROM t": "DELETE", "TRUNCATE t": "TRUNCATE TABLE",
			"INSERT INTO src VALUES (1)": "INSERT", "CREATE TABLE u (id BIGINT)": "CREATE TABLE",
		} {
			in(t, s, begin...)
			checkIn(t, s, "SHOW transaction_read_only", "on")
			if e := refuse(t, s, sql, CodeReadOnlyTransaction); e.Message != "cannot execute "+command+" in a read-only transaction" {
				t.Errorf("%s: %s", sql, e.Message)
			}
			in(t, s, "ROLLBACK", "SET default_transaction_read_only = off")
			checkIn(t, s, "SHOW transaction_read_only", "off")
		}
	}
	in(t, s, "SET default_transaction_read_only = on")
	refuse(t, s, "DELETE FROM t", CodeReadOnlyTransaction)
	refuse(t, s, "DROP TABLE t", CodeReadOnlyTransaction)
	in(t, s, "BEGIN READ WRITE", "DELETE FROM t WHERE id = 1", "COMMIT", "RESET default_transaction_read_only", "DELETE FROM t WHERE id = 2")
	check(t, db, "SELECT id FROM t", "3")
	in(t, s, "BEGIN READ ONLY", "SELECT 1 FROM t")
	refuse(t, s, "SET TRANSACTION READ WRITE", CodeActiveTransaction)
}

func TestCursorsSeeWhatWasThereBeforeAChange(t *testing.T) {
	db := withLetters(t, "")
	s := session(t, db)
	in(t, s, "BEGIN", "INSERT INTO t VALUES (4, 'd', 4)", "DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id", "DELETE FROM t WHERE id > 1", "SAVEPOINT a")
	checkIn(t, s, "FETCH 2 c", "1\n2")
	in(t, s, "DELETE FROM t", "ROLLBACK TO a")
	checkIn(t, s, "FETCH ALL c", "3\n4")
	checkIn(t, s, "SELECT id FROM t", "1")
}

// Who runs a transaction again after a conflict loses nothing, and readers see no
// transaction half.
func TestTransfers(t *testing.T) {
	dir := t.TempDir()
	db := openLeakless(t, dir, engine.Options{})
	exec(t, db, "CREATE TABLE debit (id BIGINT PRIMARY KEY, n BIGINT)")
	exec(t, db, "CREATE TABLE credit (id BIGINT PRIMARY KEY, n BIGINT)")
	exec(t, db, "INSERT INTO debit SELECT i, 0 FROM range(5) r(i)")
	exec(t, db, "INSERT INTO credit SELECT i, 0 FROM range(5) r(i)")
	const workers, each = 4, 8
	done := make(chan error, workers)
	for w := range workers {
		go func() {
			s := db.NewSession(SessionOptions{})
			defer s.Close()
			run := func(sql string) error {
				_, err := tag(t, s, sql)
				return err
			}
			for i := range each {
				for {
					err := errors.Join(run("BEGIN"), run(fmt.Sprintf("UPDATE debit SET n = n - 1 WHERE id = %d", (w+i)%5)),
						run("DELETE FROM credit WHERE id = 2"),
						run("INSERT INTO credit SELECT 2, -(SELECT sum(n) FROM debit) - (SELECT sum(n) FROM credit)"), run("COMMIT"))
					var e *Error
					if errors.As(err, &e) && e.Code == "40001" {
						continue
					}
					if err != nil {
						done <- err
						return
					}
					break
				}
			}
			done <- nil
		}()
	}
	for range workers {
		for running := true; running; {
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				running = false
			default:
				check(t, db, "SELECT (SELECT sum(n) FROM debit) + (SELECT sum(n) FROM credit)", "0")
			}
		}
	}
	check(t, db, "SELECT sum(n) FROM debit", fmt.Sprint(-workers*each))
	check(t, db, "SELECT sum(n) FROM credit", fmt.Sprint(workers*each))
}

// Names mean the same before and after a transaction has changed something.
func TestNamesInTransactionsThatWrite(t *testing.T) {
	db := withLetters(t, "")
	exec(t, db, "CREATE SOURCE src (id BIGINT)")
	exec(t, db, "INSERT INTO src VALUES (1), (2)")
	s := session(t, db)
	for _, sql := range []string{
		"SELECT current_schema(), current_database(), current_setting('search_path')",
		"SELECT table_schema, table_name FROM information_schema.tables ORDER BY ALL",
		"SELECT relname, relnamespace::regnamespace FROM pg_class WHERE relname IN ('t', 'src') ORDER BY 1",
		"SELECT has_table_privilege('t', 'INSERT'), 't'::regclass",
		"SELECT count(*) FROM information_schema.columns",
		"SELECT pg_typeof(id), quote_ident('a b'), to_char(TIMESTAMP '2024-01-01', 'YYYY') FROM t LIMIT 1",
		"SELECT id, _offset FROM src JOIN t USING (id) ORDER BY 1",
		"SELECT count(*) FROM millstream.tables",
		"SELECT * FROM src$late",
		"WITH t AS (SELECT 5 AS id) SELECT * FROM t",
		"SELECT count(*) FROM t AS public",
		"SELECT (SELECT max(id) FROM public.t x WHERE x.id <= src.id) FROM src ORDER BY 1",
		"SELECT a.id, b.id FROM public.t a FULL JOIN t b ON a.id = b.id + 1 ORDER BY 1, 2",
		`SELECT id FROM "public"."T" ORDER BY ID`,
	} {
		want := answer(t, s, sql)
		in(t, s, "BEGIN", "UPDATE t SET n = n")
		checkIn(t, s, sql, want)
		in(t, s, "ROLLBACK")
	}
}

// A view that joins a table sees all of a transaction or nothing.
func TestViewsSeeTransactionsWhole(t *testing.T) {
	db := openLeakless(t, "", engine.Options{})
	exec(t, db, "CREATE TABLE a (k BIGINT PRIMARY KEY, v BIGINT)")
	exec(t, db, "CREATE TABLE b (k BIGINT PRIMARY KEY, v BIGINT)")
	exec(t, db, "INSERT INTO a VALUES (1, 0)")
	exec(t, db, "INSERT INTO b VALUES (1, 0)")
	exec(t, db, "CREATE SOURCE s (k BIGINT)")
	exec(t, db, "CREATE MATERIALIZED VIEW seen AS SELECT a.v AS av, b.v AS bv, count(*) AS n FROM s JOIN a ON a.k = s.k JOIN b ON b.k = s.k GROUP BY a.v, b.v")
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
				if err := db.Exec(ctx, "INSERT INTO s VALUES (1)"); err != nil {
					done <- err
					return
				}
			}
		}
	}()
	w := session(t, db)
	for i := 1; i <= 20; i++ {
		in(t, w, "BEGIN", fmt.Sprintf("UPDATE a SET v = %d", i), "DELETE FROM b", fmt.Sprintf("INSERT INTO b VALUES (1, %d)", i), "COMMIT")
		check(t, db, "SELECT a.v - b.v FROM a, b", "0")
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	check(t, db, "SELECT count(*) FROM seen WHERE av <> bv", "0")
	check(t, db, "SELECT (SELECT sum(n) FROM seen) = (SELECT count(*) FROM s)", "true")
}

// Random transactions leave a table as the same statements leave a table that is
// written by autocommit, and one of them that is rolled back leaves nothing.
func TestRandomTransactions(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { randomTransactions(t, rand.New(rand.NewPCG(seed, 1)), t.TempDir()) })
	}
}

// model is what a transaction should have made of a table: key to value.
type model map[int]int

func (m model) clone() model {
	out := make(model)
	for k, v := range m {
		out[k] = v
	}
	return out
}

func (m model) String() string {
	var lines []string
	for k := range 40 {
		if v, ok := m[k]; ok {
			lines = append(lines, fmt.Sprint(k, " ", v))
		}
	}
	return strings.Join(lines, "\n")
}

// statement returns a random statement and applies it to the model; ok is false
// if it must fail, which leaves the model alone.
func (m model) statement(r *rand.Rand) (sql, tag string, ok bool) {
	k, v, n := r.IntN(20), r.IntN(100), 0
	switch r.IntN(9) {
	case 0, 1:
		_, there := m[k]
		if !there {
			m[k] = v
		}
		return fmt.Sprintf("INSERT INTO t VALUES (%d, %d)", k, v), "INSERT 0 1", !there
	case 2:
		for i := range 3 {
			m[k+i] = v + i
		}
		return fmt.Sprintf("INSERT INTO t SELECT %d + i, %d + i FROM range(3) r(i) ON CONFLICT (k) DO UPDATE SET v = excluded.v", k, v), "INSERT 0 3", true
	case 3:
		if _, there := m[k]; !there {
			m[k], n = v, 1
		}
		return fmt.Sprintf("INSERT INTO t VALUES (%d, %d) ON CONFLICT DO NOTHING", k, v), fmt.Sprint("INSERT 0 ", n), true
	case 4:
		for i := range m {
			if i%3 == k%3 {
				m[i]++
				n++
			}
		}
		return fmt.Sprintf("UPDATE t SET v = v + 1 WHERE k %% 3 = %d", k%3), fmt.Sprint("UPDATE ", n), true
	case 5: // keys move, over each other too
		moved := make(model)
		for i, x := range m {
			to := i
			if i < 20 {
				to, n = 19-i, n+1
			}
			moved[to] = x
		}
		clear(m)
		for i, x := range moved {
			m[i] = x
		}
		return "UPDATE t SET k = 19 - k WHERE k < 20", fmt.Sprint("UPDATE ", n), true
	case 6:
		for i := range m {
			if i > k {
				delete(m, i)
				n++
			}
		}
		return fmt.Sprintf("DELETE FROM t WHERE k > %d", k), fmt.Sprint("DELETE ", n), true
	case 7:
		if r.IntN(3) > 0 {
			return "UPDATE t SET v = NULL WHERE k = -1", "UPDATE 0", true
		}
		clear(m)
		return "TRUNCATE t", "TRUNCATE TABLE", true
	default:
		if len(m) == 0 {
			return "DELETE FROM t", "DELETE 0", true
		}
		return "INSERT INTO t SELECT k, v FROM t", "", false
	}
}

func randomTransactions(t *testing.T, r *rand.Rand, dir string) {
	db, err := Open(ctx, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { db.Close(ctx) }()
	exec(t, db, "CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT NOT NULL)")
	committed := make(model)
	const all = "SELECT k, v FROM t ORDER BY k"
	for range 6 {
		s := db.NewSession(SessionOptions{})
		in(t, s, "BEGIN")
		now := committed.clone()
		var saved []model
		failed := false
		for range 12 {
			switch action := r.IntN(10); {
			case action == 0 && !failed:
				in(t, s, fmt.Sprint("SAVEPOINT s", len(saved)))
				saved = append(saved, now.clone())
			case (action == 1 || failed) && len(saved) > 0:
				i := r.IntN(len(saved))
				in(t, s, fmt.Sprint("ROLLBACK TO s", i))
				now, saved, failed = saved[i].clone(), saved[:i+1], false
			case !failed:
				sql, want, ok := now.statement(r)
				got, err := tag(t, s, sql)
				if ok != (err == nil) || ok && got != want {
					t.Fatalf("%s: %q, %v, want %q, %t", sql, got, err, want, ok)
				}
				failed = !ok
			}
			if !failed {
				checkIn(t, s, all, now.String())
			}
			check(t, db, all, committed.String())
		}
		if r.IntN(4) > 0 {
			got, err := tag(t, s, "COMMIT")
			if err != nil || failed != (got == "ROLLBACK") {
				t.Fatalf("COMMIT: %q, %v", got, err)
			}
			if !failed {
				committed = now
			}
		}
		s.Close()
		check(t, db, all, committed.String())
		if r.IntN(3) == 0 {
			if err := db.Close(ctx); err != nil {
				t.Fatal(err)
			}
			if n := db.Engine().Allocator().Bytes(); n != 0 {
				t.Errorf("%d bytes are still allocated after Close", n)
			}
			if db, err = Open(ctx, dir, Options{}); err != nil {
				t.Fatal(err)
			}
			check(t, db, all, committed.String())
		}
	}
}
