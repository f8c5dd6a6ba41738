package auth

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"strings"

	"github.com/xdg-go/scram"

	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/query/verifier"
)

// The SASL mechanisms.
const (
	mechanism     = "SCRAM-SHA-256"
	mechanismPlus = "SCRAM-SHA-256-PLUS" // bound to the TLS connection
)

// errWrongPassword is returned for a proof that is not the password's.
var errWrongPassword = errors.New("wrong password")

// exchange is the server's half of a SCRAM exchange.
type exchange struct {
	verifier *verifier.Verifier
	real     bool // it is a role's, rather than made up
	client   Client
	binding  scram.ChannelBinding // to TLS; none: it is not offered
	nonce    func() string        // nil: random; for tests

	started      bool
	conversation *scram.ServerConversation
}

func newExchange(v *verifier.Verifier, real bool, c Client) *exchange {
	x := &exchange{verifier: v, real: real, client: c}
	if c.TLS != nil && c.Certificate != nil {
		// A certificate whose signature has no hash of its own (Ed25519) can't be
		// bound to: then it is not offered, as in PostgreSQL.
		if b, err := scram.NewTLSServerEndpointBinding(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{c.Certificate}}); err == nil {
			x.binding = b
		}
	}
	return x
}

func (x *exchange) mechanisms() []string {
	if x.binding.IsSupported() {
		return []string{mechanismPlus, mechanism}
	}
	return []string{mechanism}
}

func malformed(format string, args ...any) error {
	return query.Errorf(query.CodeProtocolViolation, "malformed SCRAM message: "+format, args...)
}

// first takes the client's first message and returns the server's.
func (x *exchange) first(chosen, message string) (string, error) {
	x.started = true
	if !slices.Contains(x.mechanisms(), chosen) {
		return "", query.Errorf(query.CodeProtocolViolation, "client selected an invalid SASL authentication mechanism")
	}
	if err := x.checkHeader(chosen, message); err != nil {
		return "", err
	}
	server, err := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) {
		v := x.verifier
		return scram.StoredCredentials{
			KeyFactors: scram.KeyFactors{Salt: string(v.Salt), Iters: v.Iterations}, StoredKey: v.StoredKey, ServerKey: v.ServerKey,
		}, nil
	})
	if err != nil {
		return "", query.Errorf(query.CodeInternal, "SCRAM: %v", err)
	}
	if x.nonce != nil {
		server.WithNonceGenerator(x.nonce)
	}
	x.conversation = server.NewConversationWithChannelBinding(x.binding)
	reply, err := x.conversation.Step(message)
	if err != nil {
		return "", malformed("%v", err)
	}
	return reply, nil
}

// checkHeader compares what the message says about channel binding with the
// mechanism and with what was offered.
func (x *exchange) checkHeader(chosen, message string) error {
	flag, rest, _ := strings.Cut(message, ",")
	authzid, _, _ := strings.Cut(rest, ",")
	switch {
	case flag == "n" && chosen == mechanismPlus:
		return malformed("the client selected %s, but the message does not include channel binding data", mechanismPlus)
	case flag == "y" && chosen == mechanismPlus:
		return malformed("the client selected %s, but the message does not include channel binding data", mechanismPlus)
	case flag == "y" && x.binding.IsSupported():
		// It can bind and thinks that the server can't: somebody between them has
		// taken the better mechanism off the list.
		return query.Errorf(query.CodeInvalidAuthorization, "SCRAM channel binding negotiation error").
			WithHint("The client supports SCRAM channel binding but thinks the server does not. However, this server does support channel binding.")
	case flag == "n", flag == "y":
	case strings.HasPrefix(flag, "p=") && chosen != mechanismPlus:
		return malformed("the client selected %s without channel binding, but the message includes channel binding data", mechanism)
	case strings.HasPrefix(flag, "p="):
		if kind := flag[2:]; kind != string(scram.ChannelBindingTLSServerEndpoint) {
			return query.Errorf(query.CodeProtocolViolation, "unsupported SCRAM channel-binding type %q", kind)
		}
	default:
		return malformed("unexpected channel-binding flag")
	}
	if authzid != "" {
		return query.Errorf(query.CodeFeatureNotSupported, "client uses authorization identity, but it is not supported")
	}
	return nil
}

// final takes the client's proof and returns the server's. The error is
// errWrongPassword when the client has not proven to know the password.
func (x *exchange) final(message string) (string, error) {
	reply, err := x.conversation.Step(message)
	switch {
	case err == nil && x.real && x.conversation.Valid():
		return reply, nil
	case err == nil, reply == scram.ErrInvalidProof:
		return "", errWrongPassword
	case reply == scram.ErrChannelBindingsDontMatch:
		return "", query.Errorf(query.CodeInvalidAuthorization, "SCRAM channel binding check failed")
	}
	return "", malformed("the client's proof can't be read")
}
