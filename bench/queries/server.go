package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/millstream-db/millstream/bench/child"
	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/server/clienttest/postgres"
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

// startPostgres starts a PostgreSQL on a new cluster.
func startPostgres(ctx context.Context, dir string) (*server, error) {
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // PostgreSQL runs as somebody else
		return nil, fmt.Errorf("make PostgreSQL's directory: %w", err)
	}
	cluster, err := postgres.NewCluster(ctx, dir, userName)
	if err != nil {
		return nil, err
	}
	port, err := postgres.FreePort()
	if err != nil {
		return nil, err
	}
	cmd := cluster.Command(port, "shared_buffers=1GB", "work_mem=256MB")
	proc, err := child.Start(cmd, filepath.Join(dir, "postgres.log"))
	if err != nil {
		return nil, err
	}
	s := &server{name: "PostgreSQL", addr: net.JoinHostPort(postgres.Host, strconv.Itoa(port)), load: postgresLoading, cpuTime: proc.CPUTime}
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
