package access

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/query/gate"
	"github.com/millstream-db/millstream/query/parser"
)

// The SQLSTATE codes of this package's errors, which are *parser.Error.
const (
	codeDenied       = "42501"
	codeNoObject     = "42704"
	codeExists       = "42710"
	codeInUse        = "2BP01"
	codeInvalidGrant = "0LP01"
	codeWrongType    = "42809"
	codeNoTable      = "42P01"
	codeBadTime      = "22007"
	codeReserved     = "42939"
	codeBusy         = "55006"
)

const publicSchema = "public"

// Rights are what one session may do. They are used like the session, by one
// goroutine at a time.
type Rights struct {
	engine   *engine.Engine
	confined bool           // to those of a role; else everything is allowed
	user     string         // as the client has called itself
	login    catalog.RoleID // who has logged in
	session  catalog.RoleID // who that says to be, after SET SESSION AUTHORIZATION
	role     catalog.RoleID // whose rights hold, after SET ROLE
	outside  bool           // role was set by a session that was not confined
}

// New returns the rights of a session. One that has not logged in as a role may
// do everything.
func New(e *engine.Engine, user string, loggedIn bool) *Rights {
	r := &Rights{engine: e, confined: loggedIn, user: user}
	if role := e.Roles().Find(user); role != nil {
		r.login = role.ID
	} else if loggedIn { // dropped since it came in
		r.login = -1
	}
	r.Reset()
	return r
}

func fail(code, hint string, offset int, format string, args ...any) error {
	return &parser.Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint, Offset: offset}
}

func denied(hint, format string, args ...any) error {
	return fail(codeDenied, hint, parser.NoOffset, format, args...)
}

// Unlimited reports whether the session may do everything because it has not
// logged in as a role.
func (r *Rights) Unlimited() bool { return !r.confined && !r.outside }

// roles returns who there is, if the session's role is still among them.
func (r *Rights) roles() (*catalog.Roles, error) {
	roles := r.engine.Roles()
	if roles.Get(r.role) == nil {
		return nil, fail(codeNoObject, "It was dropped; connect again.", parser.NoOffset, "the role of this session does not exist any more")
	}
	return roles, nil
}

// Names returns the names of session_user and current_user.
func (r *Rights) Names() (session, current string) {
	roles := r.engine.Roles()
	session, current = r.user, r.user
	if r.confined {
		session, current = roles.Name(r.session), roles.Name(r.role)
	} else if r.outside {
		current = roles.Name(r.role)
	}
	return session, current
}

// Admin reports whether the session has been given all rights as a role.
func (r *Rights) Admin() bool { return !r.Unlimited() && r.engine.Roles().Has(r.role, catalog.Admin) }

// Owner returns whose the objects are that the session makes.
func (r *Rights) Owner() catalog.Access {
	if r.Unlimited() {
		return catalog.Access{}
	}
	return catalog.Access{Owner: r.role}
}

// secret names the relations of the catalogs that not everybody may read:
// millstream.sessions has what others run, which pg_stat_activity leaves out.
var secret = []string{"pg_authid", "pg_shadow", "sessions"}

