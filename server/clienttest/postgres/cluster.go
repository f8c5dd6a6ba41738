// Package postgres makes clusters of a real PostgreSQL 15 for those who compare
// Millstream with one: Debian's package, on the loopback interface, with an
// administrator of their choice.
package postgres

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
)

// ErrMissing is returned where PostgreSQL 15 is not installed.
var ErrMissing = errors.New("PostgreSQL 15 is missing: apt-get install postgresql")

// Host is where servers listen.
const Host = "127.0.0.1"

// programs is where Debian, and the package of postgresql.org, have PostgreSQL 15.
const programs = "/usr/lib/postgresql/15/bin"

// Cluster is a directory of databases.
type Cluster struct {
	dir   string
	owner *syscall.SysProcAttr // nil: whoever runs this
}

// NewCluster makes a cluster below dir, an empty directory, whose administrator
// comes in without a password. PostgreSQL refuses to run as root: then it runs as
// the user postgres, which its package makes, and who gets the directory.
func NewCluster(ctx context.Context, dir, administrator string) (*Cluster, error) {
	if _, err := os.Stat(filepath.Join(programs, "postgres")); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	owner, err := ownerOf(dir)
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir, owner}
	initdb := exec.CommandContext(ctx, filepath.Join(programs, "initdb"), "-D", c.data(), "-U", administrator, "-A", "trust",
		"-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = owner, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return c, nil
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "cluster") }

// Command returns the server's command, which has not been started, with settings
// such as fsync=off.
func (c *Cluster) Command(port int, settings ...string) *exec.Cmd {
	args := []string{"-D", c.data(), "-p", strconv.Itoa(port)}
	for _, s := range append([]string{"listen_addresses=" + Host, "unix_socket_directories=" + c.dir, "timezone=UTC"}, settings...) {
		args = append(args, "-c", s)
	}
	cmd := exec.Command(filepath.Join(programs, "postgres"), args...)
	cmd.Dir = c.dir
	if c.owner != nil { // a copy, which whoever starts the command may add to
		attributes := *c.owner
		cmd.SysProcAttr = &attributes
	}
	return cmd
}

func ownerOf(dir string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w: it does not run as root: %w", ErrMissing, err)
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
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

// FreePort returns a port of Host that nobody listens on.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(Host, "0"))
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close() //nolint:errcheck // nobody has used it
	return listener.Addr().(*net.TCPAddr).Port, nil
}
