package main

import (
	"context"
	"fmt"

	"github.com/millstream-db/millstream/query/parser"
)

// runBackup is the subcommand backup: BACKUP TO for a shell script.
func runBackup(ctx context.Context, inv invocation) error {
	fs := newFlagSet("backup", inv.stderr)
	to := fs.String("to", "", "new `directory` of the server, in one that its setting backup_to lists")
	opts := clientFlags(fs, inv)
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), "Usage: millstream backup --to DIRECTORY [flags]\n\nCopies a running database into a new directory, on which serve --data starts.\nThe password comes from PGPASSWORD, or is asked for.\n\nFlags:\n")
		fs.PrintDefaults()
	}
	if err := fs.Parse(inv.args); err != nil {
		return usageError(err)
	}
	if *to == "" || fs.NArg() > 0 {
		fmt.Fprintln(inv.stderr, "millstream backup: name the directory, and nothing else: millstream backup --to monday")
		return errUsage
	}
	c, err := connect(ctx, *opts)
	if err != nil {
		return err
	}
	defer c.close()
	c.expanded = true
	if _, err := c.conn.Exec(ctx, "SET statement_timeout = 0").ReadAll(); err != nil {
		return err
	}
	sh := shell{client: c, out: inv.stdout, errs: inv.stderr}
	return sh.statement(ctx, "BACKUP TO "+parser.QuoteLiteral(*to))
}
