// Package livecatalog keeps the catalogs in memory by which users' statements
// find what they name: DuckDB views that put history and what is hot together.
// They are gone with the DuckDB instance, so a [Catalog] writes down what makes
// them, and makes them again in the instance that takes its place.
package livecatalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/hot"
)

// Catalog is the catalogs in memory. Its methods are for one goroutine, but for
// DefineBeside and Rebuild.
type Catalog struct {
	db        *duck.DB
	conn      *duck.Lasting
	relations *recorder // of the connection
	logger    *slog.Logger
	staged    *[]entry // collects what Change is to do, nil: it is done at once

	// mu protects the fields below. It is held while something is done and written
	// down, so that Rebuild does all of it or nothing.
	mu      sync.Mutex
	entries []entry // in the order in which they are to be done
	version int64
}

// entry is something that is done, and may have to be done again.
type entry struct {
	view   string // its name in SQL, "": SQL that makes other things
	sql    string // "" drops the view
	shapes shapes // of the relations that it was made over
}

// shapes are relations without rows.
type shapes map[string]duck.Relation

// Relation finds a relation by its name.
func (s shapes) Relation(name string) (duck.Relation, error) {
	if rel, ok := s[name]; ok {
		return rel, nil
	}
	return nil, fmt.Errorf("relation %q does not exist", name)
}

// do is the entry as a statement.
func (x *entry) do() string {
	switch {
	case x.view == "":
		return x.sql
	case x.sql == "":
		return "DROP VIEW IF EXISTS " + x.view
	default:
		return "CREATE OR REPLACE VIEW " + x.view + " AS " + x.sql
	}
}

// Open makes the catalogs in an instance that has none of them: sql makes what is
// in them besides views, among it the table live.internal.catalog, which has one
// row with the version. relations is where views find the columns of what they
// read. The caller must Close it.
func Open(ctx context.Context, db *duck.DB, sql string, version int64, relations duck.Relations, logger *slog.Logger) (*Catalog, error) {
	c := &Catalog{db: db, relations: &recorder{relations: relations}, logger: logger}
	c.conn = duck.NewLasting(db, c.relations)
	err := c.Define(ctx, sql)
	if err == nil {
		err = c.run(ctx, nil, &version)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("live catalog: %w", err)
	}
	return c, nil
}

// Define runs SQL that makes things other than the views of [Catalog.View].
func (c *Catalog) Define(ctx context.Context, sql string) error {
	return c.stage(ctx, entry{sql: sql})
}

// DefineBeside is Define for SQL that takes long: it runs beside all else, on a
// connection of its own on which ms_scan finds the relations, and may be called from
// any goroutine. The SQL has to be whole or nothing, one transaction.
func (c *Catalog) DefineBeside(ctx context.Context, sql string, relations duck.Relations) error {
	r := &recorder{relations: relations}
	conn := duck.NewLasting(c.db, r)
	defer conn.Close()
	return conn.Do(ctx, func(conn *duck.Conn) error {
		r.seen = make(shapes)
		if err := conn.Exec(ctx, sql); err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if conn.Stale() { // Rebuild may have been through without it
			return duck.ErrReopened
		}
		c.entries = append(c.entries, entry{sql: sql, shapes: r.seen})
		return nil
	})
}

// recorder finds what relations have, and remembers their columns while something is made.
type recorder struct {
	relations duck.Relations
	seen      shapes // what it has asked for; nil: nothing is made
}

// Relation implements [duck.Relations].
func (r *recorder) Relation(name string) (duck.Relation, error) {
	rel, err := r.relations.Relation(name)
	if err == nil && r.seen != nil {
		r.seen[name] = hot.Shape(batch.NewSchema(slices.Clone(rel.Columns())))
	}
	return rel, err
}

// View makes a view in a schema of some catalog, or makes it anew.
func (c *Catalog) View(ctx context.Context, schema, name, sql string) error {
	if err := c.stage(ctx, entry{view: schema + "." + history.Quote(name), sql: sql}); err != nil {
		return fmt.Errorf("live view of %s: %w", name, err)
	}
	return nil
}

