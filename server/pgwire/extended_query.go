package pgwire

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/server/pgwire/datetime"
)

// handleParse plans a statement and keeps it under a name.
func (c *connection) handleParse(ctx context.Context, body []byte) error {
	m := &c.in.parse
	if err := decode(m, body); err != nil {
		return err
	}
	if err := checkText(m.Query); err != nil {
		return err
	}
	if m.Name == "" {
		c.closeStatement("")
	} else if _, exists := c.statements[m.Name]; exists {
		return query.Errorf(query.CodeDuplicatePreparedName, "prepared statement %q already exists", m.Name)
	}
	if err := c.checkRoom(m.Name, len(body)); err != nil {
		return err
	}
	plan, err := c.plan(ctx, m.Query, m.ParameterOIDs)
	if err != nil {
		return err
	}
	c.addStatement(m.Name, newPrepared(plan, m.ParameterOIDs, len(body)))
	c.out.send(&pgproto3.ParseComplete{})
	return nil
}

// plan has the session plan the one statement of a text.
func (c *connection) plan(ctx context.Context, text string, oids []uint32) (*query.Statement, error) {
	pieces := parser.Split(text)
	switch len(pieces) {
	case 0:
		return &query.Statement{}, nil
	case 1:
	default:
		return nil, query.Errorf(query.CodeSyntaxError, "cannot insert multiple commands into a prepared statement")
	}
	types := make([]string, len(oids))
	for i, oid := range oids {
		types[i] = parameterType(oid)
	}
	var plan *query.Statement
	started := time.Now()
	err := c.runOnce(ctx, func(ctx context.Context) (err error) {
		plan, err = c.session.Prepare(ctx, pieces[0].Text, types)
		return err
	})
	if err != nil {
		c.observe("", started, 0, err)
		return nil, shiftPosition(query.AsError(err), text, pieces[0].Offset)
	}
	return plan, nil
}

// handleBind makes a portal of a prepared statement.
func (c *connection) handleBind(ctx context.Context, body []byte) error {
	m := &c.in.bind
	if err := decode(m, body); err != nil {
		return err
	}
	statement, err := c.statement(m.PreparedStatement)
	if err != nil {
		return err
	}
	if m.DestinationPortal == "" {
		c.closePortal("")
	} else if _, exists := c.portals[m.DestinationPortal]; exists {
		return query.Errorf(codeDuplicateCursor, "portal %q already exists", m.DestinationPortal)
	}
	if statement, err = c.redescribed(ctx, statement); err != nil {
		return err
	}
	p := &portal{statement: statement, argBytes: len(body)}
	if p.args, err = bindParameters(statement, m); err != nil {
		return err
	}
	if p.formats, err = bindFormats(m.ResultFormatCodes, len(statement.plan.Columns)); err != nil {
		return err
	}
	if err := c.addPortal(m.DestinationPortal, p); err != nil {
		return err
	}
	p.execution = newExecution(ctx)
	c.out.send(&pgproto3.BindComplete{})
	return nil
}

// redescribed returns what a portal of the statement runs. A FETCH may have been
// parsed before its cursor was declared, or that is another one now.
func (c *connection) redescribed(ctx context.Context, statement *prepared) (*prepared, error) {
	if statement.plan.Tag != "FETCH" {
		return statement, nil
	}
	plan, err := c.plan(ctx, statement.plan.SQL, nil)
	if err != nil {
		return nil, err
	}
	return newPrepared(plan, nil, statement.size), nil
}

// bindParameters reads the values of a statement's parameters.
func bindParameters(statement *prepared, m *pgproto3.Bind) ([]any, error) {
	formats, values := m.ParameterFormatCodes, m.Parameters
	if len(formats) > 1 && len(formats) != len(values) {
		return nil, query.Errorf(query.CodeProtocolViolation, "bind message has %d parameter formats but %d parameters",
			len(formats), len(values))
	}
	if len(values) != len(statement.oids) {
		return nil, query.Errorf(query.CodeProtocolViolation,
			"bind message supplies %d parameters, but prepared statement %q requires %d",
			len(values), m.PreparedStatement, len(statement.oids))
	}
	if err := checkFormats(formats); err != nil {
		return nil, err
	}
	args := make([]any, len(values))
	for i, value := range values {
		var err error
		if args[i], err = decodeParameter(i+1, statement.oids[i], formatOf(formats, i), value); err != nil {
			return nil, err
		}
		if text, ok := args[i].(string); ok && strings.HasSuffix(text, " BC") && statement.isTime(i) {
			args[i] = datetime.BeforeChrist(text)
		}
	}
	// A client may declare, and then send, more parameters than there are.
	return args[:min(len(args), len(statement.plan.Params))], nil
}

