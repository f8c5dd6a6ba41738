package httpapi

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/millstream-db/millstream/query"
)

// Session runs one statement at a time.
type Session interface {
	// Prepare checks one statement; an empty paramTypes leaves the
	// parameters' types to be inferred. A text without a statement gives a
	// Statement with an empty Tag.
	Prepare(ctx context.Context, sql string, paramTypes []string) (*query.Statement, error)
	// Execute runs a prepared statement with one argument per parameter.
	Execute(ctx context.Context, st *query.Statement, args []any) (*query.Result, error)
	Close()
}

// Database is what the package serves.
type Database interface {
	// NewSession opens a session for a role that has logged in, "" if nobody has to.
	NewSession(role string) Session
	// Ready returns nil when queries can be answered, and otherwise why not.
	Ready() error
}

// The default limits of [Options].
const (
	DefaultBodyBytesMax = 1 << 20
	DefaultQueriesMax   = 64
	DefaultStreamsMax   = 256
	DefaultWriteTimeout = 30 * time.Second

	DefaultIngestBodyMax  = 32 << 20
	DefaultIngestsMax     = 256
	DefaultIngestBytesMax = 256 << 20
)

// Options configure a [Server]. Only Database is required.
type Options struct {
	Database Database
	Metrics  http.Handler // answers /metrics; nil: 404
	Logger   *slog.Logger // nil: discard

	// AllowedHosts are names that requests may carry as their Host besides
	// localhost and the loopback addresses. A page of another site that makes
	// its name resolve to 127.0.0.1 is refused by this.
	AllowedHosts []string
	// AnyHost switches that check off, for listeners beyond loopback.
	AnyHost bool

	// Authenticate says as which role a request comes, or refuses it with an
	// *query.Error: one with the SQLSTATE 28P01 asks the client for (other)
	// credentials. Nil: nobody has to log in.
	Authenticate func(*http.Request) (role string, err error)
	// TLSConfig returns what a handshake is to use. Nil: requests come in the clear.
	TLSConfig func(*tls.ClientHelloInfo) (*tls.Config, error)

	StatementTimeout time.Duration // the longest and the default time of a statement; 0: no limit
	WriteTimeout     time.Duration // how long a client may take to accept one flush; 0: DefaultWriteTimeout
	BodyBytesMax     int64         // 0: DefaultBodyBytesMax
	QueriesMax       int           // statements at once; 0: DefaultQueriesMax
	StreamsMax       int           // subscriptions at once; 0: DefaultStreamsMax

	// Ingest takes what is sent to /v1/ingest/<source>. Nil: 404.
	Ingest Ingest
	// IngestBodyMax bounds the body of one such request, unpacked; 0: DefaultIngestBodyMax.
	IngestBodyMax int64
	// IngestsMax and IngestBytesMax bound the requests at work, and the bytes of
	// their bodies together; 0: the defaults.
	IngestsMax     int
	IngestBytesMax int64
	// ObserveIngest is called after every such request with the status of its
	// answer and the time it took. It must be safe for concurrent use.
	ObserveIngest func(status int, d time.Duration)

	// Observe is called after every statement with its command tag, or INVALID
	// when it could not be planned, the time it took, the rows it sent and its
	// error. It must be safe for concurrent use. Nil: nobody watches.
	Observe func(kind string, d time.Duration, rows int64, err error)
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration, int64, error) {}
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = DefaultWriteTimeout
	}
	if o.BodyBytesMax == 0 {
		o.BodyBytesMax = DefaultBodyBytesMax
	}
	if o.QueriesMax == 0 {
		o.QueriesMax = DefaultQueriesMax
	}
	if o.StreamsMax == 0 {
		o.StreamsMax = DefaultStreamsMax
	}
	o.IngestBodyMax = cmp.Or(o.IngestBodyMax, DefaultIngestBodyMax)
	o.IngestsMax = cmp.Or(o.IngestsMax, DefaultIngestsMax)
	o.IngestBytesMax = max(cmp.Or(o.IngestBytesMax, DefaultIngestBytesMax), o.IngestBodyMax+1)
	if o.ObserveIngest == nil {
		o.ObserveIngest = func(int, time.Duration) {}
	}
	return o
}

// Validate returns everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	if o.Database == nil {
		errs = append(errs, errors.New("no database"))
	}
	for name, negative := range map[string]bool{
		"statement timeout": o.StatementTimeout < 0, "write timeout": o.WriteTimeout < 0,
		"body limit": o.BodyBytesMax < 0, "query limit": o.QueriesMax < 0,
		"subscription limit": o.StreamsMax < 0, "ingest limit": o.IngestsMax < 0 || o.IngestBodyMax < 0 || o.IngestBytesMax < 0,
	} {
		if negative {
			errs = append(errs, fmt.Errorf("%s is negative", name))
		}
	}
	return errors.Join(errs...)
}

