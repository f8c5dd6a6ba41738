package pgwire

import (
	"context"

	"github.com/millstream-db/millstream/query"
)

// portal is a prepared statement with its parameters and result formats bound,
// and the cursor over its rows once it has been executed.
type portal struct {
	statement *prepared
	args      []any
	argBytes  int
	formats   []int16 // one per column

	execution *execution
	cursor    *cursor // nil: not executed yet
	tag       string  // of the result
	finished  bool    // executed to the end
}

// start executes the statement of a portal that has not been executed.
func (p *portal) start(ctx context.Context, c *connection) error {
	if err := c.freeSession(ctx, p.statement.plan.Tag); err != nil {
		return err
	}
	result, err := c.session.Execute(ctx, p.statement.plan, p.args)
	if err != nil {
		return err
	}
	p.tag = result.Tag
	p.cursor = &cursor{result: result, prompt: result.Live}
	c.out.sendNotices(result.Notices)
	if result.Copy != nil {
		e := newCopyEncoder(result, c.zone())
		p.cursor.rows = e
		e.begin(&c.out)
		return nil
	}
	columns := p.statement.plan.Columns
	if !p.statement.describes(result.Columns) {
		return errPlanChanged
	}
	if columns != nil {
		p.cursor.rows = newRowEncoder(columns, p.statement.types, p.formats, c.zone())
	}
	return nil
}

// fetch sends rows as cursor.fetch does, and executes the statement first if
// that has not happened.
func (p *portal) fetch(ctx context.Context, c *connection, limit int64) (int64, error) {
	if p.cursor == nil {
		if err := p.start(ctx, c); err != nil {
			return 0, err
		}
	}
	if p.statement.plan.Columns == nil {
		limit = 0 // it counts rows, and there are none, or they are copied
	}
	sent, err := p.cursor.fetch(ctx, &c.out, limit)
	if err == nil && p.cursor.done {
		p.finished = true
		if e := p.cursor.copies(); e != nil {
			e.end(&c.out)
		}
		p.cursor.close()
	}
	return sent, err
}

func (p *portal) close() {
	if p.cursor != nil {
		p.cursor.close()
	}
	p.execution.end()
}

// portal returns a portal by name.
func (c *connection) portal(name string) (*portal, error) {
	if p, ok := c.portals[name]; ok {
		return p, nil
	}
	return nil, query.Errorf(query.CodeInvalidCursorName, "portal %q does not exist", name)
}

// addPortal keeps a portal under a name that is free.
func (c *connection) addPortal(name string, p *portal) error {
	if name != "" && len(c.portals) >= c.server.options.MaxPortals || c.portalBytes+p.argBytes > maxStatementBytes {
		return query.Errorf(query.CodeProgramLimit, "too many open portals in this session").
			WithHint("close portals that are no longer needed")
	}
	c.portals[name] = p
	c.portalBytes += p.argBytes
	return nil
}

func (c *connection) closePortal(name string) {
	if p, ok := c.portals[name]; ok {
		delete(c.portals, name)
		c.portalBytes -= p.argBytes
		p.close()
	}
}

func (c *connection) closePortals() {
	for name := range c.portals {
		c.closePortal(name)
	}
}

// freeSession makes the session ready for a statement with the given tag. A
// session has one open result, so the rows that are left of a suspended portal
// are read into memory; the end of a transaction is the end of its portals.
func (c *connection) freeSession(ctx context.Context, tag string) error {
	left := c.server.options.PortalBufferBytes
	for _, p := range c.portals {
		if p.cursor == nil || p.finished {
			continue
		}
		if tag == "COMMIT" || tag == "ROLLBACK" {
			p.cursor.close()
			p.cursor.detached, p.cursor.kept = true, nil
			continue
		}
		if p.cursor.prompt {
			return query.Errorf(query.CodeObjectNotPrerequisite, "a subscription is suspended in this session").
				WithHint("close its portal, or use another session")
		}
		if err := p.cursor.detach(ctx, left); err != nil {
			c.closeSuspended()
			return err
		}
		left -= len(p.cursor.kept)
	}
	return nil
}

// closeSuspended closes the portals whose rows could not be kept.
func (c *connection) closeSuspended() {
	for name, p := range c.portals {
		if p.cursor != nil && !p.finished {
			c.closePortal(name)
		}
	}
}
