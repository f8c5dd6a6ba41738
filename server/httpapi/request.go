package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/millstream-db/millstream/query"
)

// bodyTimeout is how long a client may take to send its statement.
const bodyTimeout = 30 * time.Second

// request is a statement to run.
type request struct {
	sql     string
	args    []any // nil, bool, int64, uint64, float64 or string
	timeout time.Duration
}

// readRequest reads the body of a query. Its errors come with the status to answer.
func (s *Server) readRequest(w http.ResponseWriter, r *http.Request) (request, int, error) {
	rc := http.NewResponseController(w)
	// A writer without deadlines (a test's recorder) simply has none.
	_ = rc.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.opts.BodyBytesMax))
	_ = rc.SetReadDeadline(time.Time{})
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return request{}, http.StatusRequestEntityTooLarge, query.Errorf(query.CodeProgramLimit,
			"the request is larger than %d bytes", tooLarge.Limit)
	}
	if err != nil {
		return request{}, http.StatusBadRequest, query.Errorf(query.CodeProtocolViolation, "read request: %v", err)
	}
	req, err := s.parseRequest(body)
	if err != nil {
		return request{}, http.StatusBadRequest, err
	}
	return req, 0, nil
}

func (s *Server) parseRequest(body []byte) (request, error) {
	var in struct {
		SQL     *string `json:"sql"`
		Params  []any   `json:"params"`
		Timeout string  `json:"timeout"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return request{}, query.Errorf(query.CodeProtocolViolation, "the request is not valid: %v",
			strings.TrimPrefix(err.Error(), "json: ")).
			WithHint(`send {"sql": "SELECT …", "params": […], "timeout": "5s"}; sql is required`)
	}
	if _, err := d.Token(); err != io.EOF {
		return request{}, query.Errorf(query.CodeProtocolViolation, "there is text after the request's JSON object")
	}
	if in.SQL == nil {
		return request{}, query.Errorf(query.CodeProtocolViolation, `the request has no "sql"`)
	}
	req := request{sql: *in.SQL, timeout: s.opts.StatementTimeout}
	if in.Timeout != "" {
		d, err := time.ParseDuration(in.Timeout)
		if err != nil || d <= 0 {
			return request{}, query.Errorf(query.CodeInvalidParameter, "timeout %q is not a positive duration", in.Timeout).
				WithHint(`write it as "500ms", "5s" or "2m"`)
		}
		if req.timeout == 0 || d < req.timeout {
			req.timeout = d
		}
	}
	for i, v := range in.Params {
		arg, err := argument(v)
		if err != nil {
			return request{}, query.Errorf(query.CodeInvalidParameter, "parameter $%d %v", i+1, err)
		}
		req.args = append(req.args, arg)
	}
	return req, nil
}

// argument turns a JSON value into the Go value of a parameter.
func argument(v any) (any, error) {
	n, ok := v.(json.Number)
	if !ok {
		switch v.(type) {
		case nil, bool, string:
			return v, nil
		}
		return nil, errors.New("is an array or an object: send it as a string and cast it")
	}
	text := n.String()
	if strings.ContainsAny(text, ".eE") {
		f, err := n.Float64()
		if err != nil {
			return nil, errors.New("is a number out of range: send it as a string and cast it")
		}
		return f, nil
	}
	if i, err := n.Int64(); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(text, 10, 64); err == nil {
		return u, nil
	}
	return nil, errors.New("is an integer beyond 64 bits: send it as a string and cast it")
}
