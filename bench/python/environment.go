package python

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrMissing is returned when an environment can't be made on this machine. The
// error says what to install.
var ErrMissing = errors.New("missing")

// Install returns the interpreter of an environment in which the packages of the
// file requirements are installed, and makes it first unless an earlier run has. It
// belongs to the exact text of that file. name is for people who look into the
// cache directory.
func Install(ctx context.Context, name, requirements string) (interpreter string, err error) {
	text, err := os.ReadFile(requirements)
	if err != nil {
		return "", fmt.Errorf("read requirements: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a cache directory: %w", err)
	}
	dir := filepath.Join(cache, "millstream", "python", fmt.Sprintf("%s-%.6x", name, sha256.Sum256(text)))
	interpreter = filepath.Join(dir, "bin", "python")
	marker := filepath.Join(dir, "installed")
	if _, err := os.Stat(marker); err == nil {
		return interpreter, nil
	}
	// What an interrupted run has left is of no use.
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(filepath.Dir(dir), 0o755)); err != nil {
		return "", fmt.Errorf("make a Python environment: %w", err)
	}
	if err := run(ctx, "python3", "-m", "venv", dir); err != nil {
		return "", fmt.Errorf("%w: apt-get install python3-venv: %w", ErrMissing, err)
	}
	if err := run(ctx, interpreter, "-m", "pip", "install", "-q", "-r", requirements); err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrMissing, name, err)
	}
	return interpreter, os.WriteFile(marker, text, 0o600)
}

// run runs a command, and returns what it says if it fails.
func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, out)
	}
	return nil
}
