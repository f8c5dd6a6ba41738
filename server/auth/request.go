package auth

import (
	"net"
	"net/http"
	"net/netip"

	"github.com/millstream-db/millstream/query"
)

// Request lets an HTTP request in and returns the role it comes as: that of its
// Basic credentials, or the common name of its client certificate, or the
// built-in administrator where the rules trust it. An error with the SQLSTATE
// 28P01 asks for (other) credentials; with another one they would not help.
//
// A password comes as it is, so beyond this machine it is taken over TLS only.
func (a *Authenticator) Request(r *http.Request) (role string, err error) {
	name, password, given := r.BasicAuth()
	c := Client{Role: name, TLS: r.TLS}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		c.Remote = net.TCPAddrFromAddrPort(from)
	}
	if !given {
		c.Role = query.BuiltInAdmin
		if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
			c.Role = r.TLS.VerifiedChains[0][0].Subject.CommonName
		}
	}
	l := &Login{a: a, client: c}
	l.role, l.exists = a.opts.Roles.Login(c.Role)
	method := a.opts.Rules.find(c.Role, addressOf(c.Remote), c.TLS != nil)
	if method != SCRAM {
		if err := l.byRule(method); err != nil {
			return "", err
		}
		return c.Role, nil
	}
	if c.TLS == nil && !addressOf(c.Remote).IsLoopback() {
		return "", l.refuse("a password in the clear", query.Errorf(query.CodeInvalidAuthorization, "passwords are taken over TLS only").
			WithHint("Use https; the server's settings tls_cert and tls_key switch it on."))
	}
	if !given {
		return "", query.Errorf(query.CodeInvalidPassword, "a role and its password are needed").
			WithHint("Send them by Basic authentication: curl -u role:password …")
	}
	o := offenderOf(c.Role, addressOf(c.Remote))
	if err := a.throttle.wait(r.Context(), o); err != nil {
		return "", l.refuse("too many failed logins", err)
	}
	v, real := a.verifierOf(l)
	if matches := v.Matches(password); !matches || !real { // made up or not, it takes the same time
		a.throttle.failed(o)
		return "", l.refuse(l.reason(), passwordFailed(c.Role))
	}
	a.throttle.succeeded(o)
	if err := l.mayLogIn(); err != nil {
		return "", err
	}
	return c.Role, nil
}
