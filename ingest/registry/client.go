package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/twmb/franz-go/pkg/sr"
)

var (
	// ErrUnknownID is returned when the registry answers that it has no schema of
	// the id.
	ErrUnknownID = errors.New("the registry does not know this id")
	// ErrUnknownSubject is returned when the registry answers that it has no such
	// subject.
	ErrUnknownSubject = errors.New("the registry does not know this subject")
	// ErrOtherFormat is returned when the schema of the id is of another Format.
	ErrOtherFormat = errors.New("another format")
)

// Options say where a registry is and who asks.
type Options struct {
	URLs     []string // tried in order, http or https
	Username string   // with Password: basic authentication
	Password string
	Token    string      // bearer authentication
	TLS      *tls.Config // nil: what the system trusts
}

// Client asks a registry. It is safe for concurrent use.
type Client struct {
	urls      string
	client    *sr.Client
	transport *http.Transport
}

const (
	// requestTimeout bounds one request, so that a registry that is slow counts
	// as one that is down.
	requestTimeout = 10 * time.Second
	// answerBytesMax is the longest answer that is read.
	answerBytesMax = 8 << 20
	// referencesMax is how many schemas another one may refer to, in all.
	referencesMax = 200
)

// New returns a client, which must be closed. It does not touch the network.
func New(o Options) (*Client, error) {
	c := &Client{urls: strings.Join(o.URLs, ", "), transport: &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		DialContext:     (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSClientConfig: o.TLS, TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConns: 2, IdleConnTimeout: 30 * time.Second,
	}}
	opts := []sr.ClientOpt{
		sr.URLs(append([]string(nil), o.URLs...)...), sr.UserAgent("millstream"),
		sr.HTTPClient(&http.Client{Transport: shortAnswers{c.transport}, Timeout: requestTimeout}),
	}
	switch {
	case o.Token != "":
		opts = append(opts, sr.BearerToken(o.Token))
	case o.Username != "":
		opts = append(opts, sr.BasicAuth(o.Username, o.Password))
	}
	var err error
	if c.client, err = sr.NewClient(opts...); err != nil {
		return nil, fmt.Errorf("schema registry: %w", err)
	}
	return c, nil
}

// Close ends the connections that are kept.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// schema fetches the schema of an id and those that it refers to. The error names
// the registry and the id; it is an ErrUnknownID, an ErrOtherFormat, or may be gone
// when asked again.
func (c *Client) schema(ctx context.Context, id schemaID, format Format) (schema, error) {
	fail := func(err error) (schema, error) {
		return nil, fmt.Errorf("schema registry %s: schema %s: %w", c.urls, id, err)
	}
	var s sr.Schema
	var err error
	if id.isGUID {
		var found sr.SubjectSchema
		found, err = c.client.SchemaByGUID(ctx, id.String())
		s = found.Schema
	} else {
		s, err = c.client.SchemaByID(ctx, int(id.number))
	}
	if err != nil {
		return fail(answered(err))
	}
	parsed, err := c.parse(ctx, s, format)
	if err != nil {
		return fail(err)
	}
	return parsed, nil
}

// parse reads a schema of the registry, and fetches those that it refers to.
func (c *Client) parse(ctx context.Context, s sr.Schema, format Format) (schema, error) {
	if err := usable(s, format); err != nil {
		return nil, err
	}
	r := references{client: c.client, format: format, seen: make(map[sr.SchemaReference]bool)}
	if err := r.follow(ctx, s.References); err != nil {
		return nil, err
	}
	return format.parse(s.Schema, r.found)
}

// usable says what is wrong with a schema before it is read.
func usable(s sr.Schema, format Format) error {
	switch {
	case s.Type != format.kind():
		return fmt.Errorf("%w: it is not %s schema, but %s", ErrOtherFormat, format.name(), s.Type)
	case strings.TrimSpace(s.Schema) == "":
		return errors.New("the answer has no schema in it")
	}
	return nil
}

// references collects the schemas that another one refers to, each behind those
// that it refers to itself.
type references struct {
	client *sr.Client
	format Format
	seen   map[sr.SchemaReference]bool
	found  []reference
}

func (r *references) follow(ctx context.Context, refs []sr.SchemaReference) error {
	for _, ref := range refs {
		key := sr.SchemaReference{Subject: ref.Subject, Version: ref.Version}
		if r.seen[key] {
			continue
		}
		if r.seen[key] = true; len(r.seen) > referencesMax {
			return fmt.Errorf("it refers to more than %d schemas", referencesMax)
		}
		// A version that was deleted softly is still what was written with.
		s, err := r.client.SchemaByVersion(sr.WithParams(ctx, sr.ShowDeleted), ref.Subject, ref.Version)
		if err == nil {
			err = usable(s.Schema, r.format)
		} else {
			err = answered(err)
		}
		if err != nil {
			return fmt.Errorf("it refers to %s, version %d of %s: %w", ref.Name, ref.Version, ref.Subject, err)
		}
		if err := r.follow(ctx, s.References); err != nil {
			return err
		}
		r.found = append(r.found, reference{ref.Name, s.Schema.Schema})
	}
	return nil
}

// The registry's codes for a subject that it does not have, and for an id without
// a schema.
const codeUnknownSubject, codeUnknownID = 40401, 40403

// answered returns the error that a person should read. It quotes little of an
// answer: that may be anything.
func answered(err error) error {
	var answer *sr.ResponseError
	var request *url.Error
	switch {
	case errors.As(err, &request): // which says the address once more
		return fmt.Errorf("no answer: %w", request.Err)
	case !errors.As(err, &answer):
		return err
	case answer.ErrorCode == codeUnknownID:
		return ErrUnknownID
	case answer.ErrorCode == codeUnknownSubject:
		return ErrUnknownSubject
	case answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden:
		return fmt.Errorf("access refused (%d %s)", answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	return fmt.Errorf("the answer is %d %s: %s", answer.StatusCode, http.StatusText(answer.StatusCode), excerpt(answer.Error()))
}

// excerptMax is the number of characters that an error shows of an answer.
const excerptMax = 200

// excerpt returns the beginning of a text, on one line.
func excerpt(text string) string {
	count := 0
	return strings.Map(func(r rune) rune {
		if count++; count > excerptMax {
			return -1
		}
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

// shortAnswers cuts answers off that are too long for any schema.
type shortAnswers struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (s shortAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := s.next.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, answerBytesMax), answer.Body}
	}
	return answer, err
}
