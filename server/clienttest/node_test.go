package clienttest

import (
	"os"
	"path/filepath"
	"testing"
)

// TestNode walks node-postgres and postgres.js.
func TestNode(t *testing.T) {
	dir := installed(t, "node", "package.json", func(dir, list string) error {
		npm, err := tool("npm", "npm")
		if err != nil {
			return err
		}
		text, err := os.ReadFile(list)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "package.json"), text, 0o644); err != nil {
			return err
		}
		return quietly(dir, npm, "install", "--no-audit", "--no-fund", "--silent")
	})
	node, err := tool("node", "nodejs")
	ready(t, err)
	t.Setenv("NODE_LIBRARIES", dir)
	compareProgram(t, "node", nil, node, "surface.js")
}
