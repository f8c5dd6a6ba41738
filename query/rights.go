package query

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/query/gate"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/verifier"
)

// require refuses a statement now, or when it runs, if what it needs is not
// allowed then.
func (st *Statement) require(need func() error) error {
	st.needs = append(st.needs, need)
	return need()
}

// requireAll makes a statement need what another one needs.
func (st *Statement) requireAll(inner *Statement) { st.needs = append(st.needs, inner.needs...) }

// allowed says whether the statement may run.
func (st *Statement) allowed() error {
	for _, need := range st.needs {
		if err := need(); err != nil {
			return err
		}
	}
	return nil
}

// requireReads makes a statement need that its session may read these.
func (s *Session) requireReads(st *Statement, reads *gate.Reads) error {
	return st.require(func() error { return s.rights.Read(reads) })
}

// requireRights makes a statement need rights on a relation.
func (s *Session) requireRights(st *Statement, rights catalog.Privileges, name string) error {
	return st.require(func() error { return s.rights.Have(rights, name) })
}

// requireChange makes UPDATE and DELETE need their right, and that of reading
// the table where they tell what is in it: by how many rows they find, or fail on.
func (s *Session) requireChange(st *Statement, right catalog.Privileges, name string, set []parser.Assignment, conditions ...parser.Text) error {
	for _, c := range conditions {
		if c.SQL != "" {
			right |= catalog.Select
		}
	}
	for _, a := range set {
		if tokens, err := parser.Lex(a.Expr.SQL); err != nil || len(tokens) > 2 || len(tokens) == 2 && tokens[0].Kind == parser.Word {
			right |= catalog.Select // it is no single value
		}
	}
	return s.requireRights(st, right, name)
}

// prepareAccess prepares the statements about roles and rights; false: it is
// none. What they change is committed at once.
func (s *Session) prepareAccess(st *Statement, tree parser.Statement) bool {
	run := s.rights.Run(tree)
	if run != nil {
		st.run = s.ddl(st, func(ctx context.Context) ([]string, error) {
			notices, err := run(ctx)
			s.showRole()
			return notices, err
		})
	}
	return run != nil
}

// resetRole goes back to the role that has logged in.
func (s *Session) resetRole() {
	s.rights.Reset()
	s.showRole()
}

// showRole makes the settings about the session's role say what holds.
func (s *Session) showRole() {
	session, current := s.rights.Names()
	super, role := "off", "none"
	if s.rights.Admin() {
		super = "on"
	}
	if session != current {
		role = current
	}
	s.activity.SetRole(current, s.rights.Unlimited() || s.rights.Admin())
	for name, value := range map[string]string{"is_superuser": super, "session_authorization": session, "role": role} {
		s.settings.Values[name], s.settings.Defaults[name] = value, value
	}
}

// introduction returns what tells the shadow of Postgres's catalog who asks now,
// and if a statement wants to know it, what that role may do.
func (s *Session) introduction(sql string) func(context.Context, *engine.Read) error {
	session, current := s.rights.Names()
	rights := ""
	switch asked := strings.Contains(sql, "_privilege") || strings.Contains(sql, "pg_has_role"); {
	case asked && s.rights.Unlimited():
		rights = "RESET VARIABLE ms_may"
	case asked:
		rights = "SET VARIABLE ms_may = (SELECT ms_map FROM live.pgc.ms_my_rights)"
	}
	prepared := strings.Contains(sql, "pg_prepared_statements")
	return func(ctx context.Context, r *engine.Read) error {
		if prepared {
			if err := r.SetVariable(ctx, "ms_prepared", s.listPrepared()); err != nil {
				return err
			}
		}
		if err := s.setVariables(ctx, r, session, current); err != nil || rights == "" {
			return err
		}
		return r.Conn().Exec(ctx, rights)
	}
}

// setVariables tells functions such as current_setting about the session.
func (s *Session) setVariables(ctx context.Context, r *engine.Read, session, current string) error {
	var settings strings.Builder
	for i, pair := range s.settings.All() {
		if i > 0 {
			settings.WriteString(", ")
		}
		settings.WriteString(parser.QuoteLiteral(strings.ToLower(pair[0])) + ": " + parser.QuoteLiteral(pair[1]))
	}
	return errors.Join(
		r.SetVariable(ctx, "ms_settings", "MAP {"+settings.String()+"}"),
		r.SetVariable(ctx, "ms_session_user", parser.QuoteLiteral(session)),
		r.SetVariable(ctx, "ms_user", parser.QuoteLiteral(current)),
		r.SetVariable(ctx, "ms_admin", strconv.FormatBool(s.rights.Unlimited() || s.rights.Admin())),
		r.SetVariable(ctx, "ms_pid", strconv.Itoa(int(s.opts.Process))))
}

// Login returns what holds for a role that wants to log in, and whether there
// is one.
func (db *DB) Login(name string) (Login, bool) {
	r := db.engine.Roles().Find(name)
	if r == nil {
		return Login{}, false
	}
	l := Login{Verifier: r.Verifier, ValidUntil: r.ValidUntil, Allowed: r.Login, ConnectionLimit: r.ConnectionLimit}
	if db.engine.Roles().Has(r.ID, catalog.Admin) { // who must be able to come in
		l.ConnectionLimit = -1
	}
	return l, true
}

// LoginSecret returns what salts for roles that do not exist are made of. It is
// made once and kept with the roles.
func (db *DB) LoginSecret(ctx context.Context) ([]byte, error) {
	if secret := db.engine.Roles().Secret; secret != nil {
		return secret, nil
	}
	err := db.engine.ChangeRoles(ctx, func(roles *catalog.Roles) error {
		roles.Secret = make([]byte, 32)
		_, err := rand.Read(roles.Secret)
		return err
	})
	return db.engine.Roles().Secret, err
}

// SetAdminPassword gives the role BuiltInAdmin a password and lets it log in for
// ever, unless that holds already.
func (db *DB) SetAdminPassword(ctx context.Context, password string) error {
	admin := func(roles *catalog.Roles) *catalog.Role { return roles.Get(catalog.BuiltIn) }
	now := admin(db.engine.Roles())
	if v, err := verifier.Parse(now.Verifier); err == nil && v.Matches(password) && now.Login && now.ValidUntil.IsZero() {
		return nil
	}
	v, err := verifier.New(password)
	if err != nil {
		return err
	}
	return db.engine.ChangeRoles(ctx, func(roles *catalog.Roles) error {
		r := admin(roles)
		r.Verifier, r.Login, r.ValidUntil = v.String(), true, time.Time{}
		return nil
	})
}