// Drop removes those views of a schema that are there.
func (c *Catalog) Drop(ctx context.Context, schema string, names ...string) error {
	list := make([]entry, len(names))
	for i, name := range names {
		list[i] = entry{view: schema + "." + history.Quote(name)}
	}
	return c.stage(ctx, list...)
}

func (c *Catalog) stage(ctx context.Context, list ...entry) error {
	if c.staged != nil {
		*c.staged = append(*c.staged, list...)
		return nil
	}
	return c.run(ctx, list, nil)
}

// Change does what f asks for, and sets the version of the names and columns, in
// one transaction. The version is set in any case.
func (c *Catalog) Change(ctx context.Context, version int64, f func(context.Context) error) error {
	var list []entry
	c.staged = &list
	err := f(ctx)
	c.staged = nil
	if err == nil {
		err = c.run(ctx, list, &version)
	}
	if err != nil {
		err = errors.Join(err, c.run(ctx, nil, &version))
	}
	return err
}

// run does what is in a list; with a version, which it sets, in one transaction.
// When the instance is lost, everything is done in the next one.
func (c *Catalog) run(ctx context.Context, list []entry, version *int64) error {
	return c.conn.Do(ctx, func(conn *duck.Conn) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		var err error
		if version != nil { // all else may concern several catalogs, which DuckDB does not do in one transaction
			err = conn.Exec(ctx, "BEGIN TRANSACTION")
		}
		entries := slices.Clone(c.entries)
		for i := 0; i < len(list) && err == nil; i++ {
			x := list[i]
			x.shapes = make(shapes)
			c.relations.seen = x.shapes
			err = conn.Exec(ctx, x.do())
			c.relations.seen = nil
			if x.view != "" {
				entries = slices.DeleteFunc(entries, func(y entry) bool { return y.view == x.view })
			}
			if x.sql != "" {
				entries = append(entries, x)
			}
		}
		if err == nil && version != nil {
			if err = conn.Exec(ctx, setVersion(*version)); err == nil {
				err = conn.Commit(ctx)
			}
		}
		if err != nil {
			if version != nil {
				_ = conn.Exec(context.WithoutCancel(ctx), "ROLLBACK")
			}
			return err
		}
		c.entries = entries
		if version != nil {
			c.version = *version
		}
		return nil
	})
}

func setVersion(version int64) string {
	return fmt.Sprintf("UPDATE live.internal.catalog SET version = %d", version)
}

// Query runs f with the catalog's connection, on which ms_scan finds relations, or
// the columns of what is live for nil. f is run again when the instance is lost.
func (c *Catalog) Query(ctx context.Context, relations duck.Relations, f func(*duck.Conn) error) error {
	return c.conn.Do(ctx, func(conn *duck.Conn) error {
		if relations != nil {
			conn.SetRelations(relations)
			defer conn.SetRelations(c.relations)
		}
		return f(conn)
	})
}

// Rebuild makes everything again, on a connection to an instance that has none of
// it. It may be called from any goroutine. A view whose table the last commit has
// taken away can't be made: then somebody is about to drop it, and only has to be
// told of the commit.
func (c *Catalog) Rebuild(ctx context.Context, conn *duck.Conn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rebuild(ctx, conn)
}

func (c *Catalog) rebuild(ctx context.Context, conn *duck.Conn) error {
	defer conn.SetRelations(nil)
	for _, x := range c.entries {
		conn.SetRelations(maps.Clone(x.shapes))
		err := conn.Exec(ctx, x.do())
		switch {
		case err == nil:
		case x.view == "" || duck.Lost(err) || ctx.Err() != nil:
			return fmt.Errorf("live catalog: %w", err)
		default:
			c.logger.Warn("a live view was not made again", "view", x.view, "err", err)
		}
	}
	return conn.Exec(ctx, setVersion(c.version))
}

// Close closes the catalog's connection.
func (c *Catalog) Close() { c.conn.Close() }
