package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/millstream-db/millstream/query"
)

// codeCannotConnectNow is PostgreSQL's SQLSTATE for a server that is starting.
const codeCannotConnectNow = "57P03"

// errorBody is an error as clients see it.
type errorBody struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	Position int    `json:"position,omitempty"` // 1-based character of the statement
	Hint     string `json:"hint,omitempty"`
	Detail   string `json:"detail,omitempty"`
}

// appendErrorBody appends e as a JSON object.
func appendErrorBody(dst []byte, e *query.Error) []byte {
	b, err := json.Marshal(errorBody{e.Code, e.Message, e.Position, e.Hint, e.Detail})
	if err != nil { // strings and an int can always be marshalled
		panic(err)
	}
	return append(dst, b...)
}

// statusOf returns the HTTP status for a SQLSTATE: 4xx when another statement
// or another time limit would help, 5xx when only the server's side would.
func statusOf(code string) int {
	switch code {
	case query.CodeInsufficientPrivilege:
		return http.StatusForbidden
	case query.CodeQueryCanceled:
		return http.StatusRequestTimeout
	case query.CodeAdminShutdown, codeCannotConnectNow, query.CodeConnectionFailure:
		return http.StatusServiceUnavailable
	}
	switch {
	case strings.HasPrefix(code, "28"):
		return http.StatusForbidden
	case strings.HasPrefix(code, "53"):
		return http.StatusServiceUnavailable
	case strings.HasPrefix(code, "XX"), strings.HasPrefix(code, "F0"), strings.HasPrefix(code, "58"), code == "":
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

func writeError(w http.ResponseWriter, status int, e *query.Error) {
	h := w.Header()
	h.Set("Content-Type", jsonType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(status)
	body := append(appendErrorBody([]byte(`{"error":`), e), "}\n"...)
	_, _ = w.Write(body) // a client that has gone needs no error
}
