package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// RoleID identifies a role for ever, whatever it is called.
type RoleID int64

// The roles that every database has, and Public, which stands for all of them.
const (
	Public  RoleID = 0
	BuiltIn RoleID = 10 // may do everything, and owns what has no other owner
	Reader  RoleID = 20 // may read everything
	Writer  RoleID = 21 // may change rows too
	Admin   RoleID = 22 // may do everything

	firstRole RoleID = 16384
)

// BuiltInName is the name of BuiltIn.
const BuiltInName = "millstream"

// Role is one role, as CREATE ROLE and ALTER ROLE have said.
type Role struct {
	ID              RoleID
	Name            string
	Login           bool
	Verifier        string    `json:",omitempty"` // of the password, in PostgreSQL's text form; a secret
	ValidUntil      time.Time `json:",omitzero"`  // of the password; zero: for ever
	ConnectionLimit int       // negative: none
	MemberOf        []RoleID  `json:",omitempty"` // in ascending order
}

// System reports whether the role is one that every database has.
func (r *Role) System() bool { return r.ID < firstRole }

// Roles is everybody there is. It is replaced, not changed; see Clone.
type Roles struct {
	Next     RoleID
	List     []*Role  // in ascending order of their IDs
	Creators []RoleID // who may make objects in the schema public, besides admins
	Secret   []byte   // makes up salts for roles that do not exist
}

// NewRoles returns the roles of a new database.
func NewRoles() *Roles {
	role := func(id RoleID, name string, of ...RoleID) *Role {
		return &Role{ID: id, Name: name, ConnectionLimit: -1, MemberOf: of}
	}
	builtIn := role(BuiltIn, BuiltInName, Admin)
	builtIn.Login = true
	return &Roles{Next: firstRole, List: []*Role{
		builtIn, role(Reader, "reader"), role(Writer, "writer", Reader), role(Admin, "admin", Writer),
	}}
}

// Clone returns a copy to be changed.
func (r *Roles) Clone() *Roles {
	out := *r
	out.List = make([]*Role, len(r.List))
	for i, role := range r.List {
		c := *role
		c.MemberOf = slices.Clone(role.MemberOf)
		out.List[i] = &c
	}
	out.Creators = slices.Clone(r.Creators)
	return &out
}

// Find returns the role of a name, nil if there is none.
func (r *Roles) Find(name string) *Role {
	if i := slices.IndexFunc(r.List, func(x *Role) bool { return x.Name == name }); i >= 0 {
		return r.List[i]
	}
	return nil
}

// Get returns the role of an ID, nil if there is none.
func (r *Roles) Get(id RoleID) *Role {
	i, ok := slices.BinarySearchFunc(r.List, id, func(x *Role, id RoleID) int { return cmp.Compare(x.ID, id) })
	if !ok {
		return nil
	}
	return r.List[i]
}

// Name returns a role's name, for people.
func (r *Roles) Name(id RoleID) string {
	if role := r.Get(id); role != nil {
		return role.Name
	}
	return fmt.Sprintf("unknown (OID=%d)", id)
}

// Has reports whether member has the rights of a role: because it is that role,
// or a member of it, or a member of one that is. A role that does not exist has
// no rights.
func (r *Roles) Has(member, role RoleID) bool {
	reached := []RoleID{member}
	for i := 0; i < len(reached); i++ {
		m := r.Get(reached[i])
		switch {
		case m == nil:
			continue
		case m.ID == role:
			return true
		}
		for _, of := range m.MemberOf {
			if !slices.Contains(reached, of) {
				reached = append(reached, of)
			}
		}
	}
	return false
}

// ErrCycle is returned for a membership that would make a role its own member.
var ErrCycle = errors.New("a role can't be a member of itself")

// Add appends a role and gives it its ID.
func (r *Roles) Add(role *Role) {
	role.ID = r.Next
	r.Next++
	r.List = append(r.List, role)
}

// Remove removes a role from everything here: it is nobody's member any more.
func (r *Roles) Remove(id RoleID) {
	r.List = slices.DeleteFunc(r.List, func(x *Role) bool { return x.ID == id })
	for _, x := range r.List {
		x.MemberOf = slices.DeleteFunc(x.MemberOf, func(of RoleID) bool { return of == id })
	}
	r.Creators = slices.DeleteFunc(r.Creators, func(c RoleID) bool { return c == id })
}

