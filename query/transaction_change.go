package query

import (
	"context"
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/rowchange"
	"github.com/millstream-db/millstream/query/setting"
)

// changeInTransaction lays a statement's change over what the transaction has
// changed before: COMMIT makes all of it.
func (s *Session) changeInTransaction(ctx context.Context, st *Statement, d *catalog.TableDefinition, args []any, plan changePlan) (*Result, error) {
	if err := s.startCursors(ctx); err != nil {
		return nil, err
	}
	r, _, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	if r.Table(d.Name) != d {
		return nil, fmt.Errorf("table %q %w", d.Name, engine.ErrConflict)
	}
	if s.changed == nil {
		s.changed = rowchange.NewSet(s.db.engine.Allocator())
	}
	if err := r.SetChanged(s.changed); err != nil {
		return nil, err
	}
	c, err := plan(ctx, r, args)
	if err != nil {
		return nil, err
	}
	defer c.Release()
	n, err := s.changed.Apply(ctx, r, d, c)
	if err != nil {
		return nil, err
	}
	if s.changed.Bytes() > maxChangeBytes {
		return nil, Errorf(CodeProgramLimit, "the transaction writes more than %d MiB", maxChangeBytes>>20).
			WithHint("Commit after each part of the rows.")
	}
	return &Result{Tag: countedTag(st.Tag, n)}, nil
}

// startCursors runs the queries of cursors that were declared and not read yet:
// they see what was there before a change.
func (s *Session) startCursors(ctx context.Context) error {
	for _, c := range s.cursors {
		if err := c.Begin(ctx); err != nil {
			return err
		}
	}
	return nil
}

// commitChanges makes what the transaction has changed durable and in force.
func (s *Session) commitChanges(ctx context.Context) error {
	if len(s.changed.Tables()) == 0 {
		return nil
	}
	s.closeCursors(false)
	if s.open != nil {
		s.open.finish()
	}
	return s.db.engine.CommitSet(ctx, s.read, s.changed)
}

// restoreChanges goes back to what was changed at a savepoint. After a statement
// that failed, DuckDB may take no more in its transaction: the read goes on in
// another one, at the same epoch.
func (s *Session) restoreChanges(ctx context.Context, to *rowchange.Set) error {
	if s.open != nil { // it reads what is given up
		if err := s.open.drain(ctx); err != nil {
			return err
		}
	}
	if s.changed != nil {
		s.changed.Restore(to)
	}
	if s.read != nil && s.status == statusFailed {
		return s.read.Renew(ctx)
	}
	return nil
}

// refuseReadOnly refuses a statement that writes in a transaction that may not.
func (s *Session) refuseReadOnly(tag string) error {
	if s.settings.Get(setting.ReadOnly) != "on" {
		return nil
	}
	if tag == "COPY" {
		tag = "COPY FROM"
	}
	return Errorf(CodeReadOnlyTransaction, "cannot execute %s in a read-only transaction", tag)
}

// definesObjects reports whether the command changes the catalog, which a
// read-only transaction may not.
func definesObjects(tag string) bool {
	verb, _, _ := strings.Cut(tag, " ")
	switch verb {
	case "CREATE", "DROP", "ALTER", "COMMENT", "GRANT", "REVOKE":
		return true
	}
	return false
}
