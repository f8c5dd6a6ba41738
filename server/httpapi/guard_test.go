package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/query"
)

// TestWhoeverIsNotKnownIsNotServed: what needs a role asks for it, and the
// session gets it; the health checks ask nobody.
func TestWhoeverIsNotKnownIsNotServed(t *testing.T) {
	db := &fakeDB{rows: &fakeRows{}}
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "metrics\n") })
	s := newTestServer(t, db, func(o *Options) {
		o.Metrics = metrics
		o.Authenticate = func(r *http.Request) (string, error) {
			switch user, _, _ := r.BasicAuth(); user {
			case "":
				return "", query.Errorf(query.CodeInvalidPassword, "who are you?")
			case "mallory":
				return "", query.Errorf(query.CodeInvalidAuthorization, "not you")
			default:
				return user, nil
			}
		}
	})
	for _, c := range []struct {
		method, path, user string
		status             int
	}{
		{http.MethodPost, "/v1/query", "", http.StatusUnauthorized},
		{http.MethodPost, "/v1/query", "mallory", http.StatusForbidden},
		{http.MethodPost, "/v1/query", "ann", http.StatusOK},
		{http.MethodGet, "/v1/subscribe?q=x", "", http.StatusUnauthorized},
		{http.MethodPost, "/v1/subscribe", "mallory", http.StatusForbidden},
		{http.MethodGet, "/metrics", "", http.StatusUnauthorized},
		{http.MethodGet, "/metrics", "ann", http.StatusOK},
		{http.MethodGet, "/healthz", "", http.StatusOK},
		{http.MethodGet, "/readyz", "", http.StatusOK},
		{http.MethodGet, "/", "", http.StatusOK},
	} {
		r := httptest.NewRequest(c.method, "http://localhost"+c.path, strings.NewReader(`{"sql": "SELECT 1"}`))
		if c.user != "" {
			r.SetBasicAuth(c.user, "x")
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != c.status || (w.Header().Get("WWW-Authenticate") != "") != (c.status == http.StatusUnauthorized) {
			t.Errorf("%s %s as %q: %d %v", c.method, c.path, c.user, w.Code, w.Header())
		}
	}
	if db.opened != 1 || db.role != "ann" {
		t.Errorf("%d sessions, the last as %q", db.opened, db.role)
	}
}
