// Package auth decides who may come in.
//
// [Rules] say, for where a client comes from and whom it claims to be, how it
// has to prove that: by a password (SCRAM-SHA-256, with channel binding where
// there is TLS), by a client certificate, or not at all. An [Authenticator]
// carries that out, for Postgres clients as an exchange of SASL messages and for
// HTTP requests by Basic authentication. It slows down whoever guesses
// passwords, and tells nobody which roles there are. [Certificates] are the
// server's key and certificate, read again when their files change.
//
// The package keeps no roles: it asks for them. What a role may do once it is in
// is decided where statements are planned.
package auth
