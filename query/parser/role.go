package parser

import (
	"strconv"
	"strings"
)

// RoleName is a role as a statement names it.
type RoleName struct {
	Name   string
	Word   string // current_user, session_user or public, which stand for others; Name is empty then
	Offset int
}

// RoleOptions are what CREATE ROLE and ALTER ROLE say of a role; nil: nothing.
type RoleOptions struct {
	Login           *bool
	Password        *string // "": NULL, or empty, which nobody can log in with
	ConnectionLimit *int    // -1: none
	ValidUntil      *string // of the password, as written
	UntilOffset     int
	InRoles         []RoleName
}

// CreateRole is CREATE ROLE, and CREATE USER, which may log in.
type CreateRole struct {
	Name    RoleName
	Options RoleOptions
}

// AlterRole is ALTER ROLE and ALTER USER with options.
type AlterRole struct {
	Name    RoleName
	Options RoleOptions
}

// RenameRole is ALTER ROLE x RENAME TO y.
type RenameRole struct{ Name, To RoleName }

// DropRole is DROP ROLE and DROP USER.
type DropRole struct {
	IfExists bool
	Names    []RoleName
}

// Grant is GRANT and REVOKE of rights.
type Grant struct {
	Revoke  bool
	Rights  []string // SELECT, …, in upper case; nil: ALL
	Kind    ObjectKind
	Objects []Name // nil: ALL TABLES IN SCHEMA, or a schema itself
	Schema  bool   // the right is on the schema public
	Roles   []RoleName
}

// GrantRole is GRANT and REVOKE of membership in roles.
type GrantRole struct {
	Revoke         bool
	Roles, Members []RoleName
}

// SetRole is SET ROLE and SET SESSION AUTHORIZATION, and RESET of these.
type SetRole struct {
	Session bool     // SESSION AUTHORIZATION
	Reset   bool     // to the role that has logged in: RESET, NONE or DEFAULT
	Name    RoleName // unless Reset
	Verb    string   // SET or RESET
}

// Command returns the tag CREATE ROLE.
func (*CreateRole) Command() string { return "CREATE ROLE" }

// Command returns the tag ALTER ROLE.
func (*AlterRole) Command() string { return "ALTER ROLE" }

// Command returns the tag ALTER ROLE.
func (*RenameRole) Command() string { return "ALTER ROLE" }

// Command returns the tag DROP ROLE.
func (*DropRole) Command() string { return "DROP ROLE" }

// Command returns the tag GRANT or REVOKE.
func (s *Grant) Command() string { return grantTag(s.Revoke) }

// Command returns the tag GRANT ROLE or REVOKE ROLE.
func (s *GrantRole) Command() string { return grantTag(s.Revoke) + " ROLE" }

// Command returns the tag SET or RESET.
func (s *SetRole) Command() string { return s.Verb }

func grantTag(revoke bool) string {
	if revoke {
		return "REVOKE"
	}
	return "GRANT"
}

const (
	hintRights  = "The rights are SELECT, INSERT, UPDATE, DELETE and TRUNCATE on tables, sources and materialized views, CREATE on the schema public, and membership in roles."
	hintAll     = "GRANT reader TO role lets it read everything, also what comes later; writer lets it change rows too, admin everything."
	hintOptions = "A role's options are LOGIN, NOLOGIN, PASSWORD 'text', CONNECTION LIMIT n, VALID UNTIL 'time' and IN ROLE name."
)

// roleName reads a role's name or a word that stands for one.
func (p *parser) roleName() RoleName {
	t := p.peek()
	if t.isAny("current_user", "current_role", "session_user", "public") {
		p.take()
		word := t.Value
		if word == "current_role" {
			word = "current_user"
		}
		return RoleName{Word: word, Offset: t.Offset}
	}
	p.identifier()
	return RoleName{Name: t.Value, Offset: t.Offset}
}

func (p *parser) roleNames() (list []RoleName) {
	for {
		p.accept("group")
		list = append(list, p.roleName())
		if !p.acceptMark(",") {
			return list
		}
	}
}

