package kafka

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/broker"
)

// certify makes a certificate for a host that signs itself, and a file of it.
func certify(t *testing.T, host string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

func TestTLS(t *testing.T) {
	certificate, ca := certify(t, "localhost")
	_, otherCA := certify(t, "localhost")
	b := startBroker(t, 1, broker.Options{Addr: "localhost:0", TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}})
	c := startBroker(t, 1, broker.Options{TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}})
	ssl := func(ca string) map[string]string {
		return map[string]string{"properties.security.protocol": "SSL", "properties.ssl.ca.location": ca}
	}
	r := open(t, b.Addr(), ssl(ca))
	r.state(t, source.Running)
	r.Close()
	for name, tt := range map[string]struct {
		addr    string
		options map[string]string
		want    string
	}{
		"not encrypted":            {b.Addr(), nil, "TLS"},
		"unknown authority":        {b.Addr(), ssl(otherCA), "certificate"},
		"other host":               {c.Addr(), ssl(ca), "127.0.0.1"},
		"other host and authority": {c.Addr(), merged(ssl(otherCA), "properties.ssl.endpoint.identification.algorithm", ""), "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, tt.addr, tt.options)
			r.state(t, source.Retrying, tt.want, tt.addr)
		})
	}
	r = open(t, c.Addr(), merged(ssl(ca), "properties.ssl.endpoint.identification.algorithm", ""))
	r.state(t, source.Running)
}
