package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/server/auth"
	"github.com/millstream-db/millstream/server/pgwire"
)

// AccessConfig is who may come in, and how connections are encrypted.
type AccessConfig struct {
	Rules             []string // see auth.ParseRules; none, or off: this machine is trusted, others are refused
	AdminPasswordFile string   // gives the built-in admin its password
	TLS               auth.CertificateFiles
}

func (c *AccessConfig) settings() []setting {
	return []setting{
		{"auth", "rules of who may come in, with commas between, such as scram; off: this machine is trusted, others are refused", listValue{&c.Rules}},
		{"auth_admin_password_file", "file with the password of the role millstream, which may do everything", textValue{&c.AdminPasswordFile}},
		{"tls_cert", "PEM file of the server's certificate; read again when it changes", textValue{&c.TLS.Certificate}},
		{"tls_key", "PEM file of the certificate's key", textValue{&c.TLS.Key}},
		{"tls_client_ca", "PEM file of the authorities that sign clients' certificates", textValue{&c.TLS.ClientCA}},
	}
}

// on reports whether clients have to log in.
func (c *AccessConfig) on() bool {
	return len(c.Rules) > 0 && !slices.Equal(c.Rules, []string{off})
}

func (c *AccessConfig) encrypted() bool { return c.TLS.Certificate != "" }

// rules returns the rules, nil if there are none.
func (c *AccessConfig) rules() (auth.Rules, error) {
	if !c.on() {
		return nil, nil
	}
	return auth.ParseRules(c.Rules)
}

// validate returns everything that is wrong with the settings by themselves.
func (c *AccessConfig) validate() error {
	var errs []error
	if (c.TLS.Certificate == "") != (c.TLS.Key == "") {
		errs = append(errs, errors.New("tls_cert, tls_key: one is of no use without the other"))
	}
	if c.TLS.ClientCA != "" && !c.encrypted() {
		errs = append(errs, errors.New("tls_client_ca: clients can show certificates over TLS only, so tls_cert and tls_key are needed"))
	}
	rules, err := c.rules()
	if err != nil {
		errs = append(errs, fmt.Errorf("auth: %w", err))
	}
	for _, r := range rules {
		switch {
		case r.TLS && !c.encrypted():
			errs = append(errs, fmt.Errorf("auth: the rule %q needs tls_cert and tls_key", r))
		case r.Method == auth.Cert && c.TLS.ClientCA == "":
			errs = append(errs, fmt.Errorf("auth: the rule %q needs tls_client_ca", r))
		}
	}
	if c.AdminPasswordFile != "" && !c.on() {
		errs = append(errs, errors.New("auth_admin_password_file: nobody has to log in while auth is off"))
	}
	return errors.Join(errs...)
}

// opens says why an address that other machines reach must not be listened on.
func (c *AccessConfig) opens(name, addr string) error {
	rules, err := c.rules()
	switch trusted, trusts := rules.TrustsOthers(); {
	case err != nil: // which validate tells
		return nil
	case rules == nil:
		return fmt.Errorf("%s: %s can be reached from other machines, and nobody has to log in: "+
			"use 127.0.0.1, or set auth, or say insecure if you mean it", name, addr)
	case trusts:
		return fmt.Errorf("%s: %s can be reached from other machines, and the rule %q lets them in without proof: "+
			"limit it to loopback, or say insecure if you mean it", name, addr, trusted)
	case name == "http" && rules.Uses(auth.SCRAM) && !c.encrypted():
		return fmt.Errorf("http: %s can be reached from other machines, and passwords would come in the clear: "+
			"set tls_cert and tls_key, or http to off", addr)
	}
	return nil
}

// anyHost reports whether HTTP requests may carry any Host: where each of them
// proves who sends it, a page of another site has nothing to gain by a name that
// leads here.
func (c *Config) anyHost() bool {
	rules, err := c.Access.rules()
	return c.Insecure || err == nil && rules != nil && !rules.Uses(auth.Trust)
}

// doors is how clients come in, made from the configuration.
type doors struct {
	authenticator *auth.Authenticator // nil: nobody has to log in
	certificates  *auth.Certificates  // nil: no TLS
}

func openDoors(ctx context.Context, c *AccessConfig, db *query.DB, log *slog.Logger) (d doors, err error) {
	if c.encrypted() {
		if d.certificates, err = auth.LoadCertificates(c.TLS, log); err != nil {
			return d, err
		}
	}
	rules, err := c.rules()
	if err != nil || rules == nil {
		return d, err
	}
	if c.AdminPasswordFile != "" {
		if err := setAdminPassword(ctx, c.AdminPasswordFile, db); err != nil {
			return d, err
		}
	}
	secret, err := db.LoginSecret(ctx)
	if err != nil {
		return d, err
	}
	if l, _ := db.Login(query.BuiltInAdmin); l.Verifier == "" && rules.Uses(auth.SCRAM) {
		log.Warn("the role millstream has no password: auth_admin_password_file gives it one", "component", "auth")
	}
	d.authenticator = auth.New(auth.Options{Rules: rules, Roles: db, Secret: secret, Logger: log})
	return d, nil
}

func setAdminPassword(ctx context.Context, file string, db *query.DB) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("auth_admin_password_file: %w", err)
	}
	password := strings.TrimRight(string(text), "\r\n")
	if password == "" {
		return fmt.Errorf("auth_admin_password_file: %s is empty", file)
	}
	return db.SetAdminPassword(ctx, password)
}

// pgDoor is the doors for Postgres clients.
type pgDoor struct{ *auth.Authenticator }

// Begin passes the client on.
func (d pgDoor) Begin(ctx context.Context, c pgwire.Client) (pgwire.Login, error) {
	l, err := d.Authenticator.Begin(ctx, auth.Client{Role: c.User, Remote: c.Remote, TLS: c.TLS, Certificate: c.Certificate})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// everybody lets everybody in.
type everybody struct{}

// Begin asks nothing.
func (everybody) Begin(context.Context, pgwire.Client) (pgwire.Login, error) { return everybody{}, nil }

// Mechanisms returns none.
func (everybody) Mechanisms() []string { return nil }

// Step is not called, as nothing is asked.
func (everybody) Step(context.Context, string, []byte) ([]byte, bool, error) { return nil, true, nil }

// ConnectionLimit returns that there is none.
func (everybody) ConnectionLimit() int { return -1 }
