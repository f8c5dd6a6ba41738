package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

var serial atomic.Int64

func testCA(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial.Add(1)), Subject: pkix.Name{CommonName: "test authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

// issue returns a certificate for a server of that name, or a client.
func (a *authority) issue(t testing.TB, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial.Add(1)), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// write writes a certificate and its key as PEM files and returns their names.
func write(t testing.TB, dir, name string, c tls.Certificate) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	writePEM(t, cert, "CERTIFICATE", c.Certificate[0])
	writePEM(t, key, "PRIVATE KEY", der)
	return cert, key
}

func writePEM(t testing.TB, name, kind string, der []byte) {
	t.Helper()
	// A new file in the old one's place, as tools that renew certificates do.
	next := name + ".new"
	if err := os.WriteFile(next, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, name); err != nil {
		t.Fatal(err)
	}
}

func TestCertificatesAreReadAgain(t *testing.T) {
	dir, ca := t.TempDir(), testCA(t)
	first, second := ca.issue(t, "first"), ca.issue(t, "second")
	cert, key := write(t, dir, "server", first)
	var log strings.Builder
	c, err := LoadCertificates(CertificateFiles{Certificate: cert, Key: key}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	expect := func(name string) {
		t.Helper()
		if got := c.Config().Certificates[0].Leaf.Subject.CommonName; got != name {
			t.Errorf("the certificate is %s, want %s", got, name)
		}
	}
	expect("first")
	if log.Len() > 0 {
		t.Errorf("nothing has changed: %s", log.String())
	}
	writePEM(t, cert, "CERTIFICATE", second.Certificate[0]) // the key is not there yet
	for range 3 {
		expect("first")
	}
	if n := strings.Count(log.String(), "the old one stays"); n != 1 {
		t.Errorf("reported %d times: %s", n, log.String())
	}
	write(t, dir, "server", second)
	expect("second")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	expect("second")
	write(t, dir, "server", first)
	expect("first")
}

func TestLoadCertificatesRefusesBadFiles(t *testing.T) {
	dir, ca := t.TempDir(), testCA(t)
	cert, key := write(t, dir, "server", ca.issue(t, "localhost"))
	other, _ := write(t, dir, "other", ca.issue(t, "localhost"))
	for _, files := range []CertificateFiles{
		{Certificate: cert, Key: key + "x"}, {Certificate: other, Key: key}, {Certificate: key, Key: key},
		{Certificate: cert, Key: key, ClientCA: dir + "/none"}, {Certificate: cert, Key: key, ClientCA: key},
	} {
		if _, err := LoadCertificates(files, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%v was taken", files)
		}
	}
}
