package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// Registry is a schema registry that speaks Confluent's protocol and keeps its
// schemas in memory: srfake behind an HTTP server. Ids count from 1 in the order in
// which schemas are registered. It is safe for concurrent use.
type Registry struct {
	server  *http.Server
	addr    string
	done    sync.WaitGroup
	closing sync.Once
}

// registryHeaderTime is how long a client may take to say what it wants.
const registryHeaderTime = 10 * time.Second

// StartRegistry starts a registry on addr, of which port 0 is a free one. Close
// ends it.
func StartRegistry(addr string, logger *slog.Logger) (*Registry, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("start schema registry on %s: %w", addr, err)
	}
	r := &Registry{addr: ln.Addr().String(), server: &http.Server{
		Handler:           srfake.NewRegistry().Handler(),
		ReadHeaderTimeout: registryHeaderTime,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}}
	r.done.Go(func() {
		if err := r.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("schema registry ended", "addr", addr, "err", err)
		}
	})
	logger.Info("schema registry started", "addr", r.addr)
	return r, nil
}

// URL returns where clients find the registry.
func (r *Registry) URL() string { return "http://" + r.addr }

// Close ends the registry and all connections to it.
func (r *Registry) Close() {
	r.closing.Do(func() {
		_ = r.server.Close() // it listens on nothing after that, whatever it says
		r.done.Wait()
	})
}
