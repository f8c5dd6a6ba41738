package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/query/verifier"
)

// Roles knows who there is. It must be safe for concurrent use.
type Roles interface {
	// Login returns what holds for a role that wants to log in, and whether
	// there is one of that name.
	Login(name string) (query.Login, bool)
}

// Options configure an Authenticator.
type Options struct {
	Rules Rules
	Roles Roles
	// Secret makes up the salts of roles that do not exist. It must stay the same
	// as long as the roles do.
	Secret []byte
	Logger *slog.Logger     // nil: discard
	Now    func() time.Time // nil: time.Now
}

// Authenticator lets clients in, or not. It is safe for concurrent use.
type Authenticator struct {
	opts     Options
	log      *slog.Logger
	throttle *throttle
}

// New returns an Authenticator.
func New(opts Options) *Authenticator {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Authenticator{opts: opts, log: opts.Logger.With("component", "auth"), throttle: newThrottle(opts.Now)}
}

// Client is who wants to come in.
type Client struct {
	Role   string // as it says
	Remote net.Addr
	TLS    *tls.ConnectionState // nil: in the clear
	// Certificate is the one that the server has shown to this client.
	Certificate *x509.Certificate
}

// Login is one attempt of a Postgres client to come in. It is for one goroutine.
type Login struct {
	a        *Authenticator
	client   Client
	role     query.Login
	exists   bool
	exchange *exchange // nil: there is nothing more to prove
}

// Begin looks for the rule that holds for a client. The error, which is for the
// client to see, refuses it. Otherwise Login.Mechanisms says what is to follow.
func (a *Authenticator) Begin(_ context.Context, c Client) (*Login, error) {
	l := &Login{a: a, client: c}
	l.role, l.exists = a.opts.Roles.Login(c.Role)
	method := a.opts.Rules.find(c.Role, addressOf(c.Remote), c.TLS != nil)
	if method == SCRAM {
		v, real := a.verifierOf(l)
		l.exchange = newExchange(v, real, c)
		return l, nil
	}
	return l, l.byRule(method)
}

// byRule lets a client in that has no password to show.
func (l *Login) byRule(method Method) error {
	switch method {
	case Trust:
	case Cert:
		if err := checkCertificate(l.client); err != nil {
			return l.refuse("no fitting client certificate", err)
		}
	default:
		encryption := "no encryption"
		if l.client.TLS != nil {
			encryption = "TLS"
		}
		return l.refuse("refused by the rules", query.Errorf(query.CodeInvalidAuthorization,
			"no access rule lets role %q in from %s with %s", l.client.Role, addressOf(l.client.Remote), encryption).
			WithHint("The server's setting auth has the rules."))
	}
	if !l.exists {
		return l.refuse("no such role", query.Errorf(query.CodeInvalidAuthorization, "role %q does not exist", l.client.Role))
	}
	return l.mayLogIn()
}

func checkCertificate(c Client) error {
	if c.TLS == nil || len(c.TLS.VerifiedChains) == 0 {
		return query.Errorf(query.CodeInvalidAuthorization, "connection requires a valid client certificate")
	}
	if name := c.TLS.VerifiedChains[0][0].Subject.CommonName; name != c.Role {
		return query.Errorf(query.CodeInvalidAuthorization, "certificate authentication failed for user %q", c.Role).
			WithHint("The certificate's common name must be the role's name.")
	}
	return nil
}

// mayLogIn is what is checked last: only who has proven to be the role learns it.
func (l *Login) mayLogIn() error {
	if !l.role.Allowed {
		return l.refuse("the role has NOLOGIN", query.Errorf(query.CodeInvalidAuthorization, "role %q is not permitted to log in", l.client.Role))
	}
	return nil
}

// refuse writes an attempt that failed to the log.
func (l *Login) refuse(reason string, err error) error {
	l.a.log.Warn("login refused", "role", l.client.Role, "remote", l.remote(), "reason", reason)
	return err
}

func (l *Login) remote() string {
	if l.client.Remote == nil {
		return ""
	}
	return l.client.Remote.String()
}

func passwordFailed(role string) error {
	return query.Errorf(query.CodeInvalidPassword, "password authentication failed for user %q", role)
}

// verifierOf returns a role's verifier. Where there is none, or none that holds,
// it makes one up that looks the same each time and that no password fits.
func (a *Authenticator) verifierOf(l *Login) (v *verifier.Verifier, real bool) {
	expired := !l.role.ValidUntil.IsZero() && !a.opts.Now().Before(l.role.ValidUntil)
	if l.exists && !expired && l.role.Verifier != "" {
		if v, err := verifier.Parse(l.role.Verifier); err == nil {
			return v, true
		}
	}
	if l.exists && l.role.Verifier != "" { // the salt must not show that it has expired
		if v, err := verifier.Parse(l.role.Verifier); err == nil {
			return v, false
		}
	}
	mac := hmac.New(sha256.New, a.opts.Secret)
	mac.Write([]byte(l.client.Role))
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // it never fails; see the package
	return &verifier.Verifier{Iterations: verifier.Iterations, Salt: mac.Sum(nil)[:16], StoredKey: key, ServerKey: key}, false
}

// Mechanisms returns the SASL mechanisms to choose from, the best first; none:
// the client is in.
func (l *Login) Mechanisms() []string {
	if l.exchange == nil {
		return nil
	}
	return l.exchange.mechanisms()
}

// Step takes a SASL message, the first with the mechanism that the client has
// chosen, and returns the answer; done means that with it the client is in. It
// waits when logins of the role have failed from there.
func (l *Login) Step(ctx context.Context, mechanism string, message []byte) (reply []byte, done bool, err error) {
	x, o := l.exchange, offenderOf(l.client.Role, addressOf(l.client.Remote))
	if !x.started {
		reply, err := x.first(mechanism, string(message))
		return []byte(reply), false, err
	}
	if err := l.a.throttle.wait(ctx, o); err != nil {
		return nil, false, l.refuse("too many failed logins", err)
	}
	text, err := x.final(string(message))
	if errors.Is(err, errWrongPassword) {
		l.a.throttle.failed(o)
		return nil, false, l.refuse(l.reason(), passwordFailed(l.client.Role))
	}
	if err != nil {
		l.a.throttle.failed(o)
		return nil, false, l.refuse("the exchange failed", err)
	}
	l.a.throttle.succeeded(o)
	return []byte(text), true, l.mayLogIn()
}

// reason says for the log why a password was not right.
func (l *Login) reason() string {
	switch {
	case !l.exists:
		return "no such role"
	case l.role.Verifier == "":
		return "the role has no password"
	case !l.role.ValidUntil.IsZero() && !l.a.opts.Now().Before(l.role.ValidUntil):
		return "the password has expired"
	}
	return "wrong password"
}

// ConnectionLimit returns how many Postgres connections the role may have at
// once; negative: any number.
func (l *Login) ConnectionLimit() int { return l.role.ConnectionLimit }
