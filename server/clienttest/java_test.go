package clienttest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestJDBC walks pgjdbc.
func TestJDBC(t *testing.T) {
	dir := installed(t, "jdbc", "pom.xml", func(dir, list string) error {
		mvn, err := tool("mvn", "maven")
		if err != nil {
			return err
		}
		return quietly(dir, mvn, "-B", "-q", "-f", list, "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies",
			"-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(dir, "lib"))
	})
	java, err := tool("java", "openjdk-17-jdk-headless")
	ready(t, err)
	// The compiler is part of the runtime since Java 11, when the JDK is there.
	if err := quietly(dir, java, "--list-modules"); err != nil {
		ready(t, fmt.Errorf("%w: %w", errMissing, err))
	}
	jars, err := filepath.Glob(filepath.Join(dir, "lib", "*.jar"))
	if err != nil || len(jars) == 0 {
		t.Fatal("no jars in ", dir, err)
	}
	path := ""
	for _, jar := range jars {
		path += jar + string(os.PathListSeparator)
	}
	compareProgram(t, "jdbc", nil, java, "-Duser.language=en", "-Duser.timezone=UTC", "-cp", path, "Surface.java")
}