// bindFormats returns the format of each column.
func bindFormats(formats []int16, columns int) ([]int16, error) {
	if len(formats) > 1 && len(formats) != columns {
		return nil, query.Errorf(query.CodeProtocolViolation, "bind message has %d result formats but query has %d columns",
			len(formats), columns)
	}
	if err := checkFormats(formats); err != nil {
		return nil, err
	}
	all := make([]int16, columns)
	for i := range all {
		all[i] = formatOf(formats, i)
	}
	return all, nil
}

func checkFormats(formats []int16) error {
	i := slices.IndexFunc(formats, func(f int16) bool { return f != textFormat && f != binaryFormat })
	if i >= 0 {
		return query.Errorf(query.CodeInvalidParameter, "unsupported format code: %d", formats[i])
	}
	return nil
}

// formatOf returns the format of value i: none given means text, and one is
// for all.
func formatOf(formats []int16, i int) int16 {
	switch len(formats) {
	case 0:
		return textFormat
	case 1:
		return formats[0]
	default:
		return formats[i]
	}
}

// handleDescribe describes a prepared statement or a portal. Only a portal
// knows the formats of its columns.
func (c *connection) handleDescribe(ctx context.Context, body []byte) error {
	m := &c.in.describe
	if err := decode(m, body); err != nil {
		return err
	}
	switch m.ObjectType {
	case 'S':
		statement, err := c.statement(m.Name)
		if err != nil {
			return err
		}
		c.out.send(&pgproto3.ParameterDescription{ParameterOIDs: statement.oids})
		columns := statement.plan.Columns
		c.out.sendColumns(columns, statement.types, make([]int16, len(columns)))
	case 'P':
		p, err := c.portal(m.Name)
		if err != nil {
			return c.describeCursor(ctx, m.Name, err)
		}
		c.out.sendColumns(p.statement.plan.Columns, p.statement.types, p.formats)
	default:
		return query.Errorf(query.CodeProtocolViolation, "invalid DESCRIBE message subtype %d", m.ObjectType)
	}
	return nil
}

// describeCursor describes a cursor that DECLARE has made, which in PostgreSQL
// is a portal like others. Without one there is the given error.
func (c *connection) describeCursor(ctx context.Context, name string, none error) error {
	if name == "" {
		return none
	}
	fetch := "FETCH 1 FROM " + parser.QuoteIdent(name)
	return c.runOnce(ctx, func(ctx context.Context) error {
		plan, err := c.session.Prepare(ctx, fetch, nil)
		if err != nil || plan.Columns == nil {
			return none
		}
		c.out.sendColumns(plan.Columns, columnTypes(plan.Columns), make([]int16, len(plan.Columns)))
		return nil
	})
}

// handleExecute runs a portal, or goes on with it, and sends some or all of its
// rows. It ends with exactly one of CommandComplete, EmptyQueryResponse,
// PortalSuspended, and an error.
func (c *connection) handleExecute(body []byte) error {
	m := &c.in.execute
	if err := decode(m, body); err != nil {
		return err
	}
	p, err := c.portal(m.Portal)
	if err != nil {
		return err
	}
	plan := p.statement.plan
	switch {
	case plan.Tag == "":
		c.out.send(&pgproto3.EmptyQueryResponse{})
		return nil
	case p.finished && plan.Columns == nil:
		return query.Errorf(query.CodeObjectNotPrerequisite, "portal %q cannot be run", m.Portal)
	case p.finished:
		c.out.sendComplete(p.tag, 0)
		return nil
	}
	limit := max(int64(int32(m.MaxRows)), 0)
	var sent int64
	started := time.Now()
	err = c.run(p.execution, func(ctx context.Context) (err error) {
		if plan.Live {
			c.setEndless()
		}
		sent, err = p.fetch(ctx, c, limit)
		return err
	})
	c.observe(plan.Tag, started, sent, err)
	if err != nil {
		c.closePortal(m.Portal)
		return err
	}
	if !p.finished {
		c.out.send(&pgproto3.PortalSuspended{})
		return nil
	}
	if plan.Deallocate != nil {
		c.deallocate(*plan.Deallocate)
	}
	c.out.sendComplete(p.tag, sent)
	return nil
}

// handleClose closes a prepared statement or a portal. It is no error if there
// is none. Portals made of the statement go on.
func (c *connection) handleClose(body []byte) error {
	m := &c.in.close
	if err := decode(m, body); err != nil {
		return err
	}
	switch m.ObjectType {
	case 'S':
		c.closeStatement(m.Name)
	case 'P':
		c.closePortal(m.Name)
	default:
		return query.Errorf(query.CodeProtocolViolation, "invalid CLOSE message subtype %d", m.ObjectType)
	}
	c.out.send(&pgproto3.CloseComplete{})
	return nil
}