// Join makes member a member of a role. It returns false if it is one already.
func (r *Roles) Join(member, role RoleID) (bool, error) {
	if r.Has(role, member) {
		return false, ErrCycle
	}
	m := r.Get(member)
	at, found := slices.BinarySearch(m.MemberOf, role)
	if !found {
		m.MemberOf = slices.Insert(m.MemberOf, at, role)
	}
	return !found, nil
}

// Leave ends a membership. It returns false if there is none.
func (r *Roles) Leave(member, role RoleID) bool {
	m := r.Get(member)
	had := len(m.MemberOf)
	m.MemberOf = slices.DeleteFunc(m.MemberOf, func(of RoleID) bool { return of == role })
	return len(m.MemberOf) < had
}

// MayCreate reports whether a role may make objects.
func (r *Roles) MayCreate(id RoleID) bool {
	return r.Has(id, Admin) || slices.ContainsFunc(r.Creators, func(c RoleID) bool { return c == Public || r.Has(id, c) })
}

// May reports whether a role has a right on an object.
func (r *Roles) May(id RoleID, right Privileges, a Access) bool {
	switch {
	case r.Owns(id, a), r.Has(id, Writer), right == Select && r.Has(id, Reader):
		return true
	}
	held := a.Grants[Public]
	for to, granted := range a.Grants {
		if r.Has(id, to) {
			held |= granted
		}
	}
	return held&right == right
}

// Owns reports whether a role may do with an object what only its owner may.
func (r *Roles) Owns(id RoleID, a Access) bool { return r.Has(id, Admin) || r.Has(id, a.OwnerID()) }

// Privileges are rights on a relation.
type Privileges uint8

// The rights.
const (
	Insert Privileges = 1 << iota
	Select
	Update
	Delete
	Truncate

	AllPrivileges = Insert | Select | Update | Delete | Truncate
)

// privilegeNames is in the order in which PostgreSQL shows rights.
var privilegeNames = []struct {
	right  Privileges
	name   string
	letter byte
}{
	{Insert, "INSERT", 'a'}, {Select, "SELECT", 'r'}, {Update, "UPDATE", 'w'}, {Delete, "DELETE", 'd'}, {Truncate, "TRUNCATE", 'D'},
}

// Names returns the rights in SQL's words.
func (p Privileges) Names() (names []string) {
	for _, n := range privilegeNames {
		if p&n.right != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// Letters returns the rights as PostgreSQL's aclitem has them.
func (p Privileges) Letters() string {
	var letters []byte
	for _, n := range privilegeNames {
		if p&n.right != 0 {
			letters = append(letters, n.letter)
		}
	}
	return string(letters)
}

// Privilege returns the right of a name in upper case, 0 if there is none.
func Privilege(name string) Privileges {
	for _, n := range privilegeNames {
		if n.name == name {
			return n.right
		}
	}
	return 0
}

// Access is whose an object is, and what it lets others do. The zero value
// belongs to BuiltIn and lets nobody.
type Access struct {
	Owner  RoleID                `json:",omitempty"` // 0: BuiltIn
	Grants map[RoleID]Privileges `json:",omitempty"`
}

// OwnerID returns the owner.
func (a Access) OwnerID() RoleID { return cmp.Or(a.Owner, BuiltIn) }

// With returns the access with rights added for a role.
func (a Access) With(to RoleID, p Privileges) Access { return a.change(to, a.Grants[to]|p) }

// Without returns the access with rights taken from a role.
func (a Access) Without(from RoleID, p Privileges) Access { return a.change(from, a.Grants[from]&^p) }

func (a Access) change(id RoleID, p Privileges) Access {
	a.Grants = maps.Clone(a.Grants)
	if a.Grants == nil {
		a.Grants = make(map[RoleID]Privileges)
	}
	a.Grants[id] = p
	if p == 0 {
		delete(a.Grants, id)
	}
	return a
}

// OwnedBy returns the access with another owner, who needs no grants.
func (a Access) OwnedBy(owner RoleID) Access {
	a = a.change(owner, 0)
	a.Owner = owner
	return a
}

// Mentions reports whether a role owns the object or has rights on it by name.
func (a Access) Mentions(id RoleID) bool {
	_, granted := a.Grants[id]
	return granted || a.OwnerID() == id
}
