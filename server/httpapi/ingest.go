package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/millstream-db/millstream/query"
)

// Ingest takes rows that requests bring. It is safe for concurrent use.
type Ingest interface {
	// Push hands the rows of a body to a source and returns when they are durable.
	// Its errors are *query.Error.
	Push(ctx context.Context, p Push) (Pushed, error)
}

// Push is a request that brings rows.
type Push struct {
	Role      string // who sends it, "" if nobody has to log in
	Source    string
	MediaType string // of the body
	Body      []byte // valid until Push returns
	Key       string // the client's Idempotency-Key, "" for none
	Digest    string // of MediaType and Body, if there is a Key
}

// Pushed is what became of a request.
type Pushed struct {
	Accepted, Rejected int64
	Repeated           bool // the request came again, and was not taken again
}

const (
	keyHeader   = "Idempotency-Key"
	keyBytesMax = 255
	mediaTypes  = ndjsonType + ", " + jsonType + ", " + csvType + " or " + arrowType
)

// refusal is an answer that says no.
type refusal struct {
	status int
	err    *query.Error
}

func refuse(status int, code, format string, args ...any) *refusal {
	return &refusal{status, query.Errorf(code, format, args...)}
}

// hint adds a hint.
func (r *refusal) hint(format string, args ...any) *refusal {
	r.err = r.err.WithHint(format, args...)
	return r
}

// ingest answers POST /v1/ingest/<source>.
func (s *Server) ingest(w http.ResponseWriter, r *http.Request) {
	started, status := time.Now(), http.StatusOK
	done, no := s.push(w, r)
	if no != nil {
		if s.base.Err() != nil {
			no = refuse(http.StatusServiceUnavailable, query.CodeAdminShutdown, "the server is shutting down")
		}
		status = no.status
		writeError(w, status, no.err)
	} else {
		repeated := ""
		if done.Repeated {
			repeated = `,"repeated":true`
		}
		w.Header().Set("Content-Type", jsonType)
		w.Header().Set("Cache-Control", "no-store")
		_, _ = fmt.Fprintf(w, `{"accepted":%d,"rejected":%d%s}`+"\n", done.Accepted, done.Rejected, repeated) // who has gone asks again
	}
	s.opts.ObserveIngest(status, time.Since(started))
}

func (s *Server) push(w http.ResponseWriter, r *http.Request) (Pushed, *refusal) {
	if err := s.opts.Database.Ready(); err != nil {
		return Pushed{}, refuse(http.StatusServiceUnavailable, codeCannotConnectNow, "not ready: %v", err)
	}
	p := Push{Role: roleOf(r.Context()), Source: sourceName(r)}
	var no *refusal
	if p.MediaType, no = mediaType(r.Header.Get("Content-Type")); no != nil {
		return Pushed{}, no
	}
	if p.Key, no = idempotencyKey(r.Header); no != nil {
		return Pushed{}, no
	}
	claim := &claim{load: &s.load}
	defer claim.end()
	if p.Body, no = s.readBody(w, r, claim); no != nil {
		return Pushed{}, no
	}
	if !claim.begin() {
		return Pushed{}, refuse(http.StatusTooManyRequests, query.CodeTooManyConnections, "%d requests that bring rows are at work already", s.opts.IngestsMax)
	}
	if p.Key != "" {
		h := sha256.New()
		h.Write([]byte(p.MediaType + "\n"))
		h.Write(p.Body)
		p.Digest = hex.EncodeToString(h.Sum(nil)[:16])
	}
	done, err := s.opts.Ingest.Push(r.Context(), p)
	if err != nil {
		return Pushed{}, s.refusalOf(query.AsError(err))
	}
	return done, nil
}

// sourceName returns the last part of the path.
func sourceName(r *http.Request) string {
	name := chi.URLParam(r, "source")
	if r.URL.RawPath == "" { // else it is as it was sent
		return name
	}
	if plain, err := url.PathUnescape(name); err == nil {
		return plain
	}
	return name
}

// refusalOf returns the answer to a request that failed.
func (s *Server) refusalOf(e *query.Error) *refusal {
	status := statusOf(e.Code)
	switch e.Code {
	case query.CodeUndefinedTable:
		status = http.StatusNotFound
	case query.CodeUniqueViolation: // the key was used for something else
		status = http.StatusUnprocessableEntity
	case query.CodeInsufficientResources, query.CodeOutOfMemory:
		status = http.StatusTooManyRequests
	case query.CodeObjectNotPrerequisite, query.CodeObjectInUse:
		status = http.StatusServiceUnavailable
	}
	if status == http.StatusInternalServerError {
		s.log.Error("rows were not taken for an internal reason", "code", e.Code, "err", e)
	}
	return &refusal{status, e}
}

// mediaType returns the format of a body, under the name that Push has.
func mediaType(header string) (string, *refusal) {
	name, _, err := mime.ParseMediaType(header)
	switch {
	case err != nil && header != "":
		return "", refuse(http.StatusUnsupportedMediaType, query.CodeFeatureNotSupported, "Content-Type %q is not valid", header).hint("Send %s.", mediaTypes)
	case header == "":
		return "", refuse(http.StatusUnsupportedMediaType, query.CodeFeatureNotSupported, "the request has no Content-Type").hint("Send %s.", mediaTypes)
	}
	switch name {
	case jsonType, csvType, arrowType, ndjsonType:
		return name, nil
	case "application/ndjson", "application/jsonl":
		return ndjsonType, nil
	}
	return "", refuse(http.StatusUnsupportedMediaType, query.CodeFeatureNotSupported, "bodies of type %s are not taken", name).hint("Send %s.", mediaTypes)
}

// idempotencyKey returns the client's key. Some send it as a string in quotes, as
// the header's draft has it: these are not part of it.
func idempotencyKey(h http.Header) (string, *refusal) {
	bad := func(format string, args ...any) (string, *refusal) {
		return "", refuse(http.StatusBadRequest, query.CodeInvalidParameter, format, args...)
	}
	values := h.Values(keyHeader)
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(key) >= 2 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	printable := func(r rune) bool { return r > ' ' && r < 0x7f }
	switch {
	case len(values) > 1:
		return bad("%s is there %d times", keyHeader, len(values))
	case key == "" || len(key) > keyBytesMax:
		return bad("%s must have between 1 and %d characters, not %d", keyHeader, keyBytesMax, len(key))
	case strings.IndexFunc(key, func(r rune) bool { return !printable(r) }) >= 0:
		return bad("%s may have printable ASCII characters only, and no spaces", keyHeader)
	}
	return key, nil
}
