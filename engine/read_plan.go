package engine

import (
	"errors"

	"github.com/millstream-db/millstream/engine/duck"
)

// InMemory reports whether all of the names are views without windows now: all that
// they show is in memory, whatever checkpoints do.
func (e *Engine) InMemory(names []string) bool { return e.door.Newest().inMemory(names) }

func (s *Snapshot) inMemory(names []string) bool {
	for _, name := range names {
		v := s.views[name]
		if v == nil || v.def.Plan.Window != nil || v.def.Plan.AppendOnly() {
			return false
		}
	}
	return true
}

// Basis returns what the plan of a statement takes for granted that reads what has
// these names, which may be none: their definitions, and unless all is in memory, what
// the last checkpoint has made of history. Of a table, DuckDB 1.5 leaves out of a plan
// what its statistics rule out, such as all of it while it is empty, and does not plan
// anew when rows come.
func (r *Read) Basis(names []string) (basis duck.Basis, memory bool) {
	if len(names) == 0 {
		return nil, true
	}
	basis = make(duck.Basis, 0, len(names)+2)
	for _, name := range names {
		basis = append(basis, r.snapshot.definition(name))
	}
	if memory = r.snapshot.inMemory(names); !memory {
		basis = append(basis, r.checkpoint, r.catalog)
	}
	return basis, memory
}

// Held is that of Plans. Without a transaction the statement must be the next one, and if
// it fails may have to be planned anew: see Outdated.
func (r *Read) Held(sql string, basis duck.Basis) *duck.Stmt {
	stmt := r.conn.Held(sql, basis)
	r.planned = stmt != nil
	return stmt
}

// Outdated reports whether the statement of Held has failed because DuckDB would have
// planned it anew: some name of a catalog has changed since. Without a transaction that
// may not be what it stands for at the epoch.
func (r *Read) Outdated() bool { return r.outdated }

// Bind implements [duck.Binder].
func (r *Read) Bind(string) error {
	if r.bare && r.planned {
		r.outdated = true
		return errOutdated
	}
	return nil
}

var errOutdated = errors.New("the plan is out of date")
