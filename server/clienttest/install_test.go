package clienttest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// installed returns the directory into which a client's libraries have been
// installed, and installs them first when no earlier run has. A directory
// belongs to the exact text of the file that lists the libraries.
func installed(t *testing.T, client, list string, install func(dir, list string) error) string {
	t.Helper()
	needServers(t)
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(filepath.Join("testdata", client, list))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "millstream", "clienttest", fmt.Sprintf("%s-%x", client, sha256.Sum256(text))[:len(client)+13])
	marker := filepath.Join(dir, "installed")
	if _, err := os.Stat(marker); err == nil {
		return dir
	}
	// What an interrupted run has left is of no use.
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	t.Logf("installing %s/%s into %s", client, list, dir)
	ready(t, install(dir, path))
	writeFile(t, marker, string(text))
	return dir
}

// tool returns a program that must be on the PATH, and what to install for it.
func tool(name, debianPackage string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: %s: apt-get install %s", errMissing, name, debianPackage)
	}
	return path, nil
}

// python returns an interpreter with the packages of testdata/<client>/requirements.txt.
func python(t *testing.T, client string) string {
	t.Helper()
	dir := installed(t, client, "requirements.txt", func(dir, list string) error {
		python, err := tool("python3", "python3-venv")
		if err != nil {
			return err
		}
		if err := quietly(dir, python, "-m", "venv", "venv"); err != nil {
			return fmt.Errorf("%w: apt-get install python3-venv: %w", errMissing, err)
		}
		return quietly(dir, filepath.Join(dir, "venv", "bin", "python"), "-m", "pip", "install", "-q", "-r", list)
	})
	return filepath.Join(dir, "venv", "bin", "python")
}

// quietly runs a program and returns its output only as an error.
func quietly(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w\n%s", name, args, err, out)
	}
	return nil
}
