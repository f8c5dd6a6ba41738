package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// envPrefix begins the names of environment variables that are settings.
const envPrefix = "MILLSTREAM_"

// configError is every problem of a configuration at once.
type configError struct{ problems []error }

func (e *configError) Error() string {
	var b strings.Builder
	b.WriteString("millstream: the configuration has problems:")
	for _, p := range e.problems {
		for line := range strings.SplitSeq(p.Error(), "\n") {
			b.WriteString("\n  " + line)
		}
	}
	return b.String()
}

// assignment is a value that a layer gives to a setting.
type assignment struct {
	name, text string
	origin     string // where it stands, for messages
}

// loadConfig sets settings from the file, the environment and the flags, the
// later overriding the earlier, and then checks the whole with validate. The
// error lists all problems. Warnings are about what may be a mistake.
func loadConfig(command string, settings []setting, validate func() error, inv invocation) (warnings []string, err error) {
	path, flags, err := parseFlags(command, settings, inv)
	if err != nil {
		return nil, err
	}
	env, warnings := readEnvironment(settings, inv.environ, &path)
	var problems []error
	var file []assignment
	if path != "" {
		var fileProblems []error
		file, fileProblems = readFile(settings, path)
		problems = append(problems, fileProblems...)
	}
	for _, a := range slices.Concat(file, env, flags) {
		s, _ := settingNamed(settings, a.name)
		if err := s.value.Set(a.text); err != nil {
			problems = append(problems, fmt.Errorf("%s: %s %w, not %q", a.origin, a.name, err, a.text))
		}
	}
	if err := validate(); err != nil {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return warnings, &configError{problems}
	}
	return warnings, nil
}

// collected takes a flag's text as it is, so that one wrong value does not
// hide the next.
type collected struct {
	setting
	into *[]assignment
}

// Set implements flag.Value.
func (c collected) Set(text string) error {
	*c.into = append(*c.into, assignment{c.name, text, "flag"})
	return nil
}

// String implements flag.Value, also on the zero value, which flag makes.
func (c collected) String() string {
	if c.value == nil {
		return ""
	}
	return c.value.String()
}

// IsBoolFlag implements the optional method of flag.Value.
func (c collected) IsBoolFlag() bool {
	_, ok := c.value.(boolValue)
	return ok
}

func parseFlags(command string, settings []setting, inv invocation) (path string, given []assignment, err error) {
	fs := newFlagSet(command, inv.stderr)
	fs.StringVar(&path, "config", "", "YAML `file` with the settings below")
	for _, s := range settings {
		fs.Var(collected{s, &given}, s.name, s.usage)
	}
	fs.Usage = func() { printFlags(fs, command) }
	if err := fs.Parse(withUnderscores(inv.args)); err != nil {
		return "", nil, usageError(err)
	}
	if fs.NArg() > 0 {
		fmt.Fprintf(inv.stderr, "millstream %s: unexpected argument %q\n", command, fs.Arg(0))
		return "", nil, errUsage
	}
	return path, given, nil
}

func newFlagSet(command string, out io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet("millstream "+command, flag.ContinueOnError)
	fs.SetOutput(out)
	return fs
}

// usageError tells a call for help from a mistake; flag has printed either.
func usageError(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	return errUsage
}

func printFlags(fs *flag.FlagSet, command string) {
	fmt.Fprintf(fs.Output(), "Usage: millstream %s [flags]\n\nEach setting is a flag, %sNAME in the environment and a key of the file;\n"+
		"a flag overrides the environment, which overrides the file.\n\n", command, envPrefix)
	fs.VisitAll(func(f *flag.Flag) {
		fmt.Fprintf(fs.Output(), "  --%-20s %s", f.Name, f.Usage)
		if f.DefValue != "" {
			fmt.Fprintf(fs.Output(), " (default %s)", f.DefValue)
		}
		fmt.Fprintln(fs.Output())
	})
}

