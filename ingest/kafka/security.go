package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// security says how a connection is encrypted and who logs in. It is never
// printed: it holds the password.
type security struct {
	tls       *tls.Config // nil: not encrypted
	mechanism string      // "": no login
	username  string
	password  string
}

const (
	plainMechanism    = "PLAIN"
	scram256Mechanism = "SCRAM-SHA-256"
	scram512Mechanism = "SCRAM-SHA-512"
)

func (o *optionReader) security() security {
	var s security
	protocol := o.choice(optProtocol, "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
	if strings.HasPrefix(protocol, "SASL_") {
		s.mechanism = o.choice(optMechanism, plainMechanism, scram256Mechanism, scram512Mechanism)
		// A password may begin or end with a space.
		s.username, s.password = o.text(optUsername, ""), o.options[optPassword]
		if s.username == "" || s.password == "" {
			o.problem("%s = '%s' needs %s and %s", optProtocol, protocol, optUsername, optPassword)
		}
	} else {
		o.mustBeAbsent(protocol, "SASL_PLAINTEXT or SASL_SSL", optMechanism, optUsername, optPassword)
	}
	if strings.HasSuffix(protocol, "SSL") {
		s.tls = o.tls()
	} else {
		o.mustBeAbsent(protocol, "SSL or SASL_SSL", optCA, optCertificate, optKey, optIdentification)
	}
	return s
}

// mustBeAbsent refuses options that would have no effect: whoever wrote them
// believes that the connection is safer than it is.
func (o *optionReader) mustBeAbsent(protocol, needed string, names ...string) {
	for _, name := range names {
		if o.has(name) {
			o.problem("%s needs %s %s, which is %s", name, optProtocol, needed, protocol)
		}
	}
}

func (o *optionReader) tls() *tls.Config {
	config := o.trust(optCA, optCertificate, optKey)
	switch algorithm, ok := o.options[optIdentification]; {
	case !ok || strings.EqualFold(algorithm, "https"):
	case algorithm == "" || strings.EqualFold(algorithm, "none"):
		verifyChainOnly(config)
	default:
		o.problem("%s must be 'https' or '', not '%s'", optIdentification, algorithm)
	}
	return config
}

// trust reads the files that the named options give: who is trusted, and who we
// are.
func (o *optionReader) trust(caOption, certificateOption, keyOption string) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if path := o.text(caOption, ""); path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			o.problem("%s: %w", caOption, err)
		}
		config.RootCAs = x509.NewCertPool()
		if err == nil && !config.RootCAs.AppendCertsFromPEM(pem) {
			o.problem("%s: %s holds no PEM certificate", caOption, path)
		}
	}
	certificate, key := o.text(certificateOption, ""), o.text(keyOption, "")
	switch {
	case certificate != "" && key != "":
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			o.problem("%s and %s: %w", certificateOption, keyOption, err)
		}
		config.Certificates = []tls.Certificate{pair}
	case certificate != "" || key != "":
		o.problem("%s and %s need each other", certificateOption, keyOption)
	}
	return config
}

// verifyChainOnly accepts a certificate for any host name, as long as an
// authority that we trust has signed it.
func verifyChainOnly(config *tls.Config) {
	roots := config.RootCAs
	config.InsecureSkipVerify = true //nolint:gosec // VerifyConnection checks all but the name
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("the broker sent no certificate")
		}
		intermediates := x509.NewCertPool()
		for _, c := range state.PeerCertificates[1:] {
			intermediates.AddCert(c)
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates})
		return err
	}
}

// clientOptions returns what the client needs to connect.
func (s security) clientOptions() []kgo.Opt {
	var opts []kgo.Opt
	if s.tls != nil {
		opts = append(opts, kgo.DialTLSConfig(s.tls))
	}
	var login sasl.Mechanism
	switch s.mechanism {
	case plainMechanism:
		login = plain.Auth{User: s.username, Pass: s.password}.AsMechanism()
	case scram256Mechanism:
		login = scram.Auth{User: s.username, Pass: s.password}.AsSha256Mechanism()
	case scram512Mechanism:
		login = scram.Auth{User: s.username, Pass: s.password}.AsSha512Mechanism()
	default:
		return opts
	}
	return append(opts, kgo.SASL(login))
}

// String tells how the connection is made, without the password.
func (s security) String() string {
	text := "PLAINTEXT"
	if s.tls != nil {
		text = "SSL"
	}
	if s.mechanism != "" {
		text = fmt.Sprintf("SASL_%s, %s as %s", text, s.mechanism, s.username)
	}
	return text
}
