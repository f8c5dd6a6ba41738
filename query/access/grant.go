package access

import (
	"context"
	"fmt"
	"slices"

	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/query/parser"
)

// grant carries out GRANT and REVOKE of rights on objects.
func (r *Rights) grant(ctx context.Context, t *parser.Grant) ([]string, error) {
	var to []catalog.RoleID
	for _, n := range t.Roles {
		if n.Word == "public" {
			to = append(to, catalog.Public)
			continue
		}
		role, err := r.named(r.engine.Roles(), n)
		if err != nil {
			return nil, err
		}
		to = append(to, role.ID)
	}
	if t.Schema {
		return nil, r.grantSchema(ctx, to, t.Revoke)
	}
	rights := catalog.AllPrivileges
	if t.Rights != nil {
		rights = 0
		for _, name := range t.Rights {
			rights |= catalog.Privilege(name)
		}
	}
	names, err := r.grantObjects(t)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		err := r.changeAccess(ctx, name, func(a catalog.Access) (catalog.Access, error) {
			if err := r.Own(name); err != nil { // it may be another's by now
				return a, err
			}
			for _, id := range to {
				switch {
				case id == a.OwnerID(): // has all of them in any case
				case t.Revoke:
					a = a.Without(id, rights)
				case id != catalog.Public && r.engine.Roles().Get(id) == nil:
					return a, fail(codeNoObject, "", parser.NoOffset, "a role was dropped while it was granted rights")
				default:
					a = a.With(id, rights)
				}
			}
			return a, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// grantObjects returns the objects that a GRANT speaks of, all of which the
// session may grant rights on.
func (r *Rights) grantObjects(t *parser.Grant) (names []string, err error) {
	if t.Objects == nil {
		names = r.names()
	}
	for _, n := range t.Objects {
		name, _, ok := r.object(n.Name)
		switch {
		case n.Schema != "" && n.Schema != publicSchema, !ok:
			return nil, fail(codeNoTable, "", n.Offset, "relation %q does not exist", n.Name)
		case name != n.Name:
			return nil, fail(codeWrongType, "Grant the right on "+quote(name)+".", n.Offset, "%q goes with %q", n.Name, name)
		case t.Kind == parser.Source && r.kind(name) != "source", t.Kind == parser.MaterializedView && r.kind(name) != "materialized view":
			return nil, fail(codeWrongType, "", n.Offset, "%q is a %s", name, r.kind(name))
		}
		names = append(names, name)
	}
	for i, name := range names {
		if err := r.Own(name); err != nil {
			if t.Objects != nil {
				return nil, at(err, t.Objects[i].Offset)
			}
			return nil, err
		}
	}
	return names, nil
}

// at gives an error a place in the statement.
func at(err error, offset int) error {
	e, ok := err.(*parser.Error) //nolint:errorlint // made here
	if !ok {
		return err
	}
	placed := *e
	placed.Offset = offset
	return &placed
}

func (r *Rights) grantSchema(ctx context.Context, to []catalog.RoleID, revoke bool) error {
	if err := r.admin("permission denied for schema public"); err != nil {
		return err
	}
	return r.engine.ChangeRoles(ctx, func(roles *catalog.Roles) error {
		for _, id := range to {
			roles.Creators = slices.DeleteFunc(roles.Creators, func(c catalog.RoleID) bool { return c == id })
			if !revoke {
				roles.Creators = append(roles.Creators, id)
			}
		}
		return nil
	})
}

// setOwner carries out ALTER … OWNER TO.
func (r *Rights) setOwner(ctx context.Context, t *parser.Alter, to parser.OwnerTo) ([]string, error) {
	roles := r.engine.Roles()
	role, err := r.named(roles, to.Role)
	if err != nil {
		return nil, err
	}
	name := t.Name.Name
	_, ok := r.engine.Access(name)
	switch {
	case t.Name.Schema != "" && t.Name.Schema != publicSchema, !ok:
		if t.IfExists {
			return []string{fmt.Sprintf("relation %q does not exist, skipping", name)}, nil
		}
		return nil, fail(codeNoTable, "", t.Name.Offset, "relation %q does not exist", name)
	case t.Kind == parser.Source && r.kind(name) != "source", t.Kind == parser.MaterializedView && r.kind(name) != "materialized view":
		return nil, fail(codeWrongType, "", t.Name.Offset, "%q is a %s", name, r.kind(name))
	case !r.Unlimited() && !roles.Has(r.role, catalog.Admin) && !roles.Has(r.role, role.ID):
		return nil, fail(codeDenied, "Only a role that you are a member of can become the owner; admins may choose any.", to.Role.Offset, "must be member of role %q", role.Name)
	}
	return nil, r.changeAccess(ctx, name, func(a catalog.Access) (catalog.Access, error) {
		return a.OwnedBy(role.ID), r.Own(name)
	})
}

// changeAccess changes whose an object is and what it lets others do.
func (r *Rights) changeAccess(ctx context.Context, name string, change func(catalog.Access) (catalog.Access, error)) error {
	switch r.kind(name) {
	case "source":
		return r.engine.AlterSource(ctx, name, func(d *catalog.SourceDefinition) (err error) {
			d.Access, err = change(d.Access)
			return err
		})
	case "materialized view":
		return r.engine.AlterView(ctx, name, func(d *catalog.ViewDefinition) (err error) {
			d.Access, err = change(d.Access)
			return err
		})
	}
	return r.engine.AlterTable(ctx, name, func(d *catalog.TableDefinition) (err error) {
		d.Access, err = change(d.Access)
		return err
	})
}
