package query

import "time"

// BuiltInAdmin is the role that every database has: it may do everything, and
// owns what was made before there were others.
const BuiltInAdmin = "millstream"

// Login is what holds for a role that wants to log in.
type Login struct {
	Verifier        string    // of its password, in PostgreSQL's text form; "": it has none
	ValidUntil      time.Time // of the password; zero: for ever
	Allowed         bool      // LOGIN
	ConnectionLimit int       // of Postgres connections at once; negative: none
}
