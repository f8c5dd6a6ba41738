package clienttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/millstream-db/millstream/server/clienttest/postgres"
)

// server is a database that listens on the loopback interface.
type server struct {
	name string // of a column of the report: postgres or millstream
	port int
}

const (
	host     = postgres.Host
	userName = "millstream"
	database = "millstream"
)

// environment tells a program where the server is, as libpq's programs read it.
func (s server) environment() []string {
	return append(os.Environ(),
		"PGHOST="+host, "PGPORT="+strconv.Itoa(s.port), "PGUSER="+userName, "PGDATABASE="+database,
		"PGCONNECT_TIMEOUT=10", "PGTZ=UTC", "TZ=UTC", "LC_ALL=C.UTF-8", "PSQL_PAGER=", "PGSSLMODE=disable")
}

func (s server) dsn() string {
	return fmt.Sprintf("postgres://%s@%s:%d/%s?sslmode=disable", userName, host, s.port, database)
}

// run executes a file of SQL statements.
func (s server) run(ctx context.Context, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, s.dsn())
	if err != nil {
		return fmt.Errorf("connect to %s: %w", s.name, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.PgConn().Exec(ctx, string(text)).ReadAll(); err != nil {
		return fmt.Errorf("%s: %s: %w", s.name, file, err)
	}
	return nil
}

// startPostgres starts a PostgreSQL on a new cluster.
func startPostgres(ctx context.Context, dir string) (server, func() error, error) {
	none := server{}
	cluster, err := postgres.NewCluster(ctx, dir, userName)
	if err != nil {
		if errors.Is(err, postgres.ErrMissing) {
			err = fmt.Errorf("%w: %w", errMissing, err)
		}
		return none, nil, err
	}
	port, err := postgres.FreePort()
	if err != nil {
		return none, nil, err
	}
	s := server{name: "postgres", port: port}
	cmd := cluster.Command(s.port, "fsync=off", "max_connections=50")
	stop, err := start(ctx, cmd, syscall.SIGQUIT, s, "postgres")
	if err != nil {
		return none, nil, err
	}
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://%s@%s:%d/postgres?sslmode=disable", userName, host, s.port))
	if err != nil {
		return none, nil, errors.Join(err, stop())
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+database); err != nil {
		return none, nil, errors.Join(err, stop())
	}
	return s, stop, nil
}

// startMillstream builds the binary and serves an empty database.
func startMillstream(ctx context.Context, dir string) (server, func() error, error) {
	none := server{}
	binary := filepath.Join(dir, "millstream")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "../../cmd/millstream")
	if out, err := build.CombinedOutput(); err != nil {
		return none, nil, fmt.Errorf("build millstream: %w\n%s", err, out)
	}
	port, err := postgres.FreePort()
	if err != nil {
		return none, nil, err
	}
	s := server{name: "millstream", port: port}
	cmd := exec.Command(binary, "serve", "--data", filepath.Join(dir, "data"), "--pg", net.JoinHostPort(host, strconv.Itoa(s.port)), "--http", "off")
	cmd.Env = append(os.Environ(), "TZ=UTC")
	stop, err := start(ctx, cmd, syscall.SIGTERM, s, database)
	return s, stop, err
}

// start starts a server and waits until it answers. The returned function
// stops it and returns an error with its output if it didn't end as it should.
func start(ctx context.Context, cmd *exec.Cmd, signal os.Signal, s server, database string) (stop func() error, err error) {
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop = func() error {
		if err := cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		select {
		case err := <-ended:
			if err != nil {
				return fmt.Errorf("%s: %w\n%s", s.name, err, output.Bytes())
			}
			return nil
		case <-time.After(30 * time.Second):
			return errors.Join(fmt.Errorf("%s did not stop\n%s", s.name, output.Bytes()), cmd.Process.Kill())
		}
	}
	dsn := fmt.Sprintf("postgres://%s@%s:%d/%s?sslmode=disable", userName, host, s.port, database)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		conn, err := pgx.Connect(ctx, dsn)
		if err == nil {
			return stop, conn.Close(ctx)
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("%s does not answer: %w", s.name, err), stop())
		}
	}
}

// pair is the two servers with the same objects in them.
type pair struct{ postgres, millstream server }

// startPair starts both for all tests of this package.
func startPair(ctx context.Context, dir string) (pair, func() error, error) {
	var p pair
	dirs := map[string]string{}
	for _, name := range []string{"postgres", "millstream"} {
		dirs[name] = filepath.Join(dir, name)
		if err := os.Mkdir(dirs[name], 0o755); err != nil {
			return p, nil, err
		}
	}
	var err error
	var stopPostgres, stopMillstream func() error
	if p.postgres, stopPostgres, err = startPostgres(ctx, dirs["postgres"]); err != nil {
		return p, nil, err
	}
	if p.millstream, stopMillstream, err = startMillstream(ctx, dirs["millstream"]); err != nil {
		return p, nil, errors.Join(err, stopPostgres())
	}
	stop := func() error { return errors.Join(stopPostgres(), stopMillstream()) }
	err = errors.Join(
		p.postgres.run(ctx, "testdata/both.sql"), p.millstream.run(ctx, "testdata/both.sql"),
		p.postgres.run(ctx, "testdata/postgres.sql"), p.millstream.run(ctx, "testdata/millstream.sql"))
	if err != nil {
		return p, nil, errors.Join(err, stop())
	}
	return p, stop, nil
}

// servers is what TestMain has started; nil without -clients.
var servers *pair

func TestMain(m *testing.M) { os.Exit(runMain(m)) }
