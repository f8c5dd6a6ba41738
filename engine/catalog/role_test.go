package catalog

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
)

func addRole(r *Roles, name string) RoleID {
	role := &Role{Name: name, ConnectionLimit: -1}
	r.Add(role)
	return role.ID
}

func TestMembershipIsTransitive(t *testing.T) {
	r := NewRoles()
	a, b, c := addRole(r, "a"), addRole(r, "b"), addRole(r, "c")
	join := func(member, role RoleID, want error) {
		t.Helper()
		if _, err := r.Join(member, role); !errors.Is(err, want) {
			t.Errorf("%s joins %s: %v", r.Name(member), r.Name(role), err)
		}
	}
	join(a, b, nil)
	join(b, c, nil)
	join(c, a, ErrCycle)
	join(a, a, ErrCycle)
	join(Reader, BuiltIn, ErrCycle)
	if !r.Has(a, c) || r.Has(c, a) || !r.Has(BuiltIn, Reader) || r.Has(Writer, Admin) || r.Has(99, 99) {
		t.Error("membership is wrong")
	}
	if again, err := r.Join(a, b); again || err != nil {
		t.Errorf("joined a second time: %t, %v", again, err)
	}
	before := r.Clone()
	r.Remove(b)
	if r.Has(a, c) || r.Get(b) != nil || !before.Has(a, c) {
		t.Error("what was removed is there, or its copy is not")
	}
	if r.Leave(a, c) || !before.Leave(a, b) || before.Has(a, c) {
		t.Error("left what it was not in, or not what it was")
	}
}

func TestRights(t *testing.T) {
	r := NewRoles()
	ann, bob, staff := addRole(r, "ann"), addRole(r, "bob"), addRole(r, "staff")
	reader, writer, admin := addRole(r, "r"), addRole(r, "w"), addRole(r, "a")
	for member, of := range map[RoleID]RoleID{ann: staff, reader: Reader, writer: Writer, admin: Admin} {
		if _, err := r.Join(member, of); err != nil {
			t.Fatal(err)
		}
	}
	open := Access{}.With(staff, Select).With(Public, Insert)
	for _, c := range []struct {
		who  RoleID
		on   Access
		want Privileges
	}{
		{ann, Access{}, 0}, {ann, open, Select | Insert}, {bob, open, Insert}, {ann, Access{Owner: ann}, AllPrivileges}, {ann, Access{Owner: staff}, AllPrivileges},
		{bob, Access{Owner: ann}, 0}, {reader, Access{}, Select}, {writer, Access{}, AllPrivileges}, {admin, Access{Owner: ann}, AllPrivileges},
		{BuiltIn, Access{Owner: ann}, AllPrivileges}, {12345, open, Insert}, {ann, open.Without(staff, Select), Insert}, {ann, open.Without(Public, AllPrivileges), Select},
	} {
		for _, n := range privilegeNames {
			if got := r.May(c.who, n.right, c.on); got != (c.want&n.right != 0) {
				t.Errorf("%s %s on %v: %t", r.Name(c.who), n.name, c.on, got)
			}
		}
	}
	if !r.Owns(admin, Access{Owner: ann}) || r.Owns(writer, Access{}) || !r.Owns(ann, Access{Owner: staff}) || r.Owns(staff, Access{Owner: ann}) {
		t.Error("ownership is wrong")
	}
	if r.MayCreate(writer) || !r.MayCreate(admin) || r.MayCreate(ann) {
		t.Error("who may create is wrong")
	}
	r.Creators = []RoleID{staff}
	if !r.MayCreate(ann) || r.MayCreate(bob) {
		t.Error("who may create by grant is wrong")
	}
}

func TestAccessIsPlainData(t *testing.T) {
	a := Access{}.With(16384, Select|Update).With(Public, Delete).OwnedBy(16385)
	var b Access
	if err := json.Unmarshal(Encode(a), &b); err != nil {
		t.Fatal(err)
	}
	if b.OwnerID() != 16385 || b.Grants[16384].Letters() != "rw" || !slices.Equal(b.Grants[Public].Names(), []string{"DELETE"}) {
		t.Errorf("%v became %v", a, b)
	}
	if string(Encode(Access{})) != "{}" || !a.Mentions(16384) || !a.Mentions(16385) || a.Mentions(16386) || !(Access{}).Mentions(BuiltIn) {
		t.Error("mentions are wrong")
	}
}