// Read says whether the session may read all of these.
func (r *Rights) Read(reads *gate.Reads) error {
	if r.Unlimited() || reads == nil {
		return nil
	}
	for _, ref := range reads.Relations {
		if ref.Schema == publicSchema {
			if err := r.Have(catalog.Select, ref.Name); err != nil {
				return err
			}
		} else if name := strings.ToLower(ref.Name); slices.Contains(secret, name) {
			if err := r.admin("permission denied for table %s", name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Have says whether the session has rights on a relation. Late and rejected
// records go with the source or view that they were meant for. What does not
// exist is left to others to refuse.
func (r *Rights) Have(rights catalog.Privileges, name string) error {
	if r.Unlimited() {
		return nil
	}
	roles, err := r.roles()
	if err != nil {
		return err
	}
	object, a, ok := r.object(name)
	if !ok || roles.May(r.role, rights, a) {
		return nil
	}
	var missing []string
	for _, right := range rights.Names() {
		if !roles.May(r.role, catalog.Privilege(right), a) {
			missing = append(missing, right)
		}
	}
	return denied(fmt.Sprintf("GRANT %s ON %s TO %s gives the right; its owner %s or an admin can do that.",
		strings.Join(missing, ", "), quote(object), quote(roles.Name(r.role)), quote(roles.Name(a.OwnerID()))),
		"permission denied for %s %s", r.kind(object), name)
}

// object returns the object that a relation belongs to.
func (r *Rights) object(name string) (string, catalog.Access, bool) {
	a, ok := r.engine.Access(name)
	for _, suffix := range []string{catalog.LateSuffix, catalog.RejectedSuffix} {
		if base, cut := strings.CutSuffix(name, suffix); cut && !ok {
			name = base
			a, ok = r.engine.Access(base)
		}
	}
	return name, a, ok
}

func (r *Rights) kind(name string) string {
	switch {
	case r.engine.Sources()[name] != nil:
		return "source"
	case r.engine.Views()[name] != nil:
		return "materialized view"
	}
	return "table"
}

// Own says whether the session may change an object itself: its name, its
// columns, whether it is there.
func (r *Rights) Own(name string) error {
	if r.Unlimited() {
		return nil
	}
	roles, err := r.roles()
	if err != nil {
		return err
	}
	object, a, ok := r.object(name)
	if !ok || roles.Owns(r.role, a) {
		return nil
	}
	return denied(fmt.Sprintf("Its owner is %s; admins can do it too.", quote(roles.Name(a.OwnerID()))), "must be owner of %s %s", r.kind(object), object)
}

// admin refuses who is none.
func (r *Rights) admin(format string, args ...any) error {
	if r.Unlimited() {
		return nil
	}
	roles, err := r.roles()
	if err != nil || roles.Has(r.role, catalog.Admin) {
		return err
	}
	return denied(fmt.Sprintf("GRANT admin TO %s gives the right.", quote(roles.Name(r.role))), format, args...)
}

// ServerFiles says whether the session may have the server read files.
func (r *Rights) ServerFiles() error {
	if r.Unlimited() {
		return nil
	}
	roles, err := r.roles()
	if err != nil || roles.Has(r.role, catalog.Writer) {
		return err
	}
	return denied(fmt.Sprintf("GRANT writer TO %s gives the right; psql's \\copy reads files of the client.", quote(roles.Name(r.role))),
		"permission denied to read files of the server")
}

func (r *Rights) create() error {
	if r.Unlimited() {
		return nil
	}
	roles, err := r.roles()
	if err != nil || roles.MayCreate(r.role) {
		return err
	}
	return denied(fmt.Sprintf("GRANT CREATE ON SCHEMA public TO %s gives the right.", quote(roles.Name(r.role))), "permission denied for schema public")
}

// Permit says whether the session may run a statement, as far as that does not
// depend on the relations that it reads or the rows that it changes.
func (r *Rights) Permit(tree parser.Statement) error {
	if r.Unlimited() {
		return nil
	}
	switch t := tree.(type) {
	case *parser.CreateSource:
		if strings.EqualFold(parser.OptionMap(t.Options)["connector"], catalog.FileConnector) {
			if err := r.ServerFiles(); err != nil {
				return err
			}
		}
		return r.create()
	case *parser.CreateTable:
		return r.create()
	case *parser.CreateView:
		if _, ok := r.engine.Access(t.Name.Name); ok && t.OrReplace {
			return r.Own(t.Name.Name)
		}
		return r.create()
	case *parser.Drop:
		return r.Own(t.Name.Name)
	case *parser.Comment:
		return r.Own(t.Name.Name)
	case *parser.Alter:
		if swap, ok := t.Action.(parser.SwapWith); ok {
			if err := r.Own(swap.Name.Name); err != nil {
				return err
			}
		}
		return r.Own(t.Name.Name)
	case *parser.Checkpoint:
		return r.admin("permission denied for CHECKPOINT")
	case *parser.Backup:
		return r.admin("permission denied for BACKUP")
	case *parser.CancelJobs:
		return r.admin("permission denied to cancel jobs")
	case *parser.CreateRole:
		return r.admin("permission denied to create role")
	case *parser.DropRole:
		return r.admin("permission denied to drop role")
	case *parser.RenameRole:
		return r.admin("permission denied to rename role")
	case *parser.AlterRole:
		return r.alterRole(t)
	case *parser.GrantRole:
		return r.admin("permission denied to grant role %q", t.Roles[0].Name)
	}
	return nil
}

// alterRole lets everybody change their own password.
func (r *Rights) alterRole(t *parser.AlterRole) error {
	o := t.Options
	if role, err := r.named(r.engine.Roles(), t.Name); err == nil && role.ID == r.role &&
		o.Login == nil && o.ConnectionLimit == nil && o.ValidUntil == nil {
		return nil
	}
	return r.admin("permission denied to alter role")
}

func quote(name string) string { return parser.DisplayIdent(name) }
