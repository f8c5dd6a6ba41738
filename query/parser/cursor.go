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
	Scroll    bool // it goes backward too
	SQL       string
	Offset    int        // of SQL in the statement
	Subscribe *Subscribe // instead of SQL
}

// Direction is where a FETCH goes from where its cursor stands.
type Direction int

// FetchForward and FetchBackward are for Count rows, the other way if it is
// negative; 0 is the row that the cursor stands on. FetchAbsolute is for the row
// with the number Count, from the end if it is negative, and FetchRelative for
// the one that many rows ahead or back.
const (
	FetchForward Direction = iota
	FetchBackward
	FetchAbsolute
	FetchRelative
)

// Fetch is FETCH and MOVE.
type Fetch struct {
	Name      string
	Direction Direction
	Count     int64 // math.MaxInt64: ALL
	Move      bool  // MOVE: the rows are passed over
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

func (p *parser) declare() Statement {
	p.expect("declare")
	d := &Declare{Name: p.identifier().Value}
	p.cursorOptions(d)
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

// cursorOptions reads what stands before CURSOR, and it.
func (p *parser) cursorOptions(d *Declare) {
	forward := false
	for !p.accept("cursor") {
		t := p.peek()
		switch {
		case p.accept("insensitive"), p.accept("asensitive"):
		case p.accept("no", "scroll"):
			forward = true
		case p.accept("scroll"):
			d.Scroll = true
		case t.is("binary"):
			panic(unsupportedHere(t, "Drivers ask for the binary format in the extended query protocol.", "binary cursors are not supported"))
		default:
			p.fail()
		}
		if d.Scroll && forward {
			panic(errorAt(NoOffset, codeInvalidCursor, "cannot specify both SCROLL and NO SCROLL"))
		}
	}
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
	case p.accept("prior"):
		f.Direction = FetchBackward
	case p.accept("first"):
		f.Direction = FetchAbsolute
	case p.accept("last"):
		f.Direction, f.Count = FetchAbsolute, -1
	case p.accept("absolute"):
		f.Direction, f.Count = FetchAbsolute, p.fetchNumber()
	case p.accept("relative"):
		f.Direction, f.Count = FetchRelative, p.fetchNumber()
	case p.accept("backward"):
		f.Direction = FetchBackward
		p.fetchCount(f)
	case p.accept("forward"):
		p.fetchCount(f)
	default:
		p.fetchCount(f)
	}
}

// fetchCount reads ALL or a number, if one is there.
func (p *parser) fetchCount(f *Fetch) {
	switch t := p.peek(); {
	case p.accept("all"):
		f.Count = math.MaxInt64
	case t.Kind == Number, t.Kind == Operator && (t.Text == "-" || t.Text == "+"):
		f.Count = p.fetchNumber()
	}
}

// fetchNumber reads a whole number with its sign. As in PostgreSQL it has 32 bits.
func (p *parser) fetchNumber() int64 {
	sign := ""
	if t := p.peek(); t.Kind == Operator && (t.Text == "-" || t.Text == "+") {
		sign = p.take().Text
	}
	t := p.take()
	n, err := strconv.ParseInt(sign+t.Value, 10, 32)
	if t.Kind != Number || err != nil {
		panic(syntaxError(t))
	}
	return n
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