// newRoleName reads the name of a role that is to be.
func (p *parser) newRoleName() RoleName {
	t := p.peek()
	n := p.roleName()
	lower := strings.ToLower(n.Name)
	if n.Word != "" || lower == "public" || lower == "none" || strings.HasPrefix(lower, "pg_") {
		panic(errorAt(t.Offset, codeReservedName, "role name \"%s\" is reserved", excerpt(t.Value)).withHint("Choose another name."))
	}
	return n
}

// createRole reads what follows CREATE ROLE or CREATE USER.
func (p *parser) createRole(user bool) Statement {
	s := &CreateRole{Name: p.newRoleName()}
	s.Options.Login = &user
	p.accept("with")
	p.roleOptions(&s.Options, true)
	p.end()
	return s
}

// alterRole reads what follows ALTER ROLE or ALTER USER.
func (p *parser) alterRole() Statement {
	if t := p.peek(); t.is("all") {
		panic(unsupportedHere(t, hintOptions, "ALTER ROLE ALL is not supported"))
	}
	name := p.roleName()
	if p.accept("rename", "to") {
		s := &RenameRole{Name: name, To: p.newRoleName()}
		p.end()
		return s
	}
	s := &AlterRole{Name: name}
	if t := p.peek(); t.isAny("set", "reset", "in") {
		panic(unsupportedHere(t, "Settings are set by each session.", "ALTER ROLE … %s is not supported", strings.ToUpper(t.Value)))
	}
	p.accept("with")
	p.roleOptions(&s.Options, false)
	p.end()
	return s
}

// roleOptions reads options up to the end. Errors never show a password.
func (p *parser) roleOptions(o *RoleOptions, create bool) {
	yes, no := true, false
	for p.peek().Kind != EOF {
		t := p.peek()
		switch {
		case p.accept("login"):
			o.Login = &yes
		case p.accept("nologin"):
			o.Login = &no
		case p.accept("password"), p.accept("encrypted", "password"):
			o.Password = p.password()
		case p.accept("connection", "limit"):
			o.ConnectionLimit = p.connectionLimit()
		case p.accept("valid", "until"):
			v := p.peek()
			if v.Kind != String {
				p.fail()
			}
			p.take()
			o.ValidUntil, o.UntilOffset = &v.Value, v.Offset
		case create && (p.accept("in", "role") || p.accept("in", "group")):
			o.InRoles = append(o.InRoles, p.roleNames()...)
		case t.isAny("inherit", "nosuperuser", "nocreatedb", "nocreaterole", "noreplication", "nobypassrls"):
			p.take() // as it is
		case t.isAny("superuser", "createrole", "createdb", "replication", "bypassrls", "noinherit", "role", "admin", "sysid", "unencrypted"):
			panic(unsupportedHere(t, hintOptions+" "+hintAll, "option %s of a role is not supported", strings.ToUpper(t.Value)))
		default:
			panic(syntaxError(t).withHint("%s", hintOptions))
		}
	}
}

// withoutPassword takes the text at fault out of an error about a statement that
// can't be cut into words, if it may be a password.
func withoutPassword(e *Error, sql string) *Error {
	if strings.Contains(strings.ToLower(sql), "password") {
		e.Message, _, _ = strings.Cut(e.Message, " at or near")
	}
	return e
}

func (p *parser) password() *string {
	t := p.peek()
	if p.accept("null") {
		return new(string)
	}
	if t.Kind != String {
		panic(errorAt(t.Offset, codeSyntax, "PASSWORD must be followed by a text in single quotes, or NULL"))
	}
	p.take()
	return &t.Value
}

func (p *parser) connectionLimit() *int {
	sign := 1
	if p.acceptMark("-") {
		sign = -1
	}
	t := p.peek()
	n, err := strconv.Atoi(t.Text)
	if t.Kind != Number || err != nil {
		p.fail()
	}
	p.take()
	if n *= sign; n < -1 || n > 1<<30 {
		panic(errorAt(t.Offset, "22023", "invalid connection limit: %d", n).withHint("-1 means that there is none."))
	}
	return &n
}

// dropRole reads what follows DROP ROLE or DROP USER.
func (p *parser) dropRole() Statement {
	s := &DropRole{IfExists: p.accept("if", "exists")}
	s.Names = p.roleNames()
	p.end()
	return s
}

