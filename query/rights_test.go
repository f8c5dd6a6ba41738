package query

import (
	"context"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/query/verifier"
)

// as opens a session of a role that has logged in.
func as(t *testing.T, db *DB, role string) *Session {
	t.Helper()
	s := db.NewSession(SessionOptions{User: role, LoggedIn: true})
	t.Cleanup(s.Close)
	return s
}

func runAs(t *testing.T, s *Session, sql string) error {
	t.Helper()
	st, err := s.Prepare(context.Background(), sql, nil)
	if err != nil {
		return err
	}
	r, err := s.Execute(context.Background(), st, nil)
	if err == nil {
		r.Close()
	}
	return err
}

func openForRights(t *testing.T, dir string) *DB {
	t.Helper()
	db, err := Open(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestPasswordsAreKeptAsVerifiers(t *testing.T) {
	db := openForRights(t, "")
	ctx := context.Background()
	given, err := verifier.New("sécret")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sql, password string // "": none fits
	}{
		{"CREATE USER ann PASSWORD 'geheim'", "geheim"},
		{"ALTER ROLE ann CONNECTION LIMIT 3", "geheim"},
		{"ALTER ROLE ann PASSWORD '" + given.String() + "'", "sécret"},
		{"ALTER ROLE ann PASSWORD ''", ""},
		{"ALTER ROLE ann PASSWORD 'a''b'", "a'b"},
		{"ALTER ROLE ann PASSWORD NULL", ""},
	} {
		if err := db.Exec(ctx, c.sql); err != nil {
			t.Fatalf("%s: %v", c.sql, err)
		}
		l, ok := db.Login("ann")
		if !ok || !l.Allowed || (l.Verifier == "") != (c.password == "") {
			t.Fatalf("after %s: %v, %t", c.sql, l, ok)
		}
		if c.password == "" {
			continue
		}
		v, err := verifier.Parse(l.Verifier)
		if err != nil || !v.Matches(c.password) || strings.Contains(l.Verifier, c.password) {
			t.Errorf("after %s: %v, %v", c.sql, l, err)
		}
	}
	if l, _ := db.Login("ann"); l.ConnectionLimit != 3 {
		t.Errorf("the connection limit is %d", l.ConnectionLimit)
	}
	// No error shows a password.
	for _, sql := range []string{
		"CREATE ROLE x PASSWORD geheim", "CREATE ROLE x PASSWORD 'geheim' PASSWORT", "CREATE ROLE x PASSWORD 'geheim' SUPERUSER", "CREATE ROLE ann PASSWORD 'geheim'",
		"ALTER ROLE nobody PASSWORD 'geheim'", "CREATE ROLE x PASSWORD 'geheim' VALID UNTIL 'never'", "CREATE ROLE x PASSWORD 'geheim", "ALTER ROLE reader PASSWORD 'geheim'",
		"CREATE ROLE x PASSWORD $$geheim", "CREATE ROLE x PASSWORD \"geheim\"", "CREATE ROLE x PASSWORD E'geheim", "CREATE ROLE x ENCRYPTED PASSWORD \"geheim",
	} {
		e := AsError(db.Exec(ctx, sql))
		if e == nil || strings.Contains(e.Message+e.Hint+e.Detail, "geheim") {
			t.Errorf("%s: %v", sql, e)
		}
	}
}

func TestRolesOutliveTheProcess(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	db, err := Open(ctx, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := db.LoginSecret(ctx)
	if err != nil || len(secret) != 32 {
		t.Fatal(err)
	}
	if err := db.SetAdminPassword(ctx, "geheim"); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"CREATE ROLE ann LOGIN", "CREATE TABLE t (a INTEGER)", "GRANT SELECT ON t TO ann"} {
		if err := db.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	db = openForRights(t, dir)
	again, err := db.LoginSecret(ctx)
	if err != nil || string(again) != string(secret) {
		t.Errorf("the secret became another: %v", err)
	}
	l, _ := db.Login(BuiltInAdmin)
	v, err := verifier.Parse(l.Verifier)
	if err != nil || !v.Matches("geheim") {
		t.Errorf("the admin's password: %v", err)
	}
	before := db.engine.Roles()
	if err := db.SetAdminPassword(ctx, "geheim"); err != nil || db.engine.Roles() != before {
		t.Errorf("the password it has was set again: %v", err)
	}
	if err := db.Exec(ctx, "ALTER ROLE millstream NOLOGIN VALID UNTIL '2000-01-01'"); err != nil {
		t.Fatal(err)
	}
	if err := db.SetAdminPassword(ctx, "geheim"); err != nil {
		t.Fatal(err)
	}
	if l, _ := db.Login(BuiltInAdmin); !l.Allowed || !l.ValidUntil.IsZero() {
		t.Errorf("the admin is locked out: %v", l)
	}
	ann := as(t, db, "ann")
	if err := runAs(t, ann, "SELECT * FROM t"); err != nil {
		t.Error(err)
	}
	if err := runAs(t, ann, "DELETE FROM t"); AsError(err) == nil || AsError(err).Code != CodeInsufficientPrivilege {
		t.Errorf("ann deletes: %v", err)
	}
}

// TestRightsAreAskedWhenAStatementRuns: not only when it was prepared.
func TestRightsAreAskedWhenAStatementRuns(t *testing.T) {
	db := openForRights(t, "")
	ctx := context.Background()
	for _, sql := range []string{
		"CREATE ROLE ann LOGIN", "CREATE TABLE t (a INTEGER)", "CREATE SOURCE s (a INTEGER)", "GRANT ALL ON t, s TO ann",
	} {
		if err := db.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	ann := as(t, db, "ann")
	var prepared []*Statement
	for _, sql := range []string{
		"SELECT * FROM t", "WITH x AS (SELECT * FROM t) SELECT * FROM x", "EXPLAIN SELECT * FROM t", "COPY t TO STDOUT", "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM t",
		"SUBSCRIBE TO s", "INSERT INTO t VALUES (1)", "INSERT INTO s SELECT a FROM t", "UPDATE t SET a = 2", "DELETE FROM t WHERE a = 1", "DELETE FROM t", "TRUNCATE t",
	} {
		st, err := ann.Prepare(ctx, sql, nil)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		prepared = append(prepared, st)
	}
	input, err := ann.Prepare(ctx, "COPY t FROM STDIN", nil)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(code string) {
		t.Helper()
		for _, st := range prepared {
			r, err := ann.Execute(ctx, st, nil)
			if err == nil {
				r.Close()
			}
			if AsError(err) == nil || AsError(err).Code != code {
				t.Errorf("%s: %v", st.SQL, err)
			}
		}
		in, err := input.Input()
		if err == nil {
			in.Close()
		}
		if AsError(err) == nil || AsError(err).Code != code {
			t.Errorf("%s: %v", input.SQL, err)
		}
	}
	if err := db.Exec(ctx, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ann"); err != nil {
		t.Fatal(err)
	}
	refused(CodeInsufficientPrivilege)
	if err := db.Exec(ctx, "DROP ROLE ann"); err != nil {
		t.Fatal(err)
	}
	refused(CodeUndefinedObject)
}

// TestOthersMayDoEverything: a session that has not logged in is not limited,
// also when its user is called like a role.
func TestOthersMayDoEverything(t *testing.T) {
	db := openForRights(t, "")
	ctx := context.Background()
	for _, sql := range []string{"CREATE ROLE ann", "CREATE TABLE t (a INTEGER)"} {
		if err := db.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	s := db.NewSession(SessionOptions{User: "ann", Settings: map[string]string{"role": "bob", "is_superuser": "on", "session_authorization": "bob"}})
	defer s.Close()
	for _, sql := range []string{"SELECT * FROM t", "DROP TABLE t", "CREATE ROLE bob"} {
		if err := runAs(t, s, sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if s.Setting("is_superuser") != "off" || s.Setting("role") != "none" || s.Setting("session_authorization") != "ann" {
		t.Errorf("the settings say %s, %s, %s", s.Setting("is_superuser"), s.Setting("role"), s.Setting("session_authorization"))
	}
}

// TestDiscardAllEndsSetRole: pools send it before they give a session to
// somebody else.
func TestDiscardAllEndsSetRole(t *testing.T) {
	db := openForRights(t, "")
	for _, sql := range []string{"CREATE ROLE ann LOGIN", "CREATE ROLE adm LOGIN IN ROLE admin"} {
		if err := db.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
	}
	adm := as(t, db, "adm")
	for _, step := range [][2]string{{"SET SESSION AUTHORIZATION ann", "ann off"}, {"DISCARD ALL", "adm on"}} {
		if err := runAs(t, adm, step[0]); err != nil {
			t.Fatal(err)
		}
		if got := adm.Setting("session_authorization") + " " + adm.Setting("is_superuser"); got != step[1] {
			t.Errorf("after %s the session is %s", step[0], got)
		}
	}
}

// TestSubscriptionsKnowWhoAsks: their connections have served others before.
func TestSubscriptionsKnowWhoAsks(t *testing.T) {
	db := openForRights(t, "")
	ctx := context.Background()
	for _, sql := range []string{"CREATE ROLE ann LOGIN", "CREATE ROLE bob LOGIN", "CREATE TABLE t (a INTEGER)", "GRANT SELECT ON t TO ann"} {
		if err := db.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	prepared := make(map[string]*Statement)
	sessions := make(map[string]*Session)
	for _, role := range []string{"ann", "bob"} {
		sessions[role] = as(t, db, role)
		st, err := sessions[role].Prepare(ctx, "SUBSCRIBE (SELECT current_user AS who, has_table_privilege('t', 'SELECT') AS may) UP TO 1000000", nil)
		if err != nil {
			t.Fatal(err)
		}
		prepared[role] = st
	}
	for role, want := range map[string]string{"ann": "ann true", "bob": "bob false"} {
		r, err := sessions[role].Execute(ctx, prepared[role], nil)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got := rec.Column(2).ValueStr(0) + " " + rec.Column(3).ValueStr(0); got != want {
			t.Errorf("%s is told %s", role, got)
		}
		r.Close()
	}
}
