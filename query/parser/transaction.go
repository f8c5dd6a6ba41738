package parser

import "strings"

const hintTransaction = "A transaction has nothing to prepare: COMMIT ends it at once."

func (p *parser) begin() Statement {
	s := &Begin{Start: p.take().is("start")}
	if s.Start {
		p.expect("transaction")
	} else if !p.accept("transaction") {
		p.accept("work")
	}
	s.Modes = p.transactionModes()
	p.end()
	return s
}

// transactionModes reads the modes, with or without commas between them.
func (p *parser) transactionModes() TransactionModes {
	var m TransactionModes
	for {
		switch {
		case p.accept("isolation", "level"):
			m.Isolation = p.isolationLevel()
		case p.accept("read", "only"):
			m.ReadOnly, m.ReadWrite = true, false
		case p.accept("read", "write"):
			m.ReadOnly, m.ReadWrite = false, true
		case p.accept("deferrable"), p.accept("not", "deferrable"):
		case p.peek().Kind == EOF:
			return m
		default:
			p.fail()
		}
		if p.acceptMark(",") && p.peek().Kind == EOF {
			p.fail()
		}
	}
}

func (p *parser) isolationLevel() string {
	for _, level := range []string{"serializable", "repeatable read", "read committed", "read uncommitted"} {
		if p.accept(strings.Fields(level)...) {
			return strings.ToUpper(level)
		}
	}
	p.fail()
	return ""
}

func (p *parser) commit() Statement {
	p.take()
	return &Commit{Chain: p.endOfTransaction()}
}

func (p *parser) rollback() Statement {
	p.take()
	if p.peek().is("to") || p.peekAt(1).is("to") {
		p.workOrTransaction()
		p.expect("to")
		p.accept("savepoint")
		s := &RollbackTo{Name: p.identifier().Value}
		p.end()
		return s
	}
	return &Rollback{Chain: p.endOfTransaction()}
}

func (p *parser) workOrTransaction() {
	if !p.accept("work") {
		p.accept("transaction")
	}
}

// endOfTransaction reads what stands behind COMMIT and ROLLBACK.
func (p *parser) endOfTransaction() (chain bool) {
	if t := p.peek(); t.is("prepared") {
		panic(unsupportedHere(t, hintTransaction, "two-phase commit is not supported"))
	}
	p.workOrTransaction()
	if p.accept("and") && !p.accept("no", "chain") {
		p.expect("chain")
		chain = true
	}
	p.end()
	return chain
}

func (p *parser) savepoint() Statement {
	p.expect("savepoint")
	s := &Savepoint{Name: p.identifier().Value}
	p.end()
	return s
}

func (p *parser) release() Statement {
	p.expect("release")
	p.accept("savepoint")
	s := &Release{Name: p.identifier().Value}
	p.end()
	return s
}
