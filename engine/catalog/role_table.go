package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/millstream-db/millstream/engine/batch"
)

// The columns of the system tables about roles.
var (
	RoleColumns = []batch.Column{
		{Name: "id", Type: batch.Type{Kind: batch.BigInt}}, {Name: "name", Type: batch.Type{Kind: batch.Varchar}},
		{Name: "login", Type: batch.Type{Kind: batch.Boolean}}, {Name: "admin", Type: batch.Type{Kind: batch.Boolean}},
		{Name: "may_create", Type: batch.Type{Kind: batch.Boolean}},
		{Name: "connection_limit", Type: batch.Type{Kind: batch.Integer}}, {Name: "valid_until", Type: batch.Type{Kind: batch.TimestampTZ}},
	}
	MemberColumns    = []batch.Column{{Name: "role", Type: batch.Type{Kind: batch.BigInt}}, {Name: "member", Type: batch.Type{Kind: batch.BigInt}}}
	PrivilegeColumns = []batch.Column{
		{Name: "object", Type: batch.Type{Kind: batch.Varchar}}, {Name: "owner", Type: batch.Type{Kind: batch.BigInt}},
		{Name: "grantee", Type: batch.Type{Kind: batch.BigInt}}, {Name: "letters", Type: batch.Type{Kind: batch.Varchar}},
	}
)

// DecodeRoles reads what Encode wrote; nil are the roles of a new database.
func DecodeRoles(definition []byte) (*Roles, error) {
	if definition == nil {
		return NewRoles(), nil
	}
	roles := new(Roles)
	if err := json.Unmarshal(definition, roles); err != nil {
		return nil, fmt.Errorf("restore the roles: %w", err)
	}
	return roles, nil
}

// Fill appends a row of RoleColumns for each role. What is kept of passwords is
// not among them.
func (r *Roles) Fill(b *batch.Builder) {
	for _, x := range r.List {
		b.Column(0).AppendInt64(int64(x.ID))
		b.Column(1).AppendString(x.Name)
		b.Column(2).AppendBool(x.Login)
		b.Column(3).AppendBool(r.Has(x.ID, Admin))
		b.Column(4).AppendBool(r.MayCreate(x.ID))
		b.Column(5).AppendInt32(int32(x.ConnectionLimit))
		if x.ValidUntil.IsZero() {
			b.Column(6).AppendNull()
		} else {
			b.Column(6).AppendInt64(x.ValidUntil.UnixMicro())
		}
	}
}

// FillMembers appends a row of MemberColumns for each membership.
func (r *Roles) FillMembers(b *batch.Builder) {
	for _, x := range r.List {
		for _, of := range x.MemberOf {
			b.Column(0).AppendInt64(int64(of))
			b.Column(1).AppendInt64(int64(x.ID))
		}
	}
}

// Fill appends rows of PrivilegeColumns: the object's owner with all rights, and
// whoever has been granted some.
func (a Access) Fill(object string, b *batch.Builder) {
	row := func(grantee RoleID, p Privileges) {
		b.Column(0).AppendString(object)
		b.Column(1).AppendInt64(int64(a.OwnerID()))
		b.Column(2).AppendInt64(int64(grantee))
		b.Column(3).AppendString(p.Letters())
	}
	row(a.OwnerID(), AllPrivileges)
	for _, to := range slices.Sorted(maps.Keys(a.Grants)) {
		row(to, a.Grants[to])
	}
}
