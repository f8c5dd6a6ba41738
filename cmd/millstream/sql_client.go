package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// clientOptions say where a client connects.
type clientOptions struct {
	addr    string
	user    string // "": as the environment says, or millstream
	sslmode string // in libpq's words; "": as the environment says, or prefer
	environ []string
	notices io.Writer // nil: discard
	// ask asks a person for the password when the server wants one and there is
	// none in the environment. Nil: nobody is there.
	ask func(user string) (string, error)
}

// env returns a variable of the environment, "" if it is not set.
func (o *clientOptions) env(name string) string {
	for _, entry := range o.environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// settings returns what pgconn is to be told, in libpq's form. Its variables are
// taken from the environment that the options have.
func (o *clientOptions) settings(host, port string) string {
	list := []string{"dbname=millstream", "application_name=millstream"}
	add := func(name, value string) {
		if value != "" {
			list = append(list, name+"="+quoteSetting(value))
		}
	}
	add("host", host)
	add("port", port)
	add("user", cmp.Or(o.user, o.env("PGUSER"), "millstream"))
	add("sslmode", cmp.Or(o.sslmode, o.env("PGSSLMODE"), "prefer"))
	add("sslrootcert", o.env("PGSSLROOTCERT"))
	add("sslcert", o.env("PGSSLCERT"))
	add("sslkey", o.env("PGSSLKEY"))
	add("channel_binding", o.env("PGCHANNELBINDING"))
	return strings.Join(list, " ")
}

// client is a connection to a database over the Postgres protocol.
type client struct {
	conn     *pgconn.PgConn
	expanded bool
}

// connect connects within ten seconds.
func connect(ctx context.Context, opts clientOptions) (*client, error) {
	host, port, err := net.SplitHostPort(opts.addr)
	if err != nil {
		return nil, fmt.Errorf("address %q is not host:port", opts.addr)
	}
	config, err := pgconn.ParseConfig(opts.settings(host, port))
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", opts.addr, err)
	}
	config.Password = cmp.Or(opts.env("PGPASSWORD"), config.Password) // the file ~/.pgpass may have one
	config.ConnectTimeout = 10 * time.Second
	// A cancelled statement is asked to end; the connection lives on.
	config.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: 10 * time.Second}
	}
	if opts.notices != nil {
		config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
			fmt.Fprintf(opts.notices, "%s:  %s\n", n.Severity, n.Message)
		}
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if wantsPassword(err) && config.Password == "" && opts.ask != nil {
		if config.Password, err = opts.ask(config.User); err != nil {
			return nil, err
		}
		conn, err = pgconn.ConnectConfig(ctx, config)
	}
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused):
		return nil, fmt.Errorf("the database on %s does not let %s in: %w", opts.addr, config.User, refused)
	case err != nil:
		return nil, fmt.Errorf("no database answers on %s: %w", opts.addr, lastError(err))
	}
	return &client{conn: conn}, nil
}

// wantsPassword reports whether the server has refused a client for its password.
func wantsPassword(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == "28P01"
}

// lastError unwraps what the connection attempt wraps around the reason.
func lastError(err error) error {
	var network *net.OpError
	if errors.As(err, &network) {
		return network
	}
	return err
}

func quoteSetting(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

func (c *client) broken() bool { return c.conn.IsClosed() }

func (c *client) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.conn.Close(ctx) // a server that does not hear the farewell notices the end
}

// execute runs one statement and prints its rows, or its tag if it has none.
func (c *client) execute(ctx context.Context, sql string, out io.Writer) error {
	results := c.conn.Exec(ctx, sql)
	for results.NextResult() {
		if err := c.print(results.ResultReader(), out); err != nil {
			return errors.Join(err, results.Close())
		}
	}
	return results.Close()
}

func (c *client) print(rows *pgconn.ResultReader, out io.Writer) error {
	fields := rows.FieldDescriptions()
	if len(fields) == 0 {
		tag, err := rows.Close()
		if err == nil {
			fmt.Fprintln(out, tag)
		}
		return nil // execute gets the error when it closes the results
	}
	columns := make([]tableColumn, len(fields))
	for i, f := range fields {
		columns[i] = tableColumn{name: f.Name, right: isNumeric(f.DataTypeOID)}
	}
	t := newTable(out, columns, c.expanded)
	for rows.NextRow() {
		cells := make([]string, len(columns))
		for i, v := range rows.Values() {
			cells[i] = printable(string(v))
		}
		if err := t.row(cells); err != nil {
			return err
		}
	}
	if _, err := rows.Close(); err != nil {
		return t.flush() // the rows so far; execute gets the error
	}
	return t.end()
}

// printError prints an error as psql does: with a caret under the place.
func printError(w io.Writer, sql string, err error) {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		fmt.Fprintf(w, "ERROR:  %v\n", err)
		return
	}
	fmt.Fprintf(w, "%s:  %s: %s\n", e.Severity, e.Code, e.Message)
	if e.Position > 0 {
		number, line, column := placeOf(sql, int(e.Position))
		prefix := fmt.Sprintf("LINE %d: ", number)
		fmt.Fprintf(w, "%s%s\n%s^\n", prefix, printable(line), strings.Repeat(" ", len(prefix)+column))
	}
	if e.Detail != "" {
		fmt.Fprintf(w, "DETAIL:  %s\n", e.Detail)
	}
	if e.Hint != "" {
		fmt.Fprintf(w, "HINT:  %s\n", e.Hint)
	}
}

// placeOf returns the 1-based number and the text of the line with the 1-based
// character position, and how many columns stand before it.
func placeOf(sql string, position int) (number int, line string, column int) {
	runes := []rune(sql)
	at := min(position-1, len(runes))
	before := string(runes[:at])
	start := strings.LastIndexByte(before, '\n') + 1
	line, _, _ = strings.Cut(sql[start:], "\n")
	return 1 + strings.Count(before, "\n"), line, displayWidth(printable(before[start:]))
}

// isNumeric reports whether values of a Postgres type stand on the right.
func isNumeric(oid uint32) bool {
	switch oid {
	case 20, 21, 23, 26, 700, 701, 1700: // int8, int2, int4, oid, float4, float8, numeric
		return true
	}
	return false
}

// printable keeps a value on its line, and its control characters away from
// the terminal.
func printable(s string) string {
	if strings.IndexFunc(s, isControl) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case isControl(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }
