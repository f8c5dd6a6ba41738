package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/verifier"
)

// Run returns what carries a statement about roles out, nil for others. Its
// notices are for the client.
func (r *Rights) Run(tree parser.Statement) func(context.Context) (notices []string, err error) {
	switch t := tree.(type) {
	case *parser.CreateRole:
		return func(ctx context.Context) ([]string, error) { return r.createRole(ctx, t) }
	case *parser.AlterRole:
		return func(ctx context.Context) ([]string, error) { return r.changeRole(ctx, t) }
	case *parser.RenameRole:
		return func(ctx context.Context) ([]string, error) { return nil, r.renameRole(ctx, t) }
	case *parser.DropRole:
		return func(ctx context.Context) ([]string, error) { return r.dropRoles(ctx, t) }
	case *parser.GrantRole:
		return func(ctx context.Context) ([]string, error) { return r.grantRoles(ctx, t) }
	case *parser.Grant:
		return func(ctx context.Context) ([]string, error) { return r.grant(ctx, t) }
	case *parser.SetRole:
		return func(context.Context) ([]string, error) { return nil, r.setRole(t) }
	case *parser.Alter:
		if to, ok := t.Action.(parser.OwnerTo); ok {
			return func(ctx context.Context) ([]string, error) { return r.setOwner(ctx, t, to) }
		}
	}
	return nil
}

// named finds the role that a statement names.
func (r *Rights) named(roles *catalog.Roles, n parser.RoleName) (*catalog.Role, error) {
	session, current := r.Names()
	name := n.Name
	switch n.Word {
	case "current_user":
		name = current
	case "session_user":
		name = session
	case "public":
		return nil, fail(codeInvalidGrant, "PUBLIC stands for everybody; rights on tables can be granted to it.", n.Offset, "role \"public\" does not exist")
	}
	if role := roles.Find(name); role != nil {
		return role, nil
	}
	return nil, fail(codeNoObject, "", n.Offset, "role %q does not exist", name)
}

