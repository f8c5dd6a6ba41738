package sqltest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/file"
	"github.com/millstream-db/millstream/ingest/push"
	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/server/pgwire"
)

// epochStart is where the clock of every script stands at first.
var epochStart = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// database is a database under a setting, and its clients.
type database struct {
	setting string
	dir     string // "" for one in memory
	newDir  func() string
	backups string // where BACKUP may write
	reopens int
	clock   atomic.Int64 // nanoseconds since epochStart
	inserts int          // how many were executed

	db      *query.DB
	server  *pgwire.Server
	addr    string
	served  chan error
	clients map[string]*client
}

// client is a connection that can be made again.
type client struct {
	conn *pgconn.PgConn
	set  []string // the SETs that make its session what it is
	open []string // those of its transaction
}

// sessions opens sessions for the server.
type sessions struct{ db *query.DB }

// NewSession opens a session with the rights of the role that its client is
// called after, and with all rights if there is none.
func (s sessions) NewSession(o query.SessionOptions) pgwire.Session {
	_, o.LoggedIn = s.db.Login(o.User)
	return s.db.NewSession(o)
}

// newDatabase opens a database that is closed when the test ends.
func newDatabase(t *testing.T, setting string) *database {
	t.Helper()
	d := &database{setting: setting, clients: make(map[string]*client), newDir: t.TempDir, backups: t.TempDir()}
	if setting == "restart" || setting == "checkpoint" {
		d.dir = d.newDir()
	}
	if err := d.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *database) open(ctx context.Context) (err error) {
	now := func() time.Time { return epochStart.Add(time.Duration(d.clock.Load())) }
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.db, err = query.Open(ctx, d.dir, query.Options{BackupTo: []string{d.backups}, Engine: engine.Options{
		Now: now, Tick: 5 * time.Millisecond, Connectors: map[string]source.Connector{catalog.PushConnector: push.New(), "file": file.New(file.Options{})},
	}})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	d.addr, d.server, d.served = listener.Addr().String(), pgwire.New(sessions{d.db}, pgwire.Options{}), make(chan error, 1)
	go func() { d.served <- d.server.Serve(context.WithoutCancel(ctx), listener) }()
	return nil
}

func (d *database) close(ctx context.Context) error {
	var errs []error
	for _, c := range d.clients {
		if c.conn != nil {
			errs = append(errs, c.conn.Close(ctx))
			c.conn = nil
		}
	}
	if d.db == nil {
		return nil
	}
	errs = append(errs, d.server.Shutdown(ctx))
	if err := <-d.served; !errors.Is(err, pgwire.ErrServerClosed) { // it had not begun yet
		errs = append(errs, err)
	}
	errs = append(errs, d.db.Close(ctx))
	d.db = nil
	return errors.Join(errs...)
}

// restart reopens the database: once where it was closed, and once as a crash
// leaves it. Its sessions are told again what they were told.
func (d *database) restart(ctx context.Context) error {
	if d.dir == "" {
		return errors.New("a database in memory can't be restarted: onlyif restart, onlyif checkpoint")
	}
	if d.reopens++; d.reopens%2 == 0 && !d.mayLose() {
		crashed := d.newDir()
		if err := copyFiles(d.dir, crashed); err != nil {
			return err
		}
		d.dir = crashed
	}
	if err := d.close(ctx); err != nil {
		return err
	}
	return d.open(ctx)
}

// mayLose reports whether a client has chosen not to wait for the disk.
func (d *database) mayLose() bool {
	for _, c := range d.clients {
		for _, sql := range c.set {
			if strings.Contains(sql, "synchronous_commit") {
				return true
			}
		}
	}
	return false
}

// copyFiles copies the files of a database that is open but does nothing.
func copyFiles(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, e.Name()), text, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// client returns the connection of the given name, made when it is new.
func (d *database) client(ctx context.Context, name string) (*client, error) {
	c := d.clients[name]
	if c == nil {
		c = new(client)
		if d.setting == "batch1" || d.setting == "batch4096" {
			c.set = []string{"SET synchronous_commit = off"}
		}
		d.clients[name] = c
	}
	if c.conn != nil {
		return c, nil
	}
	config, err := pgconn.ParseConfig(fmt.Sprintf("postgres://%s@%s/millstream?sslmode=disable", cmp.Or(name, "sqltest"), d.addr))
	if err != nil {
		return nil, err
	}
	if c.conn, err = pgconn.ConnectConfig(ctx, config); err != nil {
		return nil, err
	}
	for _, sql := range c.set {
		if _, err := c.conn.Exec(ctx, sql).ReadAll(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// inTransaction reports whether any client is.
func (d *database) inTransaction() bool {
	for _, c := range d.clients {
		if c.conn != nil && c.conn.TxStatus() != 'I' {
			return true
		}
	}
	return false
}

// must runs one statement and returns its rows as texts.
func (d *database) must(t *testing.T, c *client, sql string) [][]string {
	t.Helper()
	r, err := d.exec(t.Context(), c, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return texts(r.Rows)
}

// exec runs one statement, by the simple protocol or the extended one.
func (d *database) exec(ctx context.Context, c *client, sql string) (*pgconn.Result, error) {
	if _, is := insertTree(sql); is {
		d.inserts++
	}
	if d.setting == "checkpoint" {
		return read(c.conn.ExecParams(ctx, sql, nil, nil, nil, nil))
	}
	results := c.conn.Exec(ctx, sql)
	var (
		last *pgconn.Result
		n    int
		errs []error
	)
	for ; results.NextResult(); n++ {
		var err error
		last, err = read(results.ResultReader())
		errs = append(errs, err)
	}
	if err := errors.Join(append(errs, results.Close())...); err != nil {
		return nil, err
	}
	if n != 1 {
		return nil, fmt.Errorf("%d statements, want 1", n)
	}
	return last, nil
}

// read is ResultReader.Read, but it tells the columns of a result without rows.
func read(r *pgconn.ResultReader) (*pgconn.Result, error) {
	out := new(pgconn.Result)
	for r.NextRow() {
		row := make([][]byte, len(r.Values()))
		for i, v := range r.Values() {
			row[i] = bytes.Clone(v)
		}
		out.Rows = append(out.Rows, row)
	}
	out.FieldDescriptions = slices.Clone(r.FieldDescriptions())
	out.CommandTag, out.Err = r.Close()
	return out, out.Err
}

// after does what the setting wants done behind a statement that succeeded.
func (d *database) after(ctx context.Context, c *client, sql string) error {
	tree, err := parser.Parse(sql)
	if err != nil {
		return nil // the server has its own opinion
	}
	switch tree.(type) {
	case *parser.Set, *parser.Reset, *parser.SetRole:
		c.open = append(c.open, sql)
	case *parser.Rollback:
		c.open = nil
	}
	if c.conn.TxStatus() == 'I' {
		c.set, c.open = append(c.set, c.open...), nil
	}
	switch tree.(type) {
	case *parser.Set, *parser.Reset, *parser.SetRole:
		return nil
	case *parser.Select, *parser.ShowObjects, *parser.ShowColumns, *parser.ShowCreate, *parser.ShowSetting, *parser.Explain:
		return nil
	}
	switch {
	case d.inTransaction():
		return nil
	case d.setting == "restart":
		return d.restart(ctx)
	case d.setting == "checkpoint":
		return d.db.Checkpoint(ctx)
	}
	return nil
}
