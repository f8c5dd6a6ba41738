package parser

import (
	"math"
	"strconv"
	"time"
)

// Declare is DECLARE name CURSOR FOR a query or a subscription.
type Declare struct {
	Name      string
	Hold      bool // WITH HOLD: it outlives its transaction
	SQL       string
	Offset    int        // of SQL in the statement
	Subscribe *Subscribe // instead of SQL
}

// Fetch is FETCH and MOVE, forward.
type Fetch struct {
	Name  string
	Count int64 // math.MaxInt64: ALL
	Move  bool  // MOVE: the rows are passed over
	// Timeout is how long to wait for the rows of a subscription; negative:
	// until there is one.
	Timeout time.Duration
}

// Close is CLOSE of one cursor.
type Close struct {
	Name string // empty: CLOSE ALL
}

// Command returns the tag DECLARE CURSOR.
func (*Declare) Command() string { return "DECLARE CURSOR" }

// Command returns the tag FETCH or MOVE.
func (s *Fetch) Command() string {
	if s.Move {
		return "MOVE"
	}
	return "FETCH"
}

// Command returns the tag CLOSE CURSOR, with ALL where all are closed.
func (s *Close) Command() string {
	if s.Name == "" {
		return "CLOSE CURSOR ALL"
	}
	return "CLOSE CURSOR"
}

const hintForward = "A cursor only goes forward: FETCH n, FETCH FORWARD n or FETCH ALL."

func (p *parser) declare() Statement {
	p.expect("declare")
	d := &Declare{Name: p.identifier().Value}
	for !p.accept("cursor") {
		t := p.peek()
		switch {
		case p.accept("insensitive"), p.accept("asensitive"), p.accept("no", "scroll"):
		case p.accept("scroll"):
			// Refused by the FETCH that goes backward, if one does: drivers
			// write SCROLL and then go forward.
		case t.is("binary"):
			panic(unsupportedHere(t, "Drivers ask for the binary format in the extended query protocol.", "binary cursors are not supported"))
		default:
			p.fail()
		}
	}
	switch {
	case p.accept("with", "hold"):
		d.Hold = true
	case p.accept("without", "hold"):
	}
	p.expect("for")
	switch t := p.peek(); {
	case t.is("subscribe"):
		d.Subscribe = p.subscription()
		p.end()
	case t.isAny("select", "with", "values", "from", "table") || t.mark("("):
		d.SQL, d.Offset = p.rest()
	default:
		p.fail()
	}
	return d
}

// fetch reads FETCH [direction] [FROM|IN] name [WITH (timeout = …)], and MOVE.
func (p *parser) fetch() Statement {
	f := &Fetch{Move: p.take().is("move"), Count: 1, Timeout: -1}
	p.fetchDirection(f)
	if !p.accept("from") {
		p.accept("in")
	}
	f.Name = p.identifier().Value
	if p.accept("with") {
		for _, o := range p.options() {
			if o.Name != "timeout" {
				panic(errorAt(o.Offset, codeSyntax, "option \"%s\" not recognized", excerpt(o.Name)).withHint("FETCH knows timeout."))
			}
			timeout, err := parseDuration(o.Value)
			if err != nil {
				err.Offset = o.ValueOffset
				panic(err)
			}
			f.Timeout = timeout
		}
	}
	p.end()
	return f
}

func (p *parser) fetchDirection(f *Fetch) {
	t := p.peek()
	// What stands alone before the end is the cursor's name, whatever it reads like.
	if next := p.peekAt(1); t.Kind == Word && (next.Kind == EOF || next.is("with")) {
		return
	}
	switch {
	case p.accept("next"):
	case t.isAny("prior", "first", "last", "absolute", "relative", "backward"), t.mark("-"):
		panic(errorAt(t.Offset, codeNotPrerequisite, "cursor can only scan forward").withHint(hintForward))
	case p.accept("forward"):
		p.fetchCount(f)
	default:
		p.fetchCount(f)
	}
}

func (p *parser) fetchCount(f *Fetch) {
	t := p.peek()
	switch {
	case p.accept("all"):
		f.Count = math.MaxInt64
	case t.mark("-"):
		panic(errorAt(t.Offset, codeNotPrerequisite, "cursor can only scan forward").withHint(hintForward))
	case t.Kind == Number:
		n, err := strconv.ParseInt(t.Value, 10, 64)
		if err != nil {
			panic(syntaxError(t))
		}
		f.Count = n
		p.take()
	}
}

// closeCursor reads CLOSE name and CLOSE ALL.
func (p *parser) closeCursor() Statement {
	p.expect("close")
	c := &Close{}
	if !p.accept("all") {
		c.Name = p.identifier().Value
	}
	p.end()
	return c
}
