package gate

import "strings"

// maxCopies is how many table references a query may come to when its CTEs are
// written out. Sixteen CTEs that each read the one before twice are 65,536, and
// DuckDB plans them for 13 s, in which nothing interrupts it.
const maxCopies = 4000

// cte is a name defined by WITH.
type cte struct {
	recursive bool
	// copies is what one reference to it costs the planner: 1 if it is
	// MATERIALIZED, otherwise all that it is made of.
	copies float64
}

// scope is the CTEs that a place in the query sees. The nil scope is empty.
type scope struct {
	name   string
	cte    *cte
	parent *scope
}

func (s *scope) with(name string, c *cte) *scope {
	return &scope{name: strings.ToLower(name), cte: c, parent: s}
}

// lookup returns the innermost CTE of the name, or nil.
func (s *scope) lookup(name string) *cte {
	name = strings.ToLower(name)
	for ; s != nil; s = s.parent {
		if s.name == name {
			return s.cte
		}
	}
	return nil
}

// read counts a table reference for the planner.
func (w *walker) read(copies float64, offset int) {
	if w.copies += max(copies, 1); w.copies > maxCopies {
		panic(errorAt(offset, codeTooComplex, "query reads more than %d tables when its common table expressions are written out", maxCopies).
			withHint("Write WITH name AS MATERIALIZED (…)."))
	}
}
