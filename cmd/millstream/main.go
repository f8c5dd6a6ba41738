package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// invocation is what a subcommand sees of the process.
type invocation struct {
	args    []string // without the program and the subcommand
	environ []string
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
}

// subcommand is one verb of the command line.
type subcommand struct {
	name, summary string
	run           func(ctx context.Context, inv invocation) error
}

func subcommands() []subcommand {
	return []subcommand{
		{"serve", "run the database", runServe},
		{"demo", "run it with a Kafka broker and a live stream beside it", runDemo},
		{"sql", "run SQL on a running database", runSQL},
		{"backup", "copy a running database into a directory", runBackup},
		{"check-config", "check the configuration and print it", runCheckConfig},
		{"version", "print versions", runVersion},
	}
}

// errUsage is returned when the command line is wrong and its error printed.
var errUsage = errors.New("usage")

// errReported is returned when a subcommand failed and has said why.
var errReported = errors.New("reported")

func main() {
	os.Exit(run(context.Background(), invocation{os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr}))
}

// run executes the command line and returns the exit code.
func run(ctx context.Context, inv invocation) int {
	if len(inv.args) == 0 {
		printHelp(inv.stderr)
		return exitUsage
	}
	name := inv.args[0]
	inv.args = inv.args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		printHelp(inv.stdout)
		return exitOK
	case "--version", "-version":
		name = "version"
	}
	for _, c := range subcommands() {
		if c.name == name {
			return report(inv.stderr, c.run(ctx, inv))
		}
	}
	fmt.Fprintf(inv.stderr, "millstream: there is no command %q\n\n", name)
	printHelp(inv.stderr)
	return exitUsage
}

// report prints err and returns the exit code for it.
func report(stderr io.Writer, err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.Is(err, errUsage):
		return exitUsage
	case errors.Is(err, errReported):
		return exitFailed
	}
	var config *configError
	if errors.As(err, &config) {
		fmt.Fprintln(stderr, config.Error())
		return exitUsage
	}
	fmt.Fprintf(stderr, "millstream: %v\n", err)
	return exitFailed
}

func printHelp(w io.Writer) {
	fmt.Fprint(w, "Millstream: live SQL views over Kafka topics.\n\nUsage: millstream <command> [flags]\n\n")
	for _, c := range subcommands() {
		fmt.Fprintf(w, "  %-13s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\nmillstream <command> --help lists a command's flags, with default and unit.\n")
}

// newLogger returns the process's logger; cfg has been validated.
func newLogger(w io.Writer, cfg *Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
