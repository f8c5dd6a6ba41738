package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// form is how long everything is to take.
type form int

const (
	short form = iota // minutes
	long              // days
)

// part is one line of the page: tests of one kind.
type part struct {
	name  string
	tests []string  // names of tests, each of which must pass; none: whatever is in the packages
	in    []string  // their packages
	few   []string  // those of the short form, if that has not all of them
	flags []string  // of go test
	args  [2]string // of the tests, by form, behind -args
	// timeout is of the long form; the short one has shortTimeout. 0: that too.
	timeout time.Duration
	// fuzz is for how long each fuzz target of the repository is fuzzed, by form; they
	// stand in the place of tests.
	fuzz [2]time.Duration
}

const shortTimeout = 20 * time.Minute

// The packages that several parts are in.
const (
	inOracle  = "./engine/enginetest"
	inTorture = "./bench/torture"
)

// turn stands for the number of commits: each has other faults planted.
const turn = "TURN"

// parts are all parts, in the order in which they run.
var parts = []part{
	{name: "oracle", tests: names("TestOracle TestNestedOracle"), in: names(inOracle), args: [2]string{"-seeds=60", "-seeds=10000"}, timeout: 48 * time.Hour},
	{name: "metamorphic", tests: names("TestMetamorphic"), in: names(inOracle), args: [2]string{"-seeds=5", "-seeds=2000"}, timeout: 48 * time.Hour},
	{name: "planted faults", tests: names("TestPlantedFaults TestRarePaths"), in: names(inOracle), args: [2]string{"-faults -share=40 -turn=" + turn, "-faults"}, timeout: 6 * time.Hour},
	{name: "crash", tests: names("TestCrash"), in: names(inTorture), args: [2]string{"-cycles=10", "-cycles=1000"}, timeout: 24 * time.Hour},
	{name: "kill points", tests: names("TestKillPoints"), in: names(inTorture), args: [2]string{"-kills=1", "-kills=50"}, timeout: 24 * time.Hour},
	{name: "file given up", tests: names("TestFileGivenUp"), in: names(inTorture), args: [2]string{"-rounds=1", "-rounds=20"}, timeout: 4 * time.Hour},
	{name: "disk full", tests: names("TestDiskFull"), in: names(inTorture), timeout: time.Hour},
	{name: "power cuts", tests: names("TestPowerCuts"), in: names(inTorture), args: [2]string{"-calls=4", "-calls=0"}, timeout: 4 * time.Hour},
	{name: "failing calls", tests: names("TestFailingCalls"), in: names(inTorture), args: [2]string{"-calls=4", "-calls=0"}, timeout: 4 * time.Hour},
	{name: "broker faults", tests: names("TestBrokerFaults"), in: names(inTorture), args: [2]string{"-runs=1", "-runs=100"}, timeout: 24 * time.Hour},
	{name: "file mutations", tests: names("TestFileMutations"), in: names(inTorture), args: [2]string{"-mutations=1", "-mutations=200"}, timeout: 24 * time.Hour},
	{name: "backup", tests: names("TestBackup"), in: names(inTorture), args: [2]string{"-backups=4", "-backups=100"}, timeout: 6 * time.Hour},
	{name: "attacks", tests: names("TestAttacks"), in: names(inTorture), timeout: time.Hour},
	{name: "readers", tests: names("TestReadersDuringCheckpoints"), in: names(inTorture), args: [2]string{"-readers-for=5s", "-readers-for=10m"}, timeout: time.Hour},
	{name: "records", tests: names("TestBadInput TestKeyedTopic TestDebeziumTopic TestAvroTopic TestProtobufTopic TestGrowingTopic TestPush TestFiles"), in: names(inTorture), timeout: time.Hour},
	{name: "memory", tests: names("TestMemory"), in: names(inTorture), args: [2]string{"", "-memory-keys=10000000"}, timeout: 6 * time.Hour},
	{name: "abuse", tests: names("TestAbuse"), in: names(inTorture), args: [2]string{"", "-abuse=5m"}, timeout: 6 * time.Hour},
	{name: "soak", tests: names("TestSoak"), in: names(inTorture), args: [2]string{"", "-soak=2h"}, timeout: 6 * time.Hour},
	{name: "fuzz", fuzz: [2]time.Duration{3 * time.Second, time.Hour}},
	{name: "race", in: names("./engine/... ./ingest/... ./query/... ./server/..."),
		few:   names("./engine/epoch ./engine/reopen ./ingest/push ./query ./query/admission ./query/channel ./server/auth ./server/httpapi ./server/pgwire"),
		flags: names("-race -short"), timeout: 6 * time.Hour},
}

func names(list string) []string { return strings.Fields(list) }

// command is one call of go test.
type command struct {
	args  []string // of go
	tests []string // that must pass
}

// commands returns what runs a part. The root is that of the repository, which has so
// many commits.
func (p part) commands(f form, root string, commits int) ([]command, error) {
	if p.fuzz[f] > 0 {
		return fuzzCommands(root, p.fuzz[f])
	}
	timeout := shortTimeout
	if f == long && p.timeout > 0 {
		timeout = p.timeout
	}
	args := append([]string{"test", "-json", "-count=1", "-timeout=" + timeout.String()}, p.flags...)
	if len(p.tests) > 0 {
		args = append(args, "-run=^("+strings.Join(p.tests, "|")+")$")
	}
	in := p.in
	if f == short && len(p.few) > 0 {
		in = p.few
	}
	args = append(args, in...)
	if more := strings.Fields(strings.ReplaceAll(p.args[f], turn, strconv.Itoa(commits))); len(more) > 0 {
		args = append(append(args, "-args"), more...)
	}
	return []command{{args, p.tests}}, nil
}

// fuzzTarget is the first line of a fuzz target.
var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// fuzzCommands finds the fuzz targets of a tree.
func fuzzCommands(root string, d time.Duration) (list []command, err error) {
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, m := range fuzzTarget.FindAllSubmatch(text, -1) {
			name := string(m[1])
			list = append(list, command{
				args: []string{
					"test", "-json", "-timeout=" + (d + shortTimeout).String(), "-run=^$", "-fuzz=^" + name + "$",
					"-fuzztime=" + d.String(), "-fuzzminimizetime=20x", "./" + filepath.ToSlash(dir),
				},
				tests: []string{name},
			})
		}
		return nil
	})
	return slices.Clip(list), err
}
