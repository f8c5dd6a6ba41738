package realkafka

import (
	"context"
	_ "embed" // for pom.xml
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed pom.xml
var pom []byte

// copyDependencies is the Maven goal that fetches jars into a directory.
const copyDependencies = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"

// fetchJars returns the directory with the broker's jars, and fills it first
// if no earlier run has.
func fetchJars(ctx context.Context, opts Options) (dir string, err error) {
	dir = filepath.Join(opts.CacheDir, "lib")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoJava, err)
	}
	if err := os.MkdirAll(opts.CacheDir, 0o755); err != nil {
		return "", fmt.Errorf("make a cache directory: %w", err)
	}
	// Two runs may fetch at the same time, and a fetch may be cut off: the jars
	// appear in their place all at once.
	work, err := os.MkdirTemp(opts.CacheDir, "fetch-")
	if err != nil {
		return "", fmt.Errorf("make a cache directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := os.WriteFile(filepath.Join(work, "pom.xml"), pom, 0o600); err != nil {
		return "", fmt.Errorf("write pom.xml: %w", err)
	}
	opts.Logger.Info("fetching the broker's jars", "version", Version, "dir", dir)
	cmd := exec.CommandContext(ctx, mvn, "-B", "-q", copyDependencies, "-DincludeScope=runtime", "-DoutputDirectory=lib")
	cmd.Dir = work
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetch the broker's jars: %w\n%s", err, out)
	}
	if err := os.Rename(filepath.Join(work, "lib"), dir); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("keep the broker's jars: %w", err)
	}
	return dir, nil
}
