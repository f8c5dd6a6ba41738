package clienttest

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// TestPsycopg walks psycopg 3.
func TestPsycopg(t *testing.T) {
	compareProgram(t, "psycopg", nil, python(t, "psycopg"), "surface.py")
}

// TestSQLAlchemy reflects with SQLAlchemy and reads with pandas.
func TestSQLAlchemy(t *testing.T) {
	compareProgram(t, "sqlalchemy", nil, python(t, "sqlalchemy"), "surface.py")
}

// TestADBC walks ADBC's driver for PostgreSQL, which reads by binary COPY.
func TestADBC(t *testing.T) {
	compareProgram(t, "adbc", nil, python(t, "adbc"), "surface.py")
}

// TestDuckDB attaches the server to a DuckDB by its postgres extension.
func TestDuckDB(t *testing.T) {
	compareProgram(t, "duckdb", nil, python(t, "duckdb"), "surface.py")
}

// TestODBC walks psqlODBC with pyodbc.
func TestODBC(t *testing.T) {
	needServers(t)
	_, err := tool("isql", "unixodbc odbc-postgresql") // which comes with the driver manager
	ready(t, err)
	if out, err := exec.Command("odbcinst", "-q", "-d").Output(); err != nil || !strings.Contains(string(out), "PostgreSQL Unicode") {
		ready(t, fmt.Errorf("%w: psqlODBC: apt-get install odbc-postgresql", errMissing))
	}
	compareProgram(t, "odbc", nil, python(t, "odbc"), "surface.py")
}
