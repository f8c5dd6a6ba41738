package parser

import "strings"

// Listen is LISTEN channel, UNLISTEN channel and UNLISTEN *.
type Listen struct {
	Channel string // empty: *
	Stop    bool   // UNLISTEN
}

// Notify is NOTIFY channel [, 'payload'].
type Notify struct{ Channel, Payload string }

// Command returns the tag LISTEN or UNLISTEN.
func (s *Listen) Command() string {
	if s.Stop {
		return "UNLISTEN"
	}
	return "LISTEN"
}

// Command returns the tag NOTIFY.
func (*Notify) Command() string { return "NOTIFY" }

// maxPayloadBytes is PostgreSQL's limit.
const maxPayloadBytes = 7999

func (p *parser) listen() Statement {
	s := &Listen{Stop: p.take().is("unlisten")}
	if !(s.Stop && p.acceptMark("*")) {
		s.Channel = p.identifier().Value
	}
	p.end()
	return s
}

func (p *parser) notify() Statement {
	p.expect("notify")
	s := &Notify{Channel: p.identifier().Value}
	if p.acceptMark(",") {
		t := p.take()
		if t.Kind != String {
			panic(syntaxError(t))
		}
		if len(t.Value) > maxPayloadBytes {
			panic(errorAt(t.Offset, "22023", "payload string too long").withHint("A payload has at most %d bytes.", maxPayloadBytes))
		}
		s.Payload = strings.Clone(t.Value)
	}
	p.end()
	return s
}
