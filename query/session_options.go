package query

import "time"

// SessionOptions says who opens a session and with what. The zero value is an
// anonymous session with default settings.
type SessionOptions struct {
	User        string            // the role that runs the statements
	LoggedIn    bool              // User is a role that has logged in, whose rights hold; else the session may do everything
	Database    string            // the database the client asked for; it is only reported back
	Application string            // the client's application_name; it may change with SET
	Settings    map[string]string // other settings from the start of the connection; names in lower case, values as given
	// PostgresNames: columns of results that have no name of their own get the one
	// that PostgreSQL gives them (sum, ?column?), not their text.
	PostgresNames bool
	// Process is the number by which other sessions see this one and may cancel it,
	// 0 for none. Interrupt does that: it ends the session's statement, or the
	// session. It is called from any goroutine, and must not wait.
	Process   int32
	Interrupt func(terminate bool)
	// Notify is called for what the session is to be told as a listener, from any
	// goroutine, and must not wait. Nil: it is told nothing.
	Notify func(Notification)
	// Prepared lists the statements that the client has prepared by the protocol,
	// for pg_prepared_statements. It is called while the session runs a query. Nil:
	// there are none.
	Prepared func() []PreparedStatement
	Remote   string // the client's address, for logs and system tables; "" when there is none
}

// PreparedStatement is a statement that a client has prepared.
type PreparedStatement struct {
	Name, SQL string
	Params    []uint32 // the OIDs of the parameters' types
	At        time.Time
}
