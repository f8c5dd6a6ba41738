package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/term"

	"github.com/millstream-db/millstream/query/parser"
)

const sqlHelp = `End a statement with a semicolon. Besides SQL:
  \d         list sources and views
  \d NAME    describe one
  \x         show rows as name and value pairs, or no longer
  \q         quit (also Ctrl-D)
`

// runSQL is the subcommand sql.
func runSQL(ctx context.Context, inv invocation) error {
	fs := newFlagSet("sql", inv.stderr)
	var command string
	var commandGiven bool
	fs.Func("c", "run `SQL` and exit", func(s string) error { command, commandGiven = s, true; return nil })
	opts := clientFlags(fs, inv)
	expanded := fs.Bool("x", false, "show rows as name and value pairs")
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), "Usage: millstream sql [flags]\n\nRuns SQL from -c or from standard input; input that is no terminal\nends at the first error, with exit code 1. The password comes from PGPASSWORD,\nor is asked for; PGSSLROOTCERT, PGSSLCERT and PGSSLKEY name files as for psql.\n\nFlags:\n")
		fs.PrintDefaults()
	}
	if err := fs.Parse(inv.args); err != nil {
		return usageError(err)
	}
	if fs.NArg() > 0 {
		fmt.Fprintf(inv.stderr, "millstream sql: unexpected argument %q; statements go behind -c or to standard input\n", fs.Arg(0))
		return errUsage
	}
	c, err := connect(ctx, *opts)
	if err != nil {
		return err
	}
	defer c.close()
	c.expanded = *expanded
	sh := shell{client: c, out: inv.stdout, errs: inv.stderr}
	if commandGiven {
		return sh.runText(ctx, command)
	}
	sh.prompt = isTerminal(inv.stdin) && isTerminal(inv.stdout)
	return sh.runInput(ctx, inv.stdin)
}

// clientFlags are the flags that say where a client connects.
func clientFlags(fs *flag.FlagSet, inv invocation) *clientOptions {
	opts := &clientOptions{addr: defaultConfig().Pg, environ: inv.environ, notices: inv.stderr}
	// serve may have been told another address in the same environment.
	for _, entry := range inv.environ {
		if text, ok := strings.CutPrefix(entry, envPrefix+"PG="); ok && text != off {
			opts.addr = text
		}
	}
	fs.StringVar(&opts.addr, "addr", opts.addr, "`host:port` of the database")
	fs.StringVar(&opts.user, "user", "", "`role` to log in as (default PGUSER, or millstream)")
	fs.StringVar(&opts.sslmode, "sslmode", "", "`disable`, prefer, require, verify-ca or verify-full (default PGSSLMODE, or prefer)")
	if terminal, ok := inv.stdin.(*os.File); ok && isTerminal(inv.stdin) {
		opts.ask = func(user string) (string, error) { return askPassword(terminal, inv.stderr, user) }
	}
	return opts
}

// askPassword asks a person for a password, which is not shown.
func askPassword(terminal *os.File, out io.Writer, user string) (string, error) {
	fmt.Fprintf(out, "Password for %s: ", user)
	password, err := term.ReadPassword(int(terminal.Fd()))
	fmt.Fprintln(out)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(password), nil
}

// isTerminal reports whether a person is at the other end.
func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// shell runs statements and prints what they give.
type shell struct {
	client *client
	out    io.Writer
	errs   io.Writer
	prompt bool // a person is typing: go on after errors
}

// errQuit is returned by \q.
var errQuit = errors.New("quit")

// runText runs a -c argument: a backslash command or statements.
func (sh *shell) runText(ctx context.Context, text string) error {
	if strings.HasPrefix(strings.TrimSpace(text), `\`) {
		if err := sh.backslash(ctx, strings.TrimSpace(text)); !errors.Is(err, errQuit) {
			return err
		}
		return nil
	}
	for _, piece := range parser.Split(text) {
		if err := sh.statement(ctx, piece.Text); err != nil {
			return err
		}
	}
	return nil
}

// runInput reads statements line by line until the end of in.
func (sh *shell) runInput(ctx context.Context, in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	text := ""
	if sh.prompt {
		fmt.Fprint(sh.out, "Millstream. \\? for help.\n")
	}
	for sh.showPrompt(text); lines.Scan(); sh.showPrompt(text) {
		line := lines.Text()
		if trimmed := strings.TrimSpace(line); text == "" && strings.HasPrefix(trimmed, `\`) {
			err := sh.backslash(ctx, trimmed)
			if errors.Is(err, errQuit) {
				return nil
			}
			if err != nil && !sh.prompt {
				return err
			}
			continue
		}
		complete, rest := cutComplete(text + line + "\n")
		text = rest
		for _, sql := range complete {
			if err := sh.statement(ctx, sql); err != nil && !sh.prompt {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read statements: %w", err)
	}
	if sh.prompt {
		fmt.Fprintln(sh.out)
		return nil // what was not ended with a semicolon was not meant to run
	}
	return sh.runText(ctx, text)
}

func (sh *shell) showPrompt(text string) {
	switch {
	case !sh.prompt:
	case text == "":
		fmt.Fprint(sh.out, "millstream=> ")
	default:
		fmt.Fprint(sh.out, "millstream-> ")
	}
}

// cutComplete returns the statements of text that a semicolon ends, and what
// stands behind them.
func cutComplete(text string) (complete []string, rest string) {
	pieces := parser.Split(text)
	for i, p := range pieces {
		end := p.Offset + len(p.Text)
		if i == len(pieces)-1 && !endsStatement(text[end:]) {
			return complete, text[p.Offset:]
		}
		complete = append(complete, p.Text)
	}
	return complete, ""
}

// endsStatement reports whether a semicolon stands in text, which holds nothing
// else but spaces and comments.
func endsStatement(text string) bool {
	tokens, err := parser.Lex(text)
	if err != nil {
		return false
	}
	for _, t := range tokens {
		if t.Text == ";" {
			return true
		}
	}
	return false
}

// statement runs one statement; an error has been printed when it returns
// errReported. Ctrl-C cancels the statement, not the shell.
func (sh *shell) statement(ctx context.Context, sql string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	err := sh.client.execute(ctx, sql, sh.out)
	if err == nil {
		return nil
	}
	printError(sh.errs, sql, err)
	if sh.client.broken() {
		return fmt.Errorf("the connection is lost: %w", errReported)
	}
	return errReported
}

func (sh *shell) backslash(ctx context.Context, line string) error {
	command, argument, _ := strings.Cut(strings.TrimSuffix(line, ";"), " ")
	argument = strings.TrimSpace(argument)
	switch {
	case command == `\q`:
		return errQuit
	case command == `\?`:
		fmt.Fprint(sh.out, sqlHelp)
	case command == `\x`:
		sh.client.expanded = !sh.client.expanded
		fmt.Fprintf(sh.out, "Expanded display is %s.\n", map[bool]string{true: "on", false: "off"}[sh.client.expanded])
	case command == `\d` && argument == "":
		return sh.statement(ctx, "SHOW TABLES")
	case command == `\d`:
		return sh.statement(ctx, "DESCRIBE "+argument)
	default:
		fmt.Fprintf(sh.errs, "%s is no command; \\? lists those there are\n", command)
		return errReported
	}
	return nil
}
