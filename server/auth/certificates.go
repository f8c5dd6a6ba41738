package auth

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// CertificateFiles names PEM files.
type CertificateFiles struct {
	Certificate string // the server's, with the intermediate ones behind it
	Key         string // of the certificate
	ClientCA    string // who signs clients' certificates; "": they are not asked for
}

// retryAfter is how long files that could not be used are left alone while
// nothing shows that they have changed.
const retryAfter = time.Second

// Certificates is the server's side of TLS. Its methods are safe for concurrent
// use.
type Certificates struct {
	files CertificateFiles
	log   *slog.Logger

	mu       sync.Mutex
	config   *tls.Config
	seen     []os.FileInfo // of the files when they were last read
	failed   string        // why they could not be used then, "": they are in use
	failedAt time.Time
}

// LoadCertificates reads the files, which must be good the first time.
func LoadCertificates(files CertificateFiles, log *slog.Logger) (*Certificates, error) {
	c := &Certificates{files: files, log: log}
	var err error
	if c.seen, err = c.stat(); err != nil {
		return nil, err
	}
	c.config, err = c.load()
	return c, err
}

func (c *Certificates) names() []string {
	names := []string{c.files.Certificate, c.files.Key}
	if c.files.ClientCA != "" {
		names = append(names, c.files.ClientCA)
	}
	return names
}

func (c *Certificates) stat() ([]os.FileInfo, error) {
	var list []os.FileInfo
	for _, name := range c.names() {
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("TLS: %w", err)
		}
		list = append(list, info)
	}
	return list, nil
}

func (c *Certificates) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.files.Certificate, c.files.Key)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate %s with key %s: %w", c.files.Certificate, c.files.Key, err)
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{pair},
		// A resumed session would outlive the certificates it was made with.
		SessionTicketsDisabled: true,
	}
	if c.files.ClientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(c.files.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("TLS: certificates of clients: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("TLS: certificates of clients: " + c.files.ClientCA + " holds no certificate")
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	return config, nil
}

// Config returns what the next handshake is to use, which the caller may clone
// and must not change. It looks whether the files have changed. New ones that
// are no good are reported to the log, and the old ones stay in use.
func (c *Certificates) Config() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := c.stat()
	if err == nil && same(now, c.seen) && (c.failed == "" || time.Since(c.failedAt) < retryAfter) {
		return c.config
	}
	var config *tls.Config
	if err == nil {
		c.seen = now
		config, err = c.load()
	}
	if err != nil {
		if c.failed != err.Error() {
			c.log.Error("the new TLS certificate is not used, the old one stays", "err", err)
		}
		c.failed, c.failedAt = err.Error(), time.Now()
		return c.config
	}
	c.config, c.failed = config, ""
	c.log.Info("TLS certificate read again", "subject", config.Certificates[0].Leaf.Subject.String(), "until", config.Certificates[0].Leaf.NotAfter)
	return c.config
}

// ForClient is Config for tls.Config.GetConfigForClient.
func (c *Certificates) ForClient(*tls.ClientHelloInfo) (*tls.Config, error) { return c.Config(), nil }

func same(a, b []os.FileInfo) bool {
	for i := range a {
		if !os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime()) {
			return false
		}
	}
	return true
}
