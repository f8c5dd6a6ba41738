package engine

import (
	"context"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/checkpoint"
)

// Roles returns everybody there is, which the caller must not change.
func (e *Engine) Roles() *catalog.Roles { return e.roles.Load() }

// ChangeRoles changes the roles. change gets a copy and makes of it what they
// are to be; they are durable when ChangeRoles returns.
func (e *Engine) ChangeRoles(ctx context.Context, change func(*catalog.Roles) error) error {
	return e.do(ctx, func() error {
		next := e.roles.Load().Clone()
		if err := change(next); err != nil {
			return err
		}
		err := e.checkpointWith(ctx, nil, nil, func(w *checkpoint.Write) { w.Roles = catalog.Encode(next) })
		if err == nil {
			e.roles.Store(next)
		}
		return err
	})
}

// Access returns whose an object is, and what it lets others do; false if there
// is no object of that name.
func (e *Engine) Access(name string) (catalog.Access, bool) { return e.door.Newest().access(name) }

func (s *Snapshot) access(name string) (a catalog.Access, ok bool) {
	d := s.definition(name)
	if ok = d != nil; ok {
		_, a = d.About()
	}
	return a, ok
}

// The tables about roles show them as they are now, which is no part of an epoch.
func fillRoles(r *Read, b *batch.Builder)       { r.e.Roles().Fill(b) }
func fillRoleMembers(r *Read, b *batch.Builder) { r.e.Roles().FillMembers(b) }

func fillPrivileges(r *Read, b *batch.Builder) {
	for _, name := range r.snapshot.names() {
		a, _ := r.snapshot.access(name)
		a.Fill(name, b)
	}
}
