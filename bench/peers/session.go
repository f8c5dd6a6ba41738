package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/machine"
	"github.com/millstream-db/millstream/bench/peers/programs"
	"github.com/millstream-db/millstream/bench/peers/results"
	"github.com/millstream-db/millstream/bench/realkafka"
)

// session is one call of the command while it measures.
type session struct {
	*config
	out     io.Writer
	addr    string // of the broker
	file    *results.File
	systems []*system
	began   time.Time
	topics  map[int64]*topic // by their number of records
	names   []string         // of all topics that were made
	errs    []error          // of systems; the others go on
}

// run measures everything that is chosen on a real broker.
func run(ctx context.Context, c *config, out io.Writer) (err error) {
	broker, err := realkafka.Start(ctx, realkafka.Options{HeapMB: 1024})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, broker.Close()) }()
	return measureOn(ctx, c, broker.Addr(), "Apache Kafka "+realkafka.Version, out)
}

// measureOn measures everything that is chosen on a broker, whose name goes to the report.
func measureOn(ctx context.Context, c *config, addr, broker string, out io.Writer) (err error) {
	if c.dir == "" {
		if c.dir, err = os.MkdirTemp("", "millstream-peers-"); err != nil {
			return fmt.Errorf("make a directory: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.dir)) }()
	}
	s := &session{config: c, out: out, addr: addr, systems: c.chosen(), began: time.Now(), topics: map[int64]*topic{}}
	defer func() { err = errors.Join(err, s.deleteTopics(context.WithoutCancel(ctx))) }()
	if err := s.prepare(ctx, broker); err != nil {
		return err
	}
	for _, group := range []struct {
		name    string
		measure func(context.Context) error
	}{
		{"replay", s.measureReplays}, {"nexmark", s.measureNexmark}, {"freshness", s.measureFreshness}, {"queries", s.measureQueries},
		{"restart", s.measureRestart}, {"start-up", s.measureStartUp}, {"size", s.measureSize},
	} {
		if !c.measures(group.name) {
			continue
		}
		if err := group.measure(ctx); err != nil {
			return errors.Join(append(s.errs, fmt.Errorf("%s: %w", group.name, err))...)
		}
	}
	fmt.Fprintf(out, "\n%s", s.file.Report())
	return errors.Join(s.errs...)
}

// prepare loads earlier results, builds Millstream and installs the other systems.
func (s *session) prepare(ctx context.Context, broker string) (err error) {
	s.file = &results.File{}
	if !s.fresh {
		if s.file, err = results.Load(filepath.Join(s.config.out, "results.json")); err != nil {
			return err
		}
	}
	s.file.Machine = machine.Describe()
	s.file.Versions = []string{broker, runtime.Version()}
	s.file.Commands = append(s.file.Commands, strings.TrimSpace("go run ./bench/peers "+strings.Join(s.args, " ")))
	if s.binary == "" {
		if s.binary, err = instance.Build(ctx, s.dir); err != nil {
			return err
		}
	}
	var present []*system
	for _, x := range s.systems {
		if x.program != nil {
			s.say("installing %s", x.Name)
			x.installed, err = x.program.Install(ctx, s.dir)
			if errors.Is(err, programs.ErrMissing) {
				s.say("%v", err)
				if !s.file.Knows(x.Name) {
					s.file.Miss(results.Missing{System: x.Name, Reason: reason(err)})
				}
				continue
			}
			if err != nil {
				return err
			}
			x.Version = x.installed.Version()
		}
		s.file.Declare(x.System)
		present = append(present, x)
	}
	s.systems = present
	s.file.Sort(systemNames())
	return s.save()
}

func (s *session) say(format string, args ...any) {
	fmt.Fprintf(s.out, "%s  %s\n", time.Now().UTC().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

func (s *session) save() error { return s.file.Save(s.config.out) }

// system returns the chosen system of a name, nil if it is not.
func (s *session) system(name string) *system {
	i := slices.IndexFunc(s.systems, func(x *system) bool { return x.Name == name })
	if i < 0 {
		return nil
	}
	return s.systems[i]
}

// errSlow is the error of what a system did not do in time.
var errSlow = errors.New("it was not done in time")

// take keeps what was measured, or why it was not. Only an error that ends everything is returned.
func (s *session) take(ctx context.Context, system, workload string, run int, values map[results.Value]float64, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		s.say("%s, %s: %v", workload, system, err)
		s.file.Miss(results.Missing{System: system, Workload: workload, Reason: reason(err)})
		if !errors.Is(err, errSlow) { // slow is a result, wrong is not
			s.errs = append(s.errs, fmt.Errorf("%s: %s: %w", workload, system, err))
		}
	default:
		s.say("%s, run %d: %-18s %s", workload, run, system, describe(values))
		s.file.Add(results.Measurement{Workload: workload, System: system, Run: run, Time: time.Now().UTC().Truncate(time.Second), Values: values})
	}
	return s.save()
}

// reason is the first line of an error and the last, which is the last of what a
// program printed.
func reason(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	if len(lines) == 1 {
		return lines[0]
	}
	return lines[0] + " " + lines[len(lines)-1]
}

// describe writes values in the order of their names.
func describe(values map[results.Value]float64) string {
	var parts []string
	for name, x := range values {
		parts = append(parts, fmt.Sprintf("%s=%.6g", name, x))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}
