package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/query/verifier"
)

// fakeRoles is roles by name.
type fakeRoles map[string]query.Login

func (r fakeRoles) Login(name string) (query.Login, bool) {
	l, ok := r[name]
	return l, ok
}

func login(t testing.TB, password string) query.Login {
	t.Helper()
	v, err := verifier.New(password)
	if err != nil {
		t.Fatal(err)
	}
	return query.Login{Verifier: v.String(), Allowed: true, ConnectionLimit: -1}
}

func rules(t testing.TB, lines ...string) Rules {
	t.Helper()
	r, err := ParseRules(lines)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantCode(t *testing.T, err error, code, part string) {
	t.Helper()
	if err == nil || query.AsError(err).Code != code || !strings.Contains(err.Error(), part) {
		t.Errorf("got error %v, want %s with %q", err, code, part)
	}
}

var here = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1000}

// TestExchangeIsRFC7677 plays the exchange that the RFC prints.
func TestExchangeIsRFC7677(t *testing.T) {
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.Derive("pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	x := newExchange(v, true, Client{})
	x.nonce = func() string { return "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0" }
	reply, err := x.first(mechanism, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
	if want := "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"; err != nil || reply != want {
		t.Fatalf("got %q, %v, want %q", reply, err, want)
	}
	reply, err = x.final("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
	if want := "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="; err != nil || reply != want {
		t.Errorf("got %q, %v, want %q", reply, err, want)
	}
}

// attempt logs in as libpq does and returns the salt that was shown.
func attempt(a *Authenticator, c Client, password, chosen string, binding scram.ChannelBinding, edit func(string) string) (salt string, err error) {
	l, err := a.Begin(context.Background(), c)
	if err != nil || l.Mechanisms() == nil {
		return "", err
	}
	client, err := scram.SHA256.NewClient("", password, "")
	if err != nil {
		return "", err
	}
	conversation := client.NewConversation()
	if binding.IsSupported() {
		conversation = client.NewConversationWithChannelBinding(binding)
	}
	message, err := conversation.Step("")
	for done := false; err == nil && !done; {
		if edit != nil {
			message = edit(message)
		}
		var reply []byte
		if reply, done, err = l.Step(context.Background(), chosen, []byte(message)); err != nil {
			return salt, err
		}
		if fields := strings.Split(string(reply), ","); len(fields) == 3 {
			salt = fields[1] + fields[2]
		}
		message, err = conversation.Step(string(reply))
	}
	return salt, err
}

func TestPasswords(t *testing.T) {
	expired := login(t, "secret")
	expired.ValidUntil = time.Now().Add(-time.Second)
	later := login(t, "secret")
	later.ValidUntil = time.Now().Add(time.Hour)
	forbidden := login(t, "secret")
	forbidden.Allowed = false
	a := New(Options{Rules: rules(t, "scram"), Secret: []byte("x"), Roles: fakeRoles{
		"ann": login(t, "secret"), "expired": expired, "later": later, "forbidden": forbidden, "none": {Allowed: true},
	}})
	for _, c := range []struct{ role, password, code, part string }{
		{"ann", "secret", "", ""},
		{"later", "secret", "", ""},
		{"ann", "Secret", "28P01", `password authentication failed for user "ann"`},
		{"nobody", "secret", "28P01", `password authentication failed for user "nobody"`},
		{"expired", "secret", "28P01", "password authentication failed"},
		{"none", "", "28P01", "password authentication failed"},
		{"forbidden", "secret", "28000", `role "forbidden" is not permitted to log in`},
		{"forbidden", "wrong", "28P01", "password authentication failed"},
	} {
		_, err := attempt(a, Client{Role: c.role, Remote: here}, c.password, mechanism, scram.ChannelBinding{}, nil)
		if c.code == "" {
			if err != nil {
				t.Errorf("%s: %v", c.role, err)
			}
			continue
		}
		wantCode(t, err, c.code, c.part)
	}
}

// TestNobodyLearnsWhichRolesExist: what is shown of a role before it has proven
// itself is the same each time, whether it exists or not.
func TestNobodyLearnsWhichRolesExist(t *testing.T) {
	expired := login(t, "secret")
	expired.ValidUntil = time.Now().Add(-time.Second)
	salts := func(secret string) map[string]string {
		out := make(map[string]string)
		a := New(Options{Rules: rules(t, "scram"), Secret: []byte(secret), Roles: fakeRoles{"ann": login(t, "secret"), "expired": expired}})
		for _, role := range []string{"ann", "nobody", "no-one", "expired"} {
			for range 2 {
				salt, _ := attempt(a, Client{Role: role, Remote: here}, "wrong", mechanism, scram.ChannelBinding{}, nil)
				if out[role] == "" {
					out[role] = salt
				}
				if salt != out[role] || len(salt) != len(out["ann"]) || !strings.HasSuffix(salt, "i=4096") {
					t.Errorf("%s was shown %s, then %s", role, out[role], salt)
				}
			}
		}
		return out
	}
	first, again, other := salts("a"), salts("a"), salts("b")
	if first["nobody"] != again["nobody"] || first["nobody"] == other["nobody"] || first["nobody"] == first["no-one"] {
		t.Errorf("made-up salts %s %s %s %s", first["nobody"], again["nobody"], other["nobody"], first["no-one"])
	}
}

func TestChannelBinding(t *testing.T) {
	own := testCA(t).issue(t, "localhost")
	other := testCA(t).issue(t, "localhost")
	state := &tls.ConnectionState{}
	a := New(Options{Rules: rules(t, "scram"), Roles: fakeRoles{"ann": login(t, "secret")}})
	bind := func(c *x509.Certificate) scram.ChannelBinding {
		b, err := scram.NewTLSServerEndpointBinding(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	none := scram.ChannelBinding{}
	replace := func(from, to string) func(string) string {
		return func(s string) string { return strings.Replace(s, from, to, 1) }
	}
	for name, c := range map[string]struct {
		encrypted  bool
		chosen     string
		binding    scram.ChannelBinding
		edit       func(string) string
		code, part string
	}{
		"bound":                          {true, mechanismPlus, bind(own.Leaf), nil, "", ""},
		"not bound over TLS":             {true, mechanism, none, nil, "", ""},
		"in the clear":                   {false, mechanism, none, nil, "", ""},
		"bound to another certificate":   {true, mechanismPlus, bind(other.Leaf), nil, "28000", "channel binding check failed"},
		"a downgrade":                    {true, mechanism, none, replace("n,,", "y,,"), "28000", "channel binding negotiation error"},
		"PLUS in the clear":              {false, mechanismPlus, bind(own.Leaf), nil, "08P01", "invalid SASL authentication mechanism"},
		"PLUS without binding":           {true, mechanismPlus, none, nil, "08P01", "does not include channel binding data"},
		"PLUS with y":                    {true, mechanismPlus, none, replace("n,,", "y,,"), "08P01", "does not include channel binding data"},
		"binding without PLUS":           {true, mechanism, bind(own.Leaf), nil, "08P01", "includes channel binding data"},
		"another kind of binding":        {true, mechanismPlus, bind(own.Leaf), replace("tls-server-end-point", "tls-unique"), "08P01", "unsupported SCRAM channel-binding type"},
		"no flag":                        {false, mechanism, none, replace("n,,", "x,,"), "08P01", "unexpected channel-binding flag"},
		"another mechanism":              {false, "PLAIN", none, nil, "08P01", "invalid SASL authentication mechanism"},
		"an authorization identity":      {false, mechanism, none, replace("n,,", "n,a=bob,"), "0A000", "authorization identity"},
		"an extension":                   {false, mechanism, none, replace("n,,", "n,,m=1,"), "08P01", "malformed SCRAM message"},
		"another nonce":                  {false, mechanism, none, replace("c=biws,r=", "c=biws,r=A"), "08P01", "malformed SCRAM message"},
		"a header that is not the first": {false, mechanism, none, replace("c=biws", "c=eSws"), "28000", "channel binding check failed"},
	} {
		t.Run(name, func(t *testing.T) {
			client := Client{Role: "ann", Remote: &net.TCPAddr{IP: net.ParseIP("127.0.0.1")}}
			if c.encrypted {
				client.TLS, client.Certificate = state, own.Leaf
			}
			a.throttle = newThrottle(time.Now)
			_, err := attempt(a, client, "secret", c.chosen, c.binding, c.edit)
			if c.code != "" {
				wantCode(t, err, c.code, c.part)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRules(t *testing.T) {
	r := rules(t, "any admin loopback trust", "tls ann 192.0.2.0/24 cert", "any bob 2001:db8::1 reject", "any bob 2001:db8::/32 scram", "tls all all scram")
	for _, c := range []struct {
		role, from string
		encrypted  bool
		want       Method
	}{
		{"admin", "127.0.0.1", false, Trust}, {"admin", "127.8.0.1", false, Trust}, {"admin", "::1", true, Trust},
		{"admin", "10.0.0.1", false, Reject}, {"admin", "10.0.0.1", true, SCRAM},
		{"ann", "192.0.2.9", true, Cert}, {"ann", "192.0.2.9", false, Reject}, {"ann", "192.0.3.9", true, SCRAM}, {"ann", "127.0.0.1", false, Reject},
		{"bob", "2001:db8::1", true, Reject}, {"bob", "2001:db8::2", false, SCRAM}, {"", "", true, SCRAM}, {"", "", false, Reject},
	} {
		from, _ := netip.ParseAddr(c.from)
		if got := r.find(c.role, from, c.encrypted); got != c.want {
			t.Errorf("%s from %s, TLS %t: %s, want %s", c.role, c.from, c.encrypted, got, c.want)
		}
	}
	for line, part := range map[string]string{
		"": "four words", "any all all": "four words", "ssl all all scram": "any or tls", "any all localhost scram": "third word",
		"any all 10.0.0.0/33 scram": "third word", "any all all md5": "the method is", "md5": "the method is",
	} {
		if _, err := ParseRules([]string{line}); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestTrustsOthers(t *testing.T) {
	for line, want := range map[string]bool{
		"scram": false, "cert": false, "reject": false, "trust": true, "any all all trust": true, "tls ann all trust": true,
		"any all loopback trust": false, "any all 127.0.0.1 trust": false, "any all ::1/128 trust": false, "any all 127.0.0.0/8 trust": false,
		"any all 127.0.0.0/7 trust": true, "any all 0.0.0.0/0 trust": true, "any all 10.1.2.3 trust": true, "any all ::/0 trust": true,
	} {
		if _, got := rules(t, "any x 10.0.0.1 scram", line).TrustsOthers(); got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}

func TestThrottle(t *testing.T) {
	now := time.Unix(0, 0)
	th := newThrottle(func() time.Time { return now })
	ann := offenderOf("ann", netip.MustParseAddr("192.0.2.1"))
	expect := func(o offender, want time.Duration, ok bool) {
		t.Helper()
		if got, gotOK := th.reserve(o); got != want || gotOK != ok {
			t.Errorf("waits %s, %t, want %s, %t", got, gotOK, want, ok)
		}
	}
	expect(ann, 0, true)
	th.failed(ann)
	expect(ann, firstDelay, true)
	now = now.Add(firstDelay)
	th.failed(ann)
	expect(ann, 2*firstDelay, true)
	expect(ann, 4*firstDelay, true) // the next one comes after that one
	expect(offenderOf("ann", netip.MustParseAddr("192.0.2.2")), 0, true)
	expect(offenderOf("bob", netip.MustParseAddr("192.0.2.1")), 0, true)
	for range 20 {
		th.failed(ann)
	}
	now = now.Add(time.Minute)
	expect(ann, 0, true)
	expect(ann, mostDelay, true)
	expect(ann, 2*mostDelay, true)
	expect(ann, 0, false)
	th.succeeded(ann)
	expect(ann, 0, true)
	th.failed(ann)
	now = now.Add(forgetAfter + time.Second)
	expect(ann, 0, true)
	// One host's IPv6 addresses are one offender.
	th.failed(offenderOf("ann", netip.MustParseAddr("2001:db8::1")))
	expect(offenderOf("ann", netip.MustParseAddr("2001:db8::ffff:2")), firstDelay, true)
	expect(offenderOf("ann", netip.MustParseAddr("2001:db8:0:1::1")), 0, true)
}

func TestThrottleIsBounded(t *testing.T) {
	th := newThrottle(time.Now)
	address := netip.MustParseAddr("10.0.0.0")
	for range maxOffenders + 100 {
		th.failed(offenderOf(strings.Repeat("long", 100), address))
		address = address.Next()
	}
	if len(th.offenders) != maxOffenders || th.order.Len() != maxOffenders {
		t.Errorf("%d offenders, %d in order", len(th.offenders), th.order.Len())
	}
	if wait, _ := th.reserve(offenderOf(strings.Repeat("long", 100), address.Prev())); wait == 0 {
		t.Error("the latest offender was forgotten")
	}
}
