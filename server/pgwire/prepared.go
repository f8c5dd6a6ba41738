package pgwire

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/query/parser"
)

// maxStatementBytes bounds the texts of a session's prepared statements
// together, and the parameters of its portals.
const maxStatementBytes = 64 << 20

// prepared is a prepared statement: a text that the session has planned.
type prepared struct {
	plan  *query.Statement
	oids  []uint32    // of the parameters
	types []*wireType // of the columns
	size  int         // of the message that made it
	at    time.Time   // when
}

// newPrepared describes a plan to a client that asked for the parameters'
// types requested. What the client asked for is what it will send, so that
// counts, whatever the planner made of it.
func newPrepared(plan *query.Statement, requested []uint32, size int) *prepared {
	p := &prepared{plan: plan, types: columnTypes(plan.Columns), oids: slices.Clone(requested), size: size, at: time.Now()}
	for i, name := range plan.Params {
		if i == len(p.oids) {
			p.oids = append(p.oids, 0)
		}
		if p.oids[i] == 0 || p.oids[i] == oidUnknown {
			p.oids[i] = parseType(name).oid
		}
	}
	for i, oid := range p.oids {
		if oid == 0 {
			p.oids[i] = oidText
		}
	}
	return p
}

// isTime reports whether a parameter is cast to a date or timestamp by the
// statement, whatever the client says of it.
func (p *prepared) isTime(i int) bool {
	switch parser.StatedTypes(p.plan.SQL)["$"+strconv.Itoa(i+1)] {
	case "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE":
		return true
	}
	return i < len(p.plan.Params) && (p.plan.Params[i] == "DATE" || strings.HasPrefix(p.plan.Params[i], "TIMESTAMP"))
}

// describes reports whether a result has the columns that the client was told,
// or can be sent as if it had: everything has a text.
func (p *prepared) describes(columns []query.Column) bool {
	if len(columns) != len(p.plan.Columns) {
		return false
	}
	for i, c := range columns {
		if c.Type == p.plan.Columns[i].Type || p.types[i].kind == kindText || p.types[i].kind == kindJSON {
			continue
		}
		if parseType(c.Type).oid != p.types[i].oid {
			return false
		}
	}
	return true
}

// listStatements lists the prepared statements that have a name.
func (c *connection) listStatements() []query.PreparedStatement {
	var list []query.PreparedStatement
	for name, p := range c.statements {
		if name != "" {
			list = append(list, query.PreparedStatement{Name: name, SQL: p.plan.SQL, Params: p.oids, At: p.at})
		}
	}
	return list
}

// statement returns a prepared statement by name.
func (c *connection) statement(name string) (*prepared, error) {
	if p, ok := c.statements[name]; ok {
		return p, nil
	}
	if name == "" {
		return nil, query.Errorf(query.CodeInvalidPreparedName, "unnamed prepared statement does not exist")
	}
	return nil, query.Errorf(query.CodeInvalidPreparedName, "prepared statement %q does not exist", name)
}

// checkRoom returns an error if there is no room for one more prepared statement, of a message
// of so many bytes. It is asked before the statement is planned, which costs more than to say no.
func (c *connection) checkRoom(name string, size int) error {
	if name != "" && len(c.statements) >= c.server.options.MaxStatements || c.statementBytes+size > maxStatementBytes {
		return query.Errorf(query.CodeProgramLimit, "too many prepared statements in this session").
			WithHint("close prepared statements that are no longer needed")
	}
	return nil
}

// addStatement keeps a prepared statement under its name, which is free, and for which there is
// room.
func (c *connection) addStatement(name string, p *prepared) {
	c.statements[name] = p
	c.statementBytes += p.size
}

func (c *connection) closeStatement(name string) {
	if p, ok := c.statements[name]; ok {
		delete(c.statements, name)
		c.statementBytes -= p.size
	}
}

// deallocate forgets a prepared statement, or all for "", as SQL asks.
func (c *connection) deallocate(name string) {
	if name != "" {
		c.closeStatement(name)
		return
	}
	for name := range c.statements {
		c.closeStatement(name)
	}
}
