package pgwire

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Options configures a Server. The zero value serves clients on the same
// machine with the defaults below.
type Options struct {
	// Addr is where ListenAndServe listens. Default 127.0.0.1:5488.
	Addr string

	// MaxConnections bounds the sessions. Default 200. Connections that have
	// not started a session yet, such as cancel requests, are bounded apart.
	MaxConnections int

	// StartupTimeout is how long a client may take from connecting to its
	// session. Default 10 s.
	StartupTimeout time.Duration

	// WriteTimeout is how long a client may leave the server waiting to write
	// without reading anything. Default 1 min.
	WriteTimeout time.Duration

	// MaxStatements and MaxPortals bound what one session may keep prepared
	// and bound. Defaults 10,000 and 1,000.
	MaxStatements int
	MaxPortals    int

	// PortalBufferBytes bounds the rows kept for suspended portals when their
	// session runs another statement. Default 64 MiB per session.
	PortalBufferBytes int

	// TLSConfig returns what a TLS handshake is to use; it is asked at each, so
	// that certificates can change. The first certificate is what logins are
	// bound to. Nil refuses TLS.
	TLSConfig func() *tls.Config

	// Authenticator decides who may have a session. Nil trusts clients on the
	// same machine and refuses others.
	Authenticator Authenticator

	// Observe is called after every statement with its command tag, or INVALID
	// when it could not be planned, the time it took, the rows it sent and its
	// error. It must be safe for concurrent use. Nil: nobody watches.
	Observe func(kind string, d time.Duration, rows int64, err error)

	// Logger takes the server's log. Nil discards it.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:5488"
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 200
	}
	if o.StartupTimeout == 0 {
		o.StartupTimeout = 10 * time.Second
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = time.Minute
	}
	if o.MaxStatements == 0 {
		o.MaxStatements = 10_000
	}
	if o.MaxPortals == 0 {
		o.MaxPortals = 1_000
	}
	if o.PortalBufferBytes == 0 {
		o.PortalBufferBytes = 64 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Logger = o.Logger.With("component", "pgwire")
	return o
}

// Validate returns everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	for _, limit := range []struct {
		name  string
		value int64
	}{
		{"MaxConnections", int64(o.MaxConnections)},
		{"StartupTimeout", int64(o.StartupTimeout)},
		{"WriteTimeout", int64(o.WriteTimeout)},
		{"MaxStatements", int64(o.MaxStatements)},
		{"MaxPortals", int64(o.MaxPortals)},
		{"PortalBufferBytes", int64(o.PortalBufferBytes)},
	} {
		if limit.value < 0 {
			errs = append(errs, fmt.Errorf("%s must not be negative", limit.name))
		}
	}
	return errors.Join(errs...)
}
