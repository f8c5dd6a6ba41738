package auth

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/millstream-db/millstream/query"
)

func TestRequests(t *testing.T) {
	a := New(Options{
		Rules: rules(t, "any machine loopback trust", "any millstream 127.0.0.1 trust", "tls bob all cert", "any mallory all reject", "any all all scram"),
		Roles: fakeRoles{"ann": login(t, "secret"), "bob": {Allowed: true}, query.BuiltInAdmin: {Allowed: true}, "machine": {Allowed: true}, "locked": {}},
	})
	encrypted := &tls.ConnectionState{}
	shown := &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{testCA(t).issue(t, "bob").Leaf}}}
	for _, c := range []struct {
		name, remote   string
		tls            *tls.ConnectionState
		user, password string
		role, code     string
	}{
		{"password over TLS", "192.0.2.1:5", encrypted, "ann", "secret", "ann", ""},
		{"password on this machine", "127.0.0.1:5", nil, "ann", "secret", "ann", ""},
		{"password in the clear", "192.0.2.1:5", nil, "ann", "secret", "", "28000"},
		{"wrong password", "192.0.2.2:5", encrypted, "ann", "wrong", "", "28P01"},
		{"unknown role", "192.0.2.2:5", encrypted, "eve", "secret", "", "28P01"},
		{"no credentials", "192.0.2.1:5", encrypted, "", "", "", "28P01"},
		{"no credentials, trusted", "127.0.0.1:5", nil, "", "", query.BuiltInAdmin, ""},
		{"a name alone, trusted", "[::1]:5", nil, "machine", "", "machine", ""},
		{"certificate", "192.0.2.1:5", shown, "", "", "bob", ""},
		{"certificate and its name", "192.0.2.1:5", shown, "bob", "x", "bob", ""},
		{"certificate and another name", "192.0.2.1:5", shown, "ann", "wrong", "", "28P01"},
		{"no certificate", "192.0.2.1:5", encrypted, "bob", "", "", "28000"},
		{"rejected", "192.0.2.1:5", encrypted, "mallory", "secret", "", "28000"},
		{"NOLOGIN", "192.0.2.1:5", encrypted, "locked", "", "", "28P01"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr, r.TLS = c.remote, c.tls
			if c.user != "" {
				r.SetBasicAuth(c.user, c.password)
			}
			role, err := a.Request(r)
			if c.code != "" {
				wantCode(t, err, c.code, "")
			} else if err != nil || role != c.role {
				t.Errorf("%q, %v", role, err)
			}
		})
	}
}
