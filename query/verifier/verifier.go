// Package verifier makes and reads what is kept of a password: not the password,
// but what a server needs to see, by SCRAM-SHA-256 (RFC 5802, RFC 7677), that a
// client knows it.
package verifier

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"
)

// Iterations is how often the password is hashed, as in PostgreSQL.
const Iterations = 4096

// maxIterations bounds what a verifier that comes as text may ask of the server,
// which hashes passwords itself for HTTP, and of clients: about half a second.
const maxIterations = 1 << 20

const (
	method    = "SCRAM-SHA-256"
	saltBytes = 16
)

// Verifier is what is kept of a password.
type Verifier struct {
	Iterations int
	Salt       []byte
	StoredKey  []byte // 32 bytes
	ServerKey  []byte // 32 bytes
}

// errNone never shows the text, which may be a password.
var errNone = errors.New("the text is no SCRAM-SHA-256 verifier")

// New makes a verifier of a password with a salt of its own.
func New(password string) (*Verifier, error) {
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return nil, fmt.Errorf("make a salt: %w", err)
	}
	return Derive(password, salt, Iterations)
}

// Derive makes the verifier of a password with a given salt. A password that
// SASLprep does not take is used as its bytes stand, as PostgreSQL does.
func Derive(password string, salt []byte, iterations int) (*Verifier, error) {
	client, err := scram.SHA256.NewClient("", password, "")
	if err != nil {
		if client, err = scram.SHA256.NewClientUnprepped("", password, ""); err != nil {
			return nil, errors.New("derive the keys of a password")
		}
	}
	c, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(salt), Iters: iterations})
	if err != nil {
		return nil, errors.New("derive the keys of a password")
	}
	return &Verifier{Iterations: iterations, Salt: salt, StoredKey: c.StoredKey, ServerKey: c.ServerKey}, nil
}

// Parse reads PostgreSQL's text form:
// SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>.
func Parse(text string) (*Verifier, error) {
	rest, ok := strings.CutPrefix(text, method+"$")
	factors, keys, ok2 := strings.Cut(rest, "$")
	iterations, salt, ok3 := strings.Cut(factors, ":")
	stored, server, ok4 := strings.Cut(keys, ":")
	if !ok || !ok2 || !ok3 || !ok4 {
		return nil, errNone
	}
	v := &Verifier{}
	var errs [4]error
	v.Iterations, errs[0] = strconv.Atoi(iterations)
	v.Salt, errs[1] = base64.StdEncoding.DecodeString(salt)
	v.StoredKey, errs[2] = base64.StdEncoding.DecodeString(stored)
	v.ServerKey, errs[3] = base64.StdEncoding.DecodeString(server)
	if errors.Join(errs[:]...) != nil || v.Iterations < 1 || v.Iterations > maxIterations ||
		len(v.Salt) == 0 || len(v.StoredKey) != sha256.Size || len(v.ServerKey) != sha256.Size {
		return nil, errNone
	}
	return v, nil
}

// String returns PostgreSQL's text form, which is a secret.
func (v *Verifier) String() string {
	text := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("%s$%d:%s$%s:%s", method, v.Iterations, text(v.Salt), text(v.StoredKey), text(v.ServerKey))
}

// Matches reports whether the password is the verifier's, in a time that does
// not tell how much of it is right.
func (v *Verifier) Matches(password string) bool {
	other, err := Derive(password, v.Salt, v.Iterations)
	return err == nil && hmac.Equal(other.StoredKey, v.StoredKey)
}
