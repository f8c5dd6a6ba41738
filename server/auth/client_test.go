package auth

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/server/pgwire"
)

// emptyDatabase has sessions that answer the empty statement.
type emptyDatabase struct{}

func (emptyDatabase) NewSession(query.SessionOptions) pgwire.Session { return emptySession{} }

type emptySession struct{}

func (emptySession) Prepare(_ context.Context, sql string, _ []string) (*query.Statement, error) {
	return &query.Statement{SQL: sql}, nil
}
func (emptySession) Execute(context.Context, *query.Statement, []any) (*query.Result, error) {
	return &query.Result{}, nil
}
func (emptySession) Status() byte          { return 'I' }
func (emptySession) Setting(string) string { return "" }
func (emptySession) Close()                {}

type door struct{ a *Authenticator }

func (d door) Begin(ctx context.Context, c pgwire.Client) (pgwire.Login, error) {
	l, err := d.a.Begin(ctx, Client{Role: c.User, Remote: c.Remote, TLS: c.TLS, Certificate: c.Certificate})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// installation is a server with a certificate of its own authority, and the
// files that its clients have.
type installation struct {
	dir, host, port string
	ca              *authority
}

func install(t *testing.T, roles fakeRoles, lines ...string) *installation {
	t.Helper()
	i := &installation{dir: t.TempDir(), ca: testCA(t)}
	cert, key := write(t, i.dir, "server", i.ca.issue(t, "localhost"))
	writePEM(t, i.file("ca.crt"), "CERTIFICATE", i.ca.cert.Raw)
	certificates, err := LoadCertificates(CertificateFiles{Certificate: cert, Key: key, ClientCA: i.file("ca.crt")}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := pgwire.New(emptyDatabase{}, pgwire.Options{
		TLSConfig: certificates.Config, Authenticator: door{New(Options{Rules: rules(t, lines...), Roles: roles, Secret: []byte("secret")})},
	})
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	if i.host, i.port, err = net.SplitHostPort(listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	return i
}

func (i *installation) file(name string) string { return filepath.Join(i.dir, name) }

// dsn returns a connection string in libpq's form.
func (i *installation) dsn(user, more string) string {
	return "host=localhost hostaddr=" + i.host + " port=" + i.port + " user=" + user + " dbname=x connect_timeout=20 sslrootcert=" + i.file("ca.crt") + " " + more
}

// clients are how each client logs in: what it says when it may not.
var clients = map[string]func(t *testing.T, dsn, password string) string{
	"psql": func(t *testing.T, dsn, password string) string {
		t.Helper()
		psql, err := exec.LookPath("psql")
		if err != nil {
			t.Skip("psql is not installed")
		}
		cmd := exec.Command(psql, "-X", "-w", dsn, "-c", "")
		cmd.Env = append(os.Environ(), "PGPASSWORD="+password, "PGSSLKEY=", "PGSSLCERT=")
		out, err := cmd.CombinedOutput()
		if err == nil {
			return ""
		}
		return string(out)
	},
	"pgx": func(t *testing.T, dsn, password string) string {
		t.Helper()
		// The driver knows no hostaddr.
		dsn = strings.Replace(dsn, "hostaddr=127.0.0.1", "", 1)
		config, err := pgx.ParseConfig(dsn)
		if err != nil {
			t.Fatal(err)
		}
		config.Password = password
		conn, err := pgx.ConnectConfig(context.Background(), config)
		if err != nil {
			return err.Error()
		}
		_ = conn.Close(context.Background())
		return ""
	},
}

func TestClientsLogIn(t *testing.T) {
	forbidden := login(t, "secret")
	forbidden.Allowed = false
	i := install(t, fakeRoles{"ann": login(t, "sécret"), "bob": {Allowed: true, ConnectionLimit: -1}, "forbidden": forbidden, "visitor": {Allowed: true, ConnectionLimit: -1}},
		"any visitor loopback trust", "tls bob all cert", "any mallory all reject", "tls all all scram", "any plain all scram")
	cert, key := write(t, i.dir, "bob", i.ca.issue(t, "bob"))
	mine := " sslcert=" + cert + " sslkey=" + key
	strangerCert, strangerKey := write(t, i.dir, "stranger", testCA(t).issue(t, "bob"))
	writePEM(t, i.file("other.crt"), "CERTIFICATE", testCA(t).cert.Raw)
	for _, c := range []struct{ name, user, password, more, want string }{
		{"password over TLS", "ann", "sécret", "sslmode=verify-full", ""},
		{"bound to it", "ann", "sécret", "sslmode=verify-full channel_binding=require", ""},
		{"not bound to it", "ann", "sécret", "sslmode=require channel_binding=disable", ""},
		{"in the clear", "ann", "sécret", "sslmode=disable", "no access rule lets role \"ann\" in from 127.0.0.1 with no encryption"},
		{"wrong password", "ann", "secret", "sslmode=verify-full", `password authentication failed for user "ann"`},
		{"unknown role", "nobody", "secret", "sslmode=verify-full", `password authentication failed for user "nobody"`},
		{"no login", "forbidden", "secret", "sslmode=verify-full", `role "forbidden" is not permitted to log in`},
		{"another authority", "ann", "sécret", "sslmode=verify-full sslrootcert=" + i.file("other.crt"), "certificate"},
		{"rejected", "mallory", "x", "sslmode=verify-full", "no access rule lets"},
		{"trusted", "visitor", "", "sslmode=disable", ""},
		{"certificate", "bob", "", "sslmode=verify-full" + mine, ""},
		{"no certificate", "bob", "", "sslmode=verify-full", "connection requires a valid client certificate"},
		{"somebody else's certificate", "ann", "wrong", "sslmode=verify-full" + mine, "password authentication failed"},
		{"certificate of another authority", "bob", "", "sslmode=verify-full sslcert=" + strangerCert + " sslkey=" + strangerKey, ""},
	} {
		for client, connect := range clients {
			t.Run(c.name+"/"+client, func(t *testing.T) {
				got := connect(t, i.dsn(c.user, c.more), c.password)
				if c.name == "certificate of another authority" { // each client puts it in its own words
					if got == "" {
						t.Error("it was let in")
					}
					return
				}
				if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
					t.Errorf("the client said %q, want %q", got, c.want)
				}
			})
		}
	}
}

// TestWrongPasswordsAreSlowedDown: from the second failure on each takes twice
// as long, and the right password after them has to wait too. That others do not
// wait is for TestThrottle to say, which has a clock of its own.
func TestWrongPasswordsAreSlowedDown(t *testing.T) {
	i := install(t, fakeRoles{"ann": login(t, "secret")}, "scram")
	for _, attempt := range []struct {
		password string
		least    time.Duration
	}{{"wrong", 0}, {"wrong", firstDelay}, {"wrong", 2 * firstDelay}, {"secret", 4 * firstDelay}} {
		started := time.Now()
		got := clients["pgx"](t, i.dsn("ann", "sslmode=require"), attempt.password)
		if (got == "") != (attempt.password == "secret") {
			t.Errorf("with %s: %q", attempt.password, got)
		}
		// What the client itself takes counts into the wait.
		if d := time.Since(started); d < attempt.least/2 {
			t.Errorf("an attempt took %s, want %s", d, attempt.least)
		}
	}
}

// TestCertificatesChangeUnderClients: who connects after the files have changed
// sees the new certificate, bound to it.
func TestCertificatesChangeUnderClients(t *testing.T) {
	i := install(t, fakeRoles{"ann": login(t, "secret")}, "scram")
	const more = "sslmode=verify-full channel_binding=require"
	for range 2 {
		if got := clients["pgx"](t, i.dsn("ann", more), "secret"); got != "" {
			t.Fatal(got)
		}
		next := testCA(t)
		write(t, i.dir, "server", next.issue(t, "localhost"))
		if got := clients["pgx"](t, i.dsn("ann", more), "secret"); !strings.Contains(got, "certificate") {
			t.Errorf("the old authority is still believed: %q", got)
		}
		writePEM(t, i.file("ca.crt"), "CERTIFICATE", next.cert.Raw)
	}
}
