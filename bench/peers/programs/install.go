package programs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/millstream-db/millstream/bench/python"
)

// The files of a program's folder that say what it needs.
const (
	requirements = "requirements.txt"
	project      = "pom.xml"
)

// copyDependencies is the Maven goal that fetches jars into a directory.
const copyDependencies = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"

// Installed is a program that can be started.
type Installed struct {
	Program
	environment string // the directory with the jars
	interpreter string // of a Python program, with its libraries
	directory   string // of the sources, and what was compiled of them
}

// Install installs what the program needs, unless an earlier run has, and
// compiles it into dir.
func (p Program) Install(ctx context.Context, dir string) (*Installed, error) {
	i := &Installed{Program: p, directory: filepath.Join(dir, p.Name)}
	var err error
	if p.has(project) {
		if i.environment, err = p.libraries(ctx); err != nil {
			return nil, err
		}
	}
	if err := p.unpack(i.directory); err != nil {
		return nil, err
	}
	switch {
	case p.isJava():
		err = i.compile(ctx)
	case p.has(requirements):
		if i.interpreter, err = python.Install(ctx, p.Name, filepath.Join(i.directory, requirements)); errors.Is(err, python.ErrMissing) {
			err = fmt.Errorf("%s %w: %w", p.Name, ErrMissing, err)
		}
	}
	if err != nil {
		return nil, err
	}
	return i, nil
}

func (p Program) isJava() bool { return path.Ext(p.Main) == "" }

// libraries returns the directory with the jars, and fetches them first if no
// earlier run has.
func (p Program) libraries(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a cache directory: %w", err)
	}
	text, err := sources.ReadFile(path.Join(p.Name, project))
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "millstream", "peers", fmt.Sprintf("%s-%.6x", p.Name, sha256.Sum256(text)))
	marker := filepath.Join(dir, "installed")
	if _, err := os.Stat(marker); err == nil {
		return dir, nil
	}
	// What an interrupted run has left is of no use.
	if err := errors.Join(os.RemoveAll(dir), p.unpack(dir)); err != nil {
		return "", err
	}
	if err := p.installJars(ctx, dir); err != nil {
		return "", fmt.Errorf("%s %w: %w", p.Name, ErrMissing, err)
	}
	return dir, os.WriteFile(marker, nil, 0o600)
}

func (p Program) has(name string) bool {
	_, err := fs.Stat(sources, path.Join(p.Name, name))
	return err == nil
}

func (p Program) installJars(ctx context.Context, dir string) error {
	return quietly(ctx, dir, "mvn", "-B", "-q", copyDependencies, "-DincludeScope=runtime", "-DoutputDirectory=lib")
}

// unpack writes the program's folder into dir.
func (p Program) unpack(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files, err := fs.ReadDir(sources, p.Name)
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := sources.ReadFile(path.Join(p.Name, f.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name()), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// jars is the class path of the libraries.
func (i *Installed) jars() string { return filepath.Join(i.environment, "lib", "*") }

func (i *Installed) compile(ctx context.Context) error {
	if _, err := exec.LookPath("javac"); err != nil {
		return fmt.Errorf("%s %w: apt-get install openjdk-17-jdk-headless: %w", i.Name, ErrMissing, err)
	}
	return quietly(ctx, i.directory, "javac", "-cp", i.jars(), "-sourcepath", i.directory, i.Main+".java")
}

// command returns a call of the program.
func (i *Installed) command(ctx context.Context, args ...string) *exec.Cmd {
	var cmd *exec.Cmd
	if i.isJava() {
		all := append(append([]string{}, i.Java...), "-Duser.timezone=UTC", "-cp", i.directory+string(os.PathListSeparator)+i.jars(), i.Main)
		cmd = exec.CommandContext(ctx, "java", append(all, args...)...)
	} else {
		cmd = exec.CommandContext(ctx, i.interpreter, append([]string{i.Main}, args...)...)
	}
	cmd.Dir = i.directory
	cmd.Env = append(os.Environ(), "TZ=UTC", "PYTHONUNBUFFERED=1", "PEER_JARS="+filepath.Join(i.environment, "lib"))
	return cmd
}

// Version returns the versions of the libraries that make up the system.
func (i *Installed) Version() string {
	var list []string
	for _, library := range i.Libraries {
		pattern, suffix := filepath.Join(filepath.Dir(i.interpreter), "..", "lib", "*", "site-packages", library+"-*.dist-info"), ".dist-info"
		if i.isJava() {
			pattern, suffix = filepath.Join(i.environment, "lib", library+"-*.jar"), ".jar"
		}
		found, _ := filepath.Glob(pattern) // which is ours
		if len(found) > 0 {
			list = append(list, strings.TrimSuffix(filepath.Base(found[0]), suffix))
		}
	}
	return strings.Join(list, ", ")
}

// quietly runs a program and returns its output only as an error.
func quietly(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, tail(out))
	}
	return nil
}

// tail is the end of what a program printed, which says what was wrong.
func tail(out []byte) string {
	const most = 600
	text := strings.TrimSpace(string(out))
	return text[max(0, len(text)-most):]
}
