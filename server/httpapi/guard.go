package httpapi

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/go-chi/chi/v5/middleware"

	"github.com/millstream-db/millstream/query"
)

// guard refuses requests that a web page of another site could have sent: a
// Host that is not ours (DNS rebinding) or an Origin that is not the Host.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.opts.AnyHost && !s.hostAllowed(r.Host) {
			writeError(w, http.StatusForbidden, query.Errorf(query.CodeInsufficientPrivilege,
				"host %q is not served here", r.Host).
				WithHint("use localhost or 127.0.0.1, or allow the name in the configuration"))
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" && !sameHost(origin, r.Host) {
			writeError(w, http.StatusForbidden, query.Errorf(query.CodeInsufficientPrivilege,
				"requests from pages of %q are not allowed", origin))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) hostAllowed(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsLoopback() {
		return true
	}
	for _, allowed := range s.opts.AllowedHosts {
		if strings.EqualFold(allowed, host) || strings.EqualFold(allowed, hostport) {
			return true
		}
	}
	return false
}

func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

// roleKey is the context's key for a request's role.
type roleKey struct{}

// roleOf returns the role that a request comes as.
func roleOf(ctx context.Context) string {
	role, _ := ctx.Value(roleKey{}).(string)
	return role
}

// authenticate lets requests in that say who sends them, if that is asked for.
func (s *Server) authenticate(next http.Handler) http.Handler {
	if s.opts.Authenticate == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		role, err := s.opts.Authenticate(r)
		if err != nil {
			e, status := query.AsError(err), http.StatusForbidden
			if e.Code == query.CodeInvalidPassword {
				status = http.StatusUnauthorized
				w.Header().Set("WWW-Authenticate", `Basic realm="millstream", charset="UTF-8"`)
			}
			writeError(w, status, e)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), roleKey{}, role)))
	})
}

// recoverPanics keeps a broken invariant in one request from ending the others.
func (s *Server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w := middleware.NewWrapResponseWriter(rw, r.ProtoMajor)
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause == http.ErrAbortHandler {
				panic(cause)
			}
			s.log.Error("request panicked", "path", r.URL.Path, "err", cause, "stack", string(debug.Stack()))
			if w.Status() != 0 {
				panic(http.ErrAbortHandler) // the answer has begun and can't be completed
			}
			writeError(w, http.StatusInternalServerError, query.Errorf(query.CodeInternal, "internal error"))
		}()
		next.ServeHTTP(w, r)
	})
}
