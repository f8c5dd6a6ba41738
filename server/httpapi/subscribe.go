package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/query"
)

// heartbeat is how long a stream of events is silent before a comment shows
// that it lives.
const heartbeat = 15 * time.Second

// subscribe answers GET and POST /v1/subscribe.
func (s *Server) subscribe(w http.ResponseWriter, r *http.Request) {
	f, ok := negotiateStream(r.Header.Values("Accept"))
	if !ok {
		writeError(w, http.StatusNotAcceptable, query.Errorf(query.CodeFeatureNotSupported, "no format that you accept is served").
			WithHint("Accept one of %s, %s", eventType, ndjsonType))
		return
	}
	if err := s.opts.Database.Ready(); err != nil {
		writeError(w, http.StatusServiceUnavailable, query.Errorf(codeCannotConnectNow, "not ready: %v", err))
		return
	}
	req := request{sql: r.URL.Query().Get("q")}
	if req.sql == "" {
		if r.Method == http.MethodGet {
			writeError(w, http.StatusBadRequest, query.Errorf(query.CodeProtocolViolation, "the request has no q").
				WithHint("GET /v1/subscribe?q=SUBSCRIBE+name"))
			return
		}
		var status int
		var err error
		if req, status, err = s.readRequest(w, r); err != nil {
			writeError(w, status, query.AsError(err))
			return
		}
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		writeError(w, http.StatusServiceUnavailable, query.Errorf(query.CodeTooManyConnections,
			"there are %d subscriptions already", cap(s.streams)))
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.streaming, cancel)()
	out := newResponse(w, http.NewResponseController(w), s.opts.WriteTimeout, f)
	out.live = true
	started, kind := time.Now(), "INVALID"
	err := s.stream(ctx, req, r.Header.Get("Last-Event-ID"), out, &kind)
	s.opts.Observe(kind, time.Since(started), out.rows, err)
	if err != nil {
		s.fail(ctx, r, out, err)
	}
}

// stream runs the subscription and sends its rows until one side has enough.
func (s *Server) stream(ctx context.Context, req request, lastID string, out *response, kind *string) error {
	session := s.opts.Database.NewSession(roleOf(ctx))
	defer session.Close()
	result, anew, err := open(ctx, session, req, lastID)
	if err != nil {
		return err
	}
	defer result.Close()
	*kind = result.Tag
	if err := out.begin(result, nil); err != nil {
		return err
	}
	if _, events := out.format.(*eventFormat); events && anew {
		out.buf = append(out.buf, "event: reset\ndata: {}\n\n"...)
	}
	if err := out.flush(); err != nil { // the client learns that it is being served
		return err
	}
	for {
		b, err := result.Poll(ctx, heartbeat)
		switch {
		case errors.Is(err, io.EOF):
			return out.end(nil)
		case err != nil:
			return err
		case b == nil:
			err = out.alive()
		default:
			err = out.batch(b)
		}
		if err != nil {
			return err
		}
	}
}

// open starts the subscription. A client that has lost its connection says what
// it was told last, and goes on there if that is still possible; if not, it
// begins anew.
func open(ctx context.Context, session Session, req request, lastID string) (result *query.Result, anew bool, err error) {
	if epoch, err := strconv.ParseUint(lastID, 10, 63); err == nil {
		again := req
		again.sql = strings.TrimRight(req.sql, "; \t\r\n") + "\nWITH (SNAPSHOT = false) AS OF " + strconv.FormatUint(epoch, 10)
		if result, err := openOne(ctx, session, again); err == nil {
			return result, false, nil
		}
		anew = true
	}
	result, err = openOne(ctx, session, req)
	return result, anew, err
}

func openOne(ctx context.Context, session Session, req request) (*query.Result, error) {
	st, err := session.Prepare(ctx, req.sql, query.ParamTypes(req.args))
	if err != nil {
		return nil, err
	}
	if !st.Live || st.Copy != nil || st.Columns == nil {
		return nil, query.Errorf(query.CodeSyntaxError, "this is no SUBSCRIBE").
			WithHint("Write SUBSCRIBE name or SUBSCRIBE (SELECT …); other statements go to POST /v1/query.")
	}
	if len(st.Params) != len(req.args) {
		return nil, query.Errorf(query.CodeUndefinedParameter, "the statement has %d parameters, but %d were sent",
			len(st.Params), len(req.args))
	}
	return session.Execute(ctx, st, req.args)
}

// eventType is the media type of server-sent events.
const eventType = "text/event-stream"

// negotiateStream picks the format of a subscription.
func negotiateStream(accept []string) (format, bool) {
	text := strings.ToLower(strings.Join(accept, ","))
	switch {
	case strings.Contains(text, "ndjson"), strings.Contains(text, "jsonl"):
		return newNDJSON(), true
	case text == "", strings.Contains(text, eventType), strings.Contains(text, "*/*"), strings.Contains(text, "text/*"):
		return &eventFormat{}, true
	}
	return nil, false
}

// eventFormat writes one server-sent event per row. Those that tell of progress
// carry the epoch as their id, with which a browser comes back.
type eventFormat struct {
	rows     ndjsonFormat
	progress bool
	epochs   *array.Int64
	done     *array.Boolean // nil: the batch tells of no progress
}

func (f *eventFormat) contentType() string { return eventType }
func (f *eventFormat) live() bool          { return true }

func (f *eventFormat) begin(dst []byte, result *query.Result, first arrow.RecordBatch) ([]byte, error) {
	f.progress = len(result.Columns) > 1 && result.Columns[1].Name == "progressed"
	return f.rows.begin(dst, result, first)
}

func (f *eventFormat) bind(dst []byte, b arrow.RecordBatch) ([]byte, int, error) {
	if f.epochs, f.done = nil, nil; f.progress {
		f.epochs, _ = b.Column(0).(*array.Int64)
		f.done, _ = b.Column(1).(*array.Boolean)
	}
	return f.rows.bind(dst, b)
}

func (f *eventFormat) row(dst []byte, i int) []byte {
	if f.done != nil && f.epochs != nil && f.done.Value(i) {
		dst = append(dst, "id: "...)
		dst = strconv.AppendInt(dst, f.epochs.Value(i), 10)
		dst = append(dst, '\n')
	}
	dst = append(dst, "data: "...)
	return append(f.rows.row(dst, i), '\n')
}

func (f *eventFormat) end(dst []byte, e *query.Error) ([]byte, bool) {
	if e == nil {
		return append(dst, "event: end\ndata: {}\n\n"...), true
	}
	dst = append(dst, "event: error\ndata: "...)
	return append(appendErrorBody(dst, e), "\n\n"...), true
}

// alive shows a silent client that the stream lives, and finds out whether the
// client does.
func (o *response) alive() error {
	if _, events := o.format.(*eventFormat); !events {
		return nil
	}
	o.buf = append(o.buf, ":\n\n"...)
	return o.flush()
}
