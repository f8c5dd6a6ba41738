package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/millstream-db/millstream/bench/machine"
	"github.com/millstream-db/millstream/engine/duck"
)

// errFailed is returned when a part is FAILED.
var errFailed = errors.New("not everything held")

// config is the command line.
type config struct {
	form form
	only *regexp.Regexp
	json string
	logs string
	root string // of the repository
}

func parseFlags(args []string) (*config, error) {
	c := &config{root: "."}
	flags := flag.NewFlagSet("page", flag.ContinueOnError)
	name := flags.String("form", "short", "short: minutes; long: days")
	only := flags.String("only", "", "run the parts whose names this `expression` matches")
	flags.StringVar(&c.json, "json", "", "`file` that takes the page for programs, too")
	flags.StringVar(&c.logs, "logs", filepath.Join("bin", "torture"), "`directory` of what the tests print, a file for each part")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	switch *name {
	case "short":
	case "long":
		c.form = long
	default:
		return nil, fmt.Errorf("-form: there is no %q, only short and long", *name)
	}
	var err error
	if c.only, err = regexp.Compile(*only); err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	return c, nil
}

func main() {
	c, err := parseFlags(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		err = run(ctx, c, parts, os.Stdout)
		stop()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "torture: %v\n", err)
		os.Exit(1)
	}
}

// run runs the parts that are asked for and prints the page line by line.
func run(ctx context.Context, c *config, parts []part, out io.Writer) error {
	if err := os.MkdirAll(c.logs, 0o755); err != nil { //nolint:gosec // logs are for everybody
		return fmt.Errorf("make the directory of logs: %w", err)
	}
	began := time.Now()
	p := &page{
		Form: []string{"short", "long"}[c.form], Commit: commit(ctx, c.root), Date: began.UTC().Format("2006-01-02 15:04 MST"),
		Machine: fmt.Sprintf("%s, %s %s, %s, DuckDB %s", machine.Describe(), runtime.GOOS, machine.Kernel(), runtime.Version(), duck.Version()),
	}
	_, _ = io.WriteString(out, p.head()) // who reads the page notices
	var excerpts strings.Builder
	for _, part := range parts {
		if !c.only.MatchString(part.name) {
			continue
		}
		l, o, err := runPart(ctx, c, part)
		if err != nil {
			return err
		}
		p.add(l, out)
		if !l.OK {
			fmt.Fprintf(&excerpts, "\n%s: the end of what failed; all of it is in %s\n%s\n", l.Name, logPath(c, part), strings.Join(o.excerpt(), "\n"))
		}
	}
	p.Seconds = time.Since(began).Seconds()
	_, _ = io.WriteString(out, p.foot()+excerpts.String()) // who reads the page notices
	if c.json != "" {
		if err := p.save(c.json); err != nil {
			return err
		}
	}
	switch {
	case len(p.Parts) == 0:
		return errors.New("no part has such a name")
	case p.Failed > 0:
		return errFailed
	}
	return nil
}

func logPath(c *config, p part) string {
	return filepath.Join(c.logs, strings.ReplaceAll(p.name, " ", "-")+".log")
}

// runPart runs a part's commands and says what came of them.
func runPart(ctx context.Context, c *config, p part) (line, *outcome, error) {
	log, err := os.Create(logPath(c, p))
	if err != nil {
		return line{}, nil, fmt.Errorf("log of part %s: %w", p.name, err)
	}
	defer log.Close()                                                           //nolint:errcheck // it is for people
	commits, _ := strconv.Atoi(git(ctx, c.root, "rev-list", "--count", "HEAD")) // 0 where there is no git
	commands, err := p.commands(c.form, c.root, commits)
	if err != nil {
		return line{}, nil, fmt.Errorf("part %s: %w", p.name, err)
	}
	began, o := time.Now(), &outcome{log: log}
	tests := p.tests
	for _, command := range commands {
		before := len(o.order)
		err := goTest(ctx, c.root, command.args, o)
		if ctx.Err() != nil {
			return line{}, nil, fmt.Errorf("part %s: %w", p.name, ctx.Err())
		}
		o.demand(command.tests, before, err)
		if len(p.tests) == 0 {
			tests = append(tests, command.tests...)
		}
	}
	if len(commands) == 0 {
		o.problem("there are no tests")
	}
	l := line{Name: p.name, OK: len(o.problems) == 0, Seconds: time.Since(began).Seconds(), Counts: o.counts(tests), Problems: o.problems}
	for _, t := range o.order {
		if t.top() {
			l.Tests = append(l.Tests, t)
		}
	}
	return l, o, nil
}

// goTest runs go with its output going into o. The error is how it ended.
func goTest(ctx context.Context, root string, args []string, o *outcome) error {
	fmt.Fprintf(o.log, "go %s\n", strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends its tests then
	cmd.WaitDelay = time.Minute
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = errors.Join(o.read(stdout), cmd.Wait())
	return errors.Join(err, o.read(&stderr))
}

// git returns what git prints, "" if it can't tell.
func git(ctx context.Context, root string, args ...string) string {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// commit names the version that is tested.
func commit(ctx context.Context, root string) string {
	name := git(ctx, root, "log", "-1", "--format=%h, %s")
	if name == "" {
		return "unknown"
	}
	if git(ctx, root, "status", "--porcelain") != "" {
		name += " (and changes that are not committed)"
	}
	return name
}