// Server is the HTTP endpoint. It is safe for concurrent use.
type Server struct {
	opts   Options
	log    *slog.Logger
	http   *http.Server
	places *places            // of statements
	load   load               // of requests that bring rows
	base   context.Context    // every request's parent, so that Shutdown can cancel them
	stop   context.CancelFunc // cancels base

	streams     chan struct{}   // one element per subscription
	streaming   context.Context // ends the subscriptions, which do not end by themselves
	stopStreams context.CancelFunc
}

// New returns a server that listens nowhere yet.
func New(opts Options) (*Server, error) {
	opts = opts.withDefaults()
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("http options: %w", err)
	}
	base, stop := context.WithCancel(context.Background())
	s := &Server{
		opts:   opts,
		log:    opts.Logger.With("component", "http"),
		places: newPlaces(opts.QueriesMax),
		load:   load{requestsMax: opts.IngestsMax, bytesMax: opts.IngestBytesMax},
		base:   base,
		stop:   stop,
	}
	s.streams = make(chan struct{}, opts.StreamsMax)
	s.streaming, s.stopStreams = context.WithCancel(base)
	s.http = &http.Server{
		Handler: s.Handler(),
		// No ReadTimeout: it would also end the watch for a client that goes
		// away, and with it every statement that runs longer. The query
		// handler sets a deadline for the body itself.
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	if opts.TLSConfig != nil {
		s.http.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: opts.TLSConfig}
	}
	return s, nil
}

// Handler returns the routes, for a caller that brings its own http.Server.
func (s *Server) Handler() http.Handler {
	r := chi.NewRouter()
	r.Use(s.recoverPanics, s.guard)
	r.NotFound(func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusNotFound, query.Errorf(query.CodeUndefinedObject, "no such path").
			WithHint("GET / lists what there is"))
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusMethodNotAllowed, query.Errorf(query.CodeProtocolViolation, "method not allowed here").
			WithHint("statements go to POST /v1/query"))
	})
	r.Get("/", s.help)
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok\n") })
	r.Get("/readyz", s.ready)
	inside := r.With(s.authenticate)
	inside.Post("/v1/query", s.query)
	inside.Get("/v1/subscribe", s.subscribe)
	inside.Post("/v1/subscribe", s.subscribe)
	if s.opts.Ingest != nil {
		inside.Post("/v1/ingest/{source}", s.ingest)
	}
	if s.opts.Metrics != nil {
		inside.Method(http.MethodGet, "/metrics", s.opts.Metrics)
	}
	return r
}

// Serve answers requests from ln until Shutdown, and then returns nil. The end
// of ctx cancels the statements and closes everything at once.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	defer context.AfterFunc(ctx, func() {
		s.stop()
		_ = s.http.Close() // Serve returns either way
	})()
	serve := func() error { return s.http.Serve(ln) }
	if s.http.TLSConfig != nil {
		serve = func() error { return s.http.ServeTLS(ln, "", "") }
	}
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve http on %s: %w", ln.Addr(), err)
	}
	return nil
}

// farewellTimeout is how long cancelled statements have to say so.
const farewellTimeout = time.Second

// Shutdown stops listening, ends the subscriptions and waits for the statements
// that run. When ctx
// ends first they are cancelled, and ctx's error is returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopStreams()
	err := s.http.Shutdown(ctx)
	s.stop()
	if err == nil {
		return nil
	}
	farewell, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellTimeout)
	defer cancel()
	if s.http.Shutdown(farewell) != nil {
		err = errors.Join(err, s.http.Close())
	}
	return fmt.Errorf("shut down http: %w", err)
}

const helpText = `Millstream answers SQL here.

  POST /v1/query   {"sql": "SELECT 1", "params": [], "timeout": "5s"}
                   Accept: application/json, application/x-ndjson, text/csv
                   or application/vnd.apache.arrow.stream
  GET  /v1/subscribe?q=SUBSCRIBE+name
                   the rows of a view or source, then what changes in it, as
                   server-sent events; Accept: application/x-ndjson for lines
  POST /v1/ingest/<source>
                   rows for a source WITH (connector = 'push'), as
                   application/x-ndjson, application/json, text/csv or
                   application/vnd.apache.arrow.stream; Idempotency-Key makes
                   a request safe to repeat
  GET  /healthz    the process lives
  GET  /readyz     the database answers
  GET  /metrics    Prometheus

  curl -d '{"sql": "SHOW TABLES"}' http://%s/v1/query
`

func (s *Server) help(w http.ResponseWriter, r *http.Request) {
	writeText(w, http.StatusOK, fmt.Sprintf(helpText, r.Host))
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if err := s.opts.Database.Ready(); err != nil {
		writeText(w, http.StatusServiceUnavailable, err.Error()+"\n")
		return
	}
	writeText(w, http.StatusOK, "ready\n")
}

func writeText(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client that does not read its answer is not told so
}
