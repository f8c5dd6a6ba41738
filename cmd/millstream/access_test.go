package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAccessSettings(t *testing.T) {
	t.Parallel()
	const pair, ca = "tls_cert: c\ntls_key: k\n", "tls_client_ca: a\n"
	for _, tt := range []struct{ file, want string }{
		{"auth: off\n", ""},
		{"auth: scram\npg: 0.0.0.0:5488\n", ""},
		{"auth: [any all loopback trust, any all all scram]\npg: 0.0.0.0:5488\n", ""},
		{"auth: [any all loopback trust, tls all 192.0.2.0/24 cert]\npg: ':5488'\nhttp: ':8488'\n" + pair + ca, ""},
		{"auth: scram\nhttp: 0.0.0.0:8488\n" + pair, ""},
		{"auth: [any all 10.0.0.0/8 trust]\npg: 0.0.0.0:5488\n", "lets them in without proof"},
		{"auth: trust\npg: 0.0.0.0:5488\n", "lets them in without proof"},
		{"auth: trust\npg: 0.0.0.0:5488\ninsecure: true\n", ""},
		{"auth: trust\n", ""},
		{"auth: off\npg: 0.0.0.0:5488\n", "nobody has to log in"},
		{pair + "pg: 0.0.0.0:5488\n", "nobody has to log in"},
		{"auth: scram\nhttp: 0.0.0.0:8488\n", "passwords would come in the clear"},
		{"auth: md5\n", "the method is trust, scram, cert or reject"},
		{"auth: [tls all all scram]\n", "needs tls_cert"},
		{"auth: [any all all cert]\n" + pair, "needs tls_client_ca"},
		{"tls_cert: c\n", "one is of no use"},
		{ca, "over TLS only"},
		{"auth_admin_password_file: x\n", "while auth is off"},
		{"auth: scram\nauth_admin_password_file: x\n", ""},
	} {
		_, _, err := load(t, tt.file, nil)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.file, err, tt.want)
		}
	}
	cfg, _, err := load(t, "", []string{"MILLSTREAM_AUTH=any all loopback trust, scram"})
	if rules, _ := cfg.Access.rules(); err != nil || len(rules) != 2 || cfg.anyHost() {
		t.Errorf("%v, %v", rules, err)
	}
	if cfg, _, err := load(t, "auth: scram\n", nil); err != nil || !cfg.anyHost() {
		t.Errorf("requests that all log in are held to names: %v", err)
	}
}

// certificate writes a certificate of localhost that signs itself, and its key.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestClientsLogIn runs the whole process with TLS and passwords: the client of
// the binary, and HTTP.
func TestClientsLogIn(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("geheim\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pg, web := startServeWith(t, func(c *Config) {
		c.Access = AccessConfig{Rules: []string{"tls all all scram"}, AdminPasswordFile: password}
		c.Access.TLS.Certificate, c.Access.TLS.Key = cert, key
	})
	asked := func(user, password string, args ...string) (code int, out string) {
		t.Helper()
		var both bytes.Buffer
		environ := []string{"PGUSER=" + user, "PGPASSWORD=" + password, "PGSSLMODE=verify-full", "PGSSLROOTCERT=" + cert, "PGCHANNELBINDING=require"}
		code = run(context.Background(), invocation{append([]string{"sql", "--addr", pg}, args...), environ, strings.NewReader(""), &both, &both})
		return code, both.String()
	}
	for _, tt := range []struct {
		user, password string
		args           []string
		code           int
		want           string
	}{
		{"millstream", "geheim", []string{"-c", "CREATE ROLE ann LOGIN PASSWORD 'sesam'; CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (42); CREATE ROLE tom LOGIN PASSWORD 'sesam'"}, exitOK, "INSERT 0 1"},
		{"millstream", "wrong", []string{"-c", "SELECT 1"}, exitFailed, `password authentication failed for user "millstream"`},
		{"ann", "sesam", []string{"-c", "SELECT * FROM t"}, exitFailed, "42501: permission denied for table t"},
		{"millstream", "geheim", []string{"-c", "GRANT reader TO ann"}, exitOK, "GRANT ROLE"},
		{"ann", "sesam", []string{"-c", "SELECT a, current_user FROM t"}, exitOK, "ann"},
		{"millstream", "sesam", []string{"--user", "ann", "-c", "SELECT session_user"}, exitOK, "ann"},
		{"ann", "sesam", []string{"--sslmode", "disable", "-c", "SELECT 1"}, exitFailed, "does not let ann in"},
	} {
		if code, out := asked(tt.user, tt.password, tt.args...); code != tt.code || !strings.Contains(out, tt.want) {
			t.Errorf("%s %v: %d, %s", tt.user, tt.args, code, out)
		}
	}
	authority, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for _, tt := range []struct {
		user, password, path string
		status               int
		want                 string
	}{
		{"ann", "sesam", "/v1/query", http.StatusOK, "[42]"},
		{"tom", "sesam", "/v1/query", http.StatusForbidden, "permission denied for table t"},
		{"ann", "falsch", "/v1/query", http.StatusUnauthorized, "28P01"},
		{"nobody", "falsch", "/v1/query", http.StatusUnauthorized, "28P01"},
		{"", "", "/v1/query", http.StatusUnauthorized, "28P01"},
		{"", "", "/v1/subscribe", http.StatusUnauthorized, "28P01"},
		{"", "", "/metrics", http.StatusUnauthorized, "28P01"},
		{"tom", "sesam", "/metrics", http.StatusOK, "millstream_"},
		{"", "", "/healthz", http.StatusOK, "ok"},
		{"", "", "/readyz", http.StatusOK, "ready"},
	} {
		method := map[bool]string{true: http.MethodPost, false: http.MethodGet}[strings.HasPrefix(tt.path, "/v1/")]
		r, err := http.NewRequest(method, "https://"+web+tt.path, strings.NewReader(`{"sql": "SELECT * FROM t"}`))
		if err != nil {
			t.Fatal(err)
		}
		if tt.user != "" {
			r.SetBasicAuth(tt.user, tt.password)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		challenge := resp.Header.Get("WWW-Authenticate")
		if err != nil || resp.StatusCode != tt.status || !strings.Contains(string(body), tt.want) || (challenge != "") != (tt.status == http.StatusUnauthorized) {
			t.Errorf("%s as %s: %s %q %v\n%.200s", tt.path, tt.user, resp.Status, challenge, err, body)
		}
	}
}