func (r *Rights) createRole(ctx context.Context, t *parser.CreateRole) (notices []string, err error) {
	role := &catalog.Role{Name: t.Name.Name, ConnectionLimit: -1}
	if notices, err = apply(role, &t.Options); err != nil {
		return nil, err
	}
	return notices, r.engine.ChangeRoles(ctx, func(roles *catalog.Roles) error {
		if roles.Find(role.Name) != nil {
			return fail(codeExists, "", t.Name.Offset, "role %q already exists", role.Name)
		}
		roles.Add(role)
		for _, n := range t.Options.InRoles {
			of, err := r.named(roles, n)
			if err != nil {
				return err
			}
			if _, err := roles.Join(role.ID, of.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// apply sets what a statement says of a role.
func apply(role *catalog.Role, o *parser.RoleOptions) (notices []string, err error) {
	if o.Login != nil {
		role.Login = *o.Login
	}
	if o.ConnectionLimit != nil {
		role.ConnectionLimit = *o.ConnectionLimit
	}
	if o.ValidUntil != nil {
		if role.ValidUntil, err = parseUntil(*o.ValidUntil); err != nil {
			return nil, fail(codeBadTime, "Write it as '2030-01-31', '2030-01-31 12:00:00+00' or 'infinity'.", o.UntilOffset, "invalid time: %q", *o.ValidUntil)
		}
	}
	if o.Password == nil {
		return nil, nil
	}
	role.Verifier = ""
	if *o.Password == "" {
		return nil, nil
	}
	v, err := verifier.Parse(*o.Password)
	if err != nil {
		if v, err = verifier.New(*o.Password); err != nil {
			return nil, err
		}
	}
	role.Verifier = v.String()
	if v.Matches("") {
		role.Verifier = ""
		notices = append(notices, "empty string is not a valid password, clearing password")
	}
	return notices, nil
}

func parseUntil(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if strings.EqualFold(text, "infinity") {
		return time.Time{}, nil
	}
	for _, layout := range []string{
		time.DateOnly, "2006-01-02 15:04", time.DateTime, "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05Z07:00",
		"2006-01-02T15:04:05", time.RFC3339,
	} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errors.New("not a time")
}

// change changes one role.
func (r *Rights) change(ctx context.Context, n parser.RoleName, change func(*catalog.Roles, *catalog.Role) error) error {
	return r.engine.ChangeRoles(ctx, func(roles *catalog.Roles) error {
		role, err := r.named(roles, n)
		if err != nil {
			return err
		}
		return change(roles, role)
	})
}

func (r *Rights) changeRole(ctx context.Context, t *parser.AlterRole) (notices []string, err error) {
	err = r.change(ctx, t.Name, func(_ *catalog.Roles, role *catalog.Role) error {
		if role.ID != catalog.BuiltIn && role.System() {
			return fail(codeReserved, "Make a role of your own and grant it this one.", t.Name.Offset, "role %q can't be changed", role.Name)
		}
		notices, err = apply(role, &t.Options)
		return err
	})
	return notices, err
}

func (r *Rights) renameRole(ctx context.Context, t *parser.RenameRole) error {
	return r.change(ctx, t.Name, func(roles *catalog.Roles, role *catalog.Role) error {
		switch {
		case role.System():
			return fail(codeReserved, "", t.Name.Offset, "role %q can't be renamed", role.Name)
		case r.confined && role.ID == r.login:
			return fail("0A000", "Log in as somebody else.", t.Name.Offset, "session user cannot be renamed")
		case roles.Find(t.To.Name) != nil:
			return fail(codeExists, "", t.To.Offset, "role %q already exists", t.To.Name)
		}
		role.Name = t.To.Name
		return nil
	})
}

func (r *Rights) dropRoles(ctx context.Context, t *parser.DropRole) (notices []string, err error) {
	err = r.engine.ChangeRoles(ctx, func(roles *catalog.Roles) error {
		for _, n := range t.Names {
			role, err := r.named(roles, n)
			if err != nil {
				if t.IfExists && n.Word == "" {
					notices = append(notices, fmt.Sprintf("role %q does not exist, skipping", n.Name))
					continue
				}
				return err
			}
			if err := r.mayDrop(roles, role, n.Offset); err != nil {
				return err
			}
			roles.Remove(role.ID)
		}
		return nil
	})
	return notices, err
}

func (r *Rights) mayDrop(roles *catalog.Roles, role *catalog.Role, offset int) error {
	switch {
	case role.System():
		return fail(codeReserved, "", offset, "role %q can't be dropped", role.Name)
	case role.ID == r.role && !r.Unlimited():
		return fail(codeBusy, "", offset, "current user cannot be dropped")
	case role.ID == r.login && r.confined:
		return fail(codeBusy, "", offset, "session user cannot be dropped")
	}
	var needed []string
	for _, name := range r.names() {
		if a, _ := r.engine.Access(name); a.Mentions(role.ID) {
			needed = append(needed, name)
		}
	}
	if slices.Contains(roles.Creators, role.ID) {
		needed = append(needed, "schema public")
	}
	if len(needed) > 0 {
		return fail(codeInUse, "ALTER TABLE … OWNER TO another role, and REVOKE ALL ON ALL TABLES IN SCHEMA public and on SCHEMA public FROM this one.", offset,
			"role %q cannot be dropped because it owns objects or has rights on them: %s", role.Name, strings.Join(needed, ", "))
	}
	return nil
}

// names returns the names of all objects.
func (r *Rights) names() (names []string) {
	for name := range r.engine.Sources() {
		names = append(names, name)
	}
	for name := range r.engine.Tables() {
		names = append(names, name)
	}
	for name := range r.engine.Views() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (r *Rights) grantRoles(ctx context.Context, t *parser.GrantRole) (notices []string, err error) {
	err = r.engine.ChangeRoles(ctx, func(roles *catalog.Roles) error {
		for _, n := range t.Roles {
			role, err := r.named(roles, n)
			if err != nil {
				return err
			}
			for _, m := range t.Members {
				notice, err := r.join(roles, role, m, t.Revoke)
				if err != nil {
					return err
				}
				if notice != "" {
					notices = append(notices, notice)
				}
			}
		}
		return nil
	})
	return notices, err
}

func (r *Rights) join(roles *catalog.Roles, role *catalog.Role, m parser.RoleName, revoke bool) (notice string, err error) {
	member, err := r.named(roles, m)
	if err != nil {
		return "", err
	}
	if member.System() {
		return "", fail(codeReserved, "Its members are fixed.", m.Offset, "what role %q is a member of can't be changed", member.Name)
	}
	if revoke {
		if !roles.Leave(member.ID, role.ID) {
			return fmt.Sprintf("role %q is not a member of role %q", member.Name, role.Name), nil
		}
		return "", nil
	}
	joined, err := roles.Join(member.ID, role.ID)
	switch {
	case err != nil:
		return "", fail(codeInvalidGrant, "", m.Offset, "role %q is a member of role %q", role.Name, member.Name)
	case !joined:
		return fmt.Sprintf("role %q is already a member of role %q", member.Name, role.Name), nil
	}
	return "", nil
}

// setRole makes the session go on as another role. Who has logged in as an admin
// may become anybody; others a role that they are members of.
func (r *Rights) setRole(t *parser.SetRole) error {
	if t.Reset {
		r.Reset()
		return nil
	}
	roles := r.engine.Roles()
	role, err := r.named(roles, t.Name)
	if err != nil {
		return err
	}
	switch {
	case !r.confined:
		r.outside = true
	case roles.Has(r.login, catalog.Admin), !t.Session && roles.Has(r.login, role.ID), role.ID == r.login:
	case t.Session:
		return denied("SET ROLE takes the rights of a role that you are a member of.", "permission denied to set session authorization %q", role.Name)
	default:
		return denied(fmt.Sprintf("GRANT %s TO %s makes it possible.", quote(role.Name), quote(roles.Name(r.login))), "permission denied to set role %q", role.Name)
	}
	r.role = role.ID
	if t.Session {
		r.session = role.ID
	}
	return nil
}

// Reset returns to the role that has logged in.
func (r *Rights) Reset() { r.session, r.role, r.outside = r.login, r.login, false }
