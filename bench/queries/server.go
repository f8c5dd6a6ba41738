package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/millstream-db/millstream/bench/child"
	"github.com/millstream-db/millstream/bench/instance"
)

// server is one of the two databases while it runs.
type server struct {
	name    string
	addr    string // of the Postgres protocol
	version string
	load    loading
	cpuTime func() time.Duration // used so far by all its processes
	stop    func() error
}

const (
	userName = "millstream"
	database = "postgres"
	// postgresBin is where Debian, and the package of postgresql.org, have PostgreSQL 15.
	postgresBin = "/usr/lib/postgresql/15/bin"
	// stopPatience is how long a server may take to end.
	stopPatience = time.Minute
)

// connect opens a connection, whose bytes read are added to count unless it is nil.
func (s *server) connect(ctx context.Context, count *int64) (*pgconn.PgConn, error) {
	config, err := pgconn.ParseConfig(fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", userName, s.addr, database))
	if err != nil {
		return nil, err
	}
	if count != nil {
		dial := config.DialFunc
		config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			return &countingConn{Conn: conn, count: count}, err
		}
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", s.name, err)
	}
	return conn, nil
}

// countingConn counts what is read. One goroutine reads at a time.
type countingConn struct {
	net.Conn
	count *int64
}

func (c *countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	*c.count += int64(n)
	return n, err
}

// learnVersion waits until the server answers, and asks it for its version.
func (s *server) learnVersion(ctx context.Context) error {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		conn, err := s.connect(ctx, nil)
		if err == nil {
			s.version = conn.ParameterStatus("server_version")
			return conn.Close(ctx)
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
	}
}

// startMillstream starts millstream with the settings that serve has by default.
func startMillstream(ctx context.Context, c *config) (*server, error) {
	binary := c.binary
	if binary == "" {
		var err error
		if binary, err = instance.Build(ctx, c.dir); err != nil {
			return nil, err
		}
	}
	i, err := instance.Start(ctx, instance.Options{
		Binary: binary, Data: filepath.Join(c.dir, "millstream-data"), Log: filepath.Join(c.dir, "millstream.log"),
		Settings: []string{"--pg=127.0.0.1:0"}, Env: []string{"TZ=UTC"},
	})
	if err != nil {
		return nil, err
	}
	s := &server{name: "Millstream", addr: i.Postgres(), load: millstreamLoading, cpuTime: i.CPUTime, stop: i.Stop}
	if err := s.learnVersion(ctx); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// startPostgres starts a PostgreSQL on a new cluster. It refuses to run as root;
// then it runs as the user postgres, which its package makes.
func startPostgres(ctx context.Context, dir string) (*server, error) {
	if _, err := os.Stat(filepath.Join(postgresBin, "postgres")); err != nil {
		return nil, fmt.Errorf("PostgreSQL 15 is not installed (apt-get install postgresql): %w", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // PostgreSQL runs as somebody else
		return nil, fmt.Errorf("make PostgreSQL's directory: %w", err)
	}
	owner, err := postgresOwner(dir)
	if err != nil {
		return nil, err
	}
	cluster := filepath.Join(dir, "cluster")
	initdb := exec.CommandContext(ctx, filepath.Join(postgresBin, "initdb"), "-D", cluster, "-U", userName, "-A", "trust",
		"-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.Dir = dir
	if owner != nil {
		initdb.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(postgresBin, "postgres"), "-D", cluster, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories="+dir, "-c", "timezone=UTC", "-c", "shared_buffers=1GB", "-c", "work_mem=256MB")
	cmd.Dir = dir
	if owner != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	}
	proc, err := child.Start(cmd, filepath.Join(dir, "postgres.log"))
	if err != nil {
		return nil, err
	}
	s := &server{name: "PostgreSQL", addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), load: postgresLoading, cpuTime: proc.CPUTime}
	s.stop = func() error {
		if err := proc.Terminate(stopPatience); err != nil {
			return err
		}
		return proc.Err()
	}
	if err := s.learnVersion(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%w\n%s", err, proc.Log(20)), s.stop())
	}
	return s, nil
}

// postgresOwner returns whom PostgreSQL runs as, nil for whoever runs this, and
// gives him the directory.
func postgresOwner(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user postgres: %w", err)
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user postgres: %w", err)
	}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		return nil, fmt.Errorf("give PostgreSQL its directory: %w", err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// freePort returns a port of the loopback interface that nobody listens on.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close() //nolint:errcheck // nobody has used it
	return listener.Addr().(*net.TCPAddr).Port, nil
}
