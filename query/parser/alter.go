package parser

import "strings"

// Alter is ALTER SOURCE, ALTER TABLE or ALTER MATERIALIZED VIEW.
type Alter struct {
	Kind     ObjectKind
	IfExists bool
	Name     Name
	Action   AlterAction
}

// Command returns the tag ALTER with the kind.
func (s *Alter) Command() string { return "ALTER " + s.Kind.String() }

// AlterAction is what ALTER does: one of RenameTo, SwapWith, AddColumn,
// SetOptions, Pause and OwnerTo.
type AlterAction interface{ alterAction() }

// RenameTo is RENAME TO name.
type RenameTo struct{ Name Name }

// SwapWith is SWAP WITH name.
type SwapWith struct{ Name Name }

// AddColumn is ADD [COLUMN] [IF NOT EXISTS] name type [PATH 'where'].
type AddColumn struct {
	IfNotExists bool
	Column      Column
}

// SetOptions is SET (name = value, …).
type SetOptions struct{ Options []Option }

// Pause is PAUSE and RESUME.
type Pause struct {
	Resume bool
	Offset int
}

// OwnerTo is OWNER TO role.
type OwnerTo struct{ Role RoleName }

func (OwnerTo) alterAction()    {}
func (RenameTo) alterAction()   {}
func (SwapWith) alterAction()   {}
func (AddColumn) alterAction()  {}
func (SetOptions) alterAction() {}
func (Pause) alterAction()      {}

const hintAlter = "ALTER can do RENAME TO name, ADD COLUMN name type, SET (option = value), OWNER TO role, PAUSE and RESUME for a source or a materialized view, and SWAP WITH name for a materialized view."

// alter reads ALTER kind [IF EXISTS] name action.
func (p *parser) alter() Statement {
	p.expect("alter")
	s := &Alter{}
	t := p.peek()
	switch {
	case p.accept("source"):
		s.Kind = Source
	case p.accept("table"):
		s.Kind = Table
	case p.accept("materialized"):
		p.expect("view")
		s.Kind = MaterializedView
	case t.is("view"):
		panic(unsupportedHere(t, "Write ALTER MATERIALIZED VIEW.", "ALTER VIEW is not supported"))
	case t.isAny("role", "user"):
		p.take()
		return p.alterRole()
	case p.accept("default", "privileges"):
		panic(unsupportedHere(t, hintAll, "ALTER DEFAULT PRIVILEGES is not supported"))
	case t.Kind == Word:
		panic(unsupportedHere(t, hintObjects, "ALTER %s is not supported", strings.ToUpper(t.Value)))
	default:
		p.fail()
	}
	s.IfExists = p.accept("if", "exists")
	s.Name = p.name()
	s.Action = p.alterAction(s.Kind)
	p.end()
	return s
}

func (p *parser) alterAction(kind ObjectKind) AlterAction {
	t := p.peek()
	switch {
	case p.accept("rename", "to"):
		return RenameTo{p.newName()}
	case p.accept("owner", "to"):
		return OwnerTo{p.roleName()}
	case kind == MaterializedView && p.accept("swap", "with"):
		return SwapWith{p.name()}
	case kind != MaterializedView && p.accept("add"):
		p.accept("column")
		a := AddColumn{IfNotExists: p.ifNotExists()}
		a.Column = p.column(nil)
		return a
	case t.is("set") && p.peekAt(1).mark("("):
		p.take()
		return SetOptions{p.options()}
	case kind != Table && p.accept("pause"):
		return Pause{Offset: t.Offset}
	case kind != Table && p.accept("resume"):
		return Pause{Resume: true, Offset: t.Offset}
	case t.Kind == Word:
		panic(unsupportedHere(t, hintAlter, "ALTER %s … %s is not supported", kind, strings.ToUpper(t.Value)))
	}
	panic(syntaxError(t))
}

// Comment is COMMENT ON SOURCE|TABLE|MATERIALIZED VIEW x IS 'text' and COMMENT
// ON COLUMN x.y IS 'text'.
type Comment struct {
	Kind         ObjectKind // Table for a column of anything
	Name         Name
	Column       string // empty: the object's own comment
	ColumnOffset int
	Text         string // empty: IS NULL, which removes the comment
}

// Command returns the tag COMMENT.
func (*Comment) Command() string { return "COMMENT" }

func (p *parser) comment() Statement {
	p.expect("comment", "on")
	s := &Comment{}
	t := p.peek()
	switch {
	case p.accept("source"):
		s.Kind, s.Name = Source, p.name()
	case p.accept("table"):
		s.Kind, s.Name = Table, p.name()
	case p.accept("materialized"):
		p.expect("view")
		s.Kind, s.Name = MaterializedView, p.name()
	case p.accept("column"):
		p.commentColumn(s)
	case t.Kind == Word:
		panic(unsupportedHere(t, "Comments are kept of sources, tables, materialized views and columns.", "COMMENT ON %s is not supported", strings.ToUpper(t.Value)))
	default:
		p.fail()
	}
	p.expect("is")
	if !p.accept("null") {
		if p.peek().Kind != String {
			p.fail()
		}
		s.Text = p.take().Value
	}
	p.end()
	return s
}

// commentColumn reads table.column and schema.table.column.
func (p *parser) commentColumn(s *Comment) {
	first := p.identifier()
	p.expectMark(".")
	parts := []Token{first, p.identifier()}
	if p.acceptMark(".") {
		parts = append(parts, p.identifier())
	}
	last := len(parts) - 1
	s.Kind, s.Name = Table, Name{Name: parts[last-1].Value, Offset: first.Offset}
	if last == 2 {
		s.Name.Schema = first.Value
	}
	s.Column, s.ColumnOffset = parts[last].Value, parts[last].Offset
}