// withUnderscores lets people write --log-level for --log_level.
func withUnderscores(args []string) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if strings.HasPrefix(arg, "--") {
			name, text, assigned := strings.Cut(arg[2:], "=")
			args[i] = "--" + strings.ReplaceAll(name, "-", "_")
			if assigned {
				args[i] += "=" + text
			}
		}
	}
	return args
}

// readEnvironment returns the settings of the environment. A variable with our
// prefix that is none is only worth a warning: orchestrators make their own.
func readEnvironment(settings []setting, environ []string, path *string) (given []assignment, warnings []string) {
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		key, ours := strings.CutPrefix(name, envPrefix)
		if !ours {
			continue
		}
		key = strings.ToLower(key)
		if key == "config" {
			if *path == "" {
				*path = text
			}
			continue
		}
		if _, ok := settingNamed(settings, key); !ok {
			warnings = append(warnings, fmt.Sprintf("environment variable %s is no setting of this command", name))
			continue
		}
		given = append(given, assignment{key, text, "environment"})
	}
	return given, warnings
}

// readFile returns the settings of a YAML file.
func readFile(settings []setting, path string) ([]assignment, []error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, []error{fmt.Errorf("read config: %w", err)}
	}
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) { // an empty file sets nothing
			return nil, nil
		}
		return nil, []error{fmt.Errorf("%s: %w", path, err)}
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, []error{fmt.Errorf("%s: must be settings of the form name: value", path)}
	}
	var given []assignment
	var problems []error
	seen := map[string]bool{}
	for i := 0; i < len(root.Content); i += 2 {
		key, node := root.Content[i], root.Content[i+1]
		origin := fmt.Sprintf("%s:%d", path, key.Line)
		text, ok := scalarText(node)
		switch _, known := settingNamed(settings, key.Value); {
		case !known:
			problems = append(problems, fmt.Errorf("%s: unknown setting %q%s", origin, key.Value, nearest(settings, key.Value)))
		case seen[key.Value]:
			problems = append(problems, fmt.Errorf("%s: %s is set a second time", origin, key.Value))
		case !ok:
			problems = append(problems, fmt.Errorf("%s: %s must be a single value or a list of them", origin, key.Value))
		default:
			given = append(given, assignment{key.Value, text, origin})
		}
		seen[key.Value] = true
	}
	return given, problems
}

// scalarText returns a node's text as it would stand in a flag.
func scalarText(node *yaml.Node) (string, bool) {
	switch node.Kind {
	case yaml.ScalarNode:
		return node.Value, true
	case yaml.SequenceNode:
		var parts []string
		for _, n := range node.Content {
			if n.Kind != yaml.ScalarNode {
				return "", false
			}
			parts = append(parts, n.Value)
		}
		return strings.Join(parts, ","), true
	default:
		return "", false
	}
}

// nearest suggests the setting that name is probably a slip of.
func nearest(settings []setting, name string) string {
	plain := func(s string) string {
		return strings.NewReplacer("_", "", "-", "", ".", "").Replace(strings.ToLower(s))
	}
	for _, s := range settings {
		if p := plain(name); plain(s.name) == p || len(p) > 3 && (strings.HasPrefix(plain(s.name), p) || strings.HasPrefix(p, plain(s.name))) {
			return fmt.Sprintf(", did you mean %s?", s.name)
		}
	}
	return ""
}

// writeSettings writes settings as a YAML file that would set them.
func writeSettings(w io.Writer, settings []setting) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, s := range settings {
		value := &yaml.Node{Kind: yaml.ScalarNode, Value: s.value.String()}
		if value.Value == "" {
			value.Style = yaml.DoubleQuotedStyle
		}
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: s.name}, value)
	}
	e := yaml.NewEncoder(w)
	if err := e.Encode(root); err != nil {
		return fmt.Errorf("write settings: %w", err)
	}
	return e.Close()
}