// grant reads GRANT and REVOKE.
func (p *parser) grant() Statement {
	revoke := p.take().is("revoke")
	if t := p.peek(); revoke && t.isAny("grant", "admin") && p.peekAt(1).is("option") {
		panic(unsupportedHere(t, "Rights are given by an object's owner and by admins.", "REVOKE %s OPTION is not supported", strings.ToUpper(t.Value)))
	}
	words := p.grantWords()
	if p.peek().is("on") {
		return p.grantRights(revoke, words)
	}
	s := &GrantRole{Revoke: revoke}
	for _, w := range words {
		s.Roles = append(s.Roles, RoleName{Name: w.Value, Offset: w.Offset})
	}
	s.Members = p.grantees(revoke)
	return s
}

// grantWords reads the rights or roles behind GRANT.
func (p *parser) grantWords() (words []Token) {
	for {
		t := p.peek()
		if t.Kind != Word && t.Kind != Quoted {
			p.fail()
		}
		words = append(words, p.take())
		if t.is("all") {
			p.accept("privileges")
		}
		if open := p.peek(); open.mark("(") {
			panic(unsupportedHere(open, "Grant the right on the whole table, or make a materialized view of the columns.", "rights on columns are not supported"))
		}
		if !p.acceptMark(",") {
			return words
		}
	}
}

func (p *parser) grantRights(revoke bool, words []Token) Statement {
	p.expect("on")
	s := &Grant{Revoke: revoke, Kind: Table}
	t := p.peek()
	switch {
	case p.accept("all", "tables", "in", "schema"):
		p.publicSchema()
	case p.accept("schema"):
		p.publicSchema()
		s.Schema = true
	case t.isAny("database", "sequence", "function", "language", "tablespace", "type", "domain", "procedure", "routine", "foreign", "large", "parameter"), t.is("all"):
		panic(unsupportedHere(t, hintRights, "rights on %s are not supported", strings.ToUpper(t.Value)))
	default:
		s.Kind = p.grantKind()
		for again := true; again; again = p.acceptMark(",") {
			s.Objects = append(s.Objects, p.name())
		}
	}
	for _, w := range words {
		name := strings.ToUpper(w.Value)
		known := map[bool]string{false: " SELECT INSERT UPDATE DELETE TRUNCATE ALL ", true: " CREATE ALL "}[s.Schema]
		if w.Kind != Word || !strings.Contains(known, " "+name+" ") {
			panic(unsupportedHere(w, hintRights, "right %s is not supported here", excerpt(name)))
		}
		if name == "ALL" {
			s.Rights = nil
			break
		}
		s.Rights = append(s.Rights, name)
	}
	s.Roles = p.grantees(revoke)
	return s
}

func (p *parser) grantKind() ObjectKind {
	switch {
	case p.accept("source"):
		return Source
	case p.accept("materialized", "view"):
		return MaterializedView
	}
	p.accept("table")
	return Table
}

func (p *parser) publicSchema() {
	if t := p.peek(); !t.is("public") && !(t.Kind == Quoted && t.Value == "public") {
		panic(errorAt(t.Offset, codeNoSchema, "rights can be given in the schema public only"))
	}
	p.take()
}

// grantees reads TO or FROM with the roles, up to the end.
func (p *parser) grantees(revoke bool) []RoleName {
	if revoke {
		p.expect("from")
	} else {
		p.expect("to")
	}
	list := p.roleNames()
	if t := p.peek(); !revoke && t.is("with") {
		panic(unsupportedHere(t, "Rights are given by an object's owner and by admins.", "%s %s OPTION is not supported", "WITH", strings.ToUpper(p.peekAt(1).Value)))
	}
	if revoke && !p.accept("cascade") {
		p.accept("restrict")
	}
	p.end()
	return list
}

// setRole reads SET ROLE and SET [SESSION] AUTHORIZATION from behind the words.
func (p *parser) setRole(session bool) Statement {
	s := &SetRole{Session: session, Verb: "SET"}
	t := p.peek()
	switch {
	case t.is("none") && !session, t.is("default"):
		p.take()
		s.Reset = true
	case t.Kind == String:
		p.take()
		s.Name = RoleName{Name: t.Value, Offset: t.Offset}
	default:
		s.Name = p.roleName()
	}
	p.end()
	return s
}
