package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/query"
)

var errStatementTimeout = errors.New("statement timeout")

// query answers POST /v1/query.
func (s *Server) query(w http.ResponseWriter, r *http.Request) {
	newFormat, ok := negotiate(r.Header.Values("Accept"))
	if !ok {
		writeError(w, http.StatusNotAcceptable, query.Errorf(query.CodeFeatureNotSupported, "no format that you accept is served").
			WithHint("Accept one of %s", formatNames))
		return
	}
	if err := s.opts.Database.Ready(); err != nil {
		writeError(w, http.StatusServiceUnavailable, query.Errorf(codeCannotConnectNow, "not ready: %v", err))
		return
	}
	req, status, err := s.readRequest(w, r)
	if err != nil {
		writeError(w, status, query.AsError(err))
		return
	}
	rc := http.NewResponseController(w)
	place := s.places.take(r.Context(), rc)
	if place == nil {
		writeError(w, http.StatusServiceUnavailable, query.Errorf(query.CodeTooManyConnections,
			"%d statements are running already", s.opts.QueriesMax))
		return
	}
	defer s.places.giveBack(place)
	ctx := r.Context()
	if req.timeout > 0 {
		cause := fmt.Errorf("%w of %s", errStatementTimeout, req.timeout)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, req.timeout, cause)
		defer cancel()
	}
	out := newResponse(w, rc, s.opts.WriteTimeout, newFormat())
	out.rest = func() { place.waiting.Store(time.Now().UnixNano()) }
	out.goOn = func() error { return s.places.goOn(ctx, place) }
	started, kind := time.Now(), "INVALID"
	err = s.run(ctx, req, out, &kind)
	s.opts.Observe(kind, time.Since(started), out.rows, err)
	if err != nil {
		s.fail(ctx, r, out, err)
	}
}

// run executes the statement and streams its rows into out. It sets kind to
// the statement's tag once that is known.
func (s *Server) run(ctx context.Context, req request, out *response, kind *string) error {
	session := s.opts.Database.NewSession(roleOf(ctx))
	defer session.Close()
	st, err := session.Prepare(ctx, req.sql, query.ParamTypes(req.args))
	if err != nil {
		return err
	}
	if st.Tag == "" {
		return query.Errorf(query.CodeSyntaxError, "there is no statement in the text")
	}
	*kind = st.Tag
	switch {
	case st.Copy != nil:
		return query.Errorf(query.CodeFeatureNotSupported, "COPY is for Postgres clients").
			WithHint("send the query itself, with Accept: text/csv")
	case st.Live:
		return query.Errorf(query.CodeFeatureNotSupported, "%s has no end", st.Tag).WithHint("send it to /v1/subscribe")
	}
	if len(st.Params) != len(req.args) {
		return query.Errorf(query.CodeUndefinedParameter, "the statement has %d parameters, but %d were sent",
			len(st.Params), len(req.args))
	}
	result, err := session.Execute(ctx, st, req.args)
	if err != nil {
		return err
	}
	defer result.Close()
	first, err := nextBatch(ctx, result)
	if err != nil {
		return err
	}
	if err := out.begin(result, first); err != nil {
		return err
	}
	for b := first; b != nil; {
		if err := out.batch(b); err != nil {
			return err
		}
		if b, err = nextBatch(ctx, result); err != nil {
			return err
		}
	}
	return out.end(nil)
}

// nextBatch returns the next batch, nil at the end.
func nextBatch(ctx context.Context, result *query.Result) (arrow.RecordBatch, error) {
	b, err := result.Next(ctx)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	return b, err
}

// fail tells the client what went wrong, as far as the answer still allows.
func (s *Server) fail(ctx context.Context, r *http.Request, out *response, err error) {
	e := describe(ctx, err)
	switch {
	case s.base.Err() != nil, out.live && s.streaming.Err() != nil:
		e = query.Errorf(query.CodeAdminShutdown, "canceling statement: the server is shutting down")
	case errors.Is(err, errClientGone), r.Context().Err() != nil:
		s.log.Debug("client left before its answer was complete")
		panic(http.ErrAbortHandler)
	}
	if statusOf(e.Code) == http.StatusInternalServerError {
		s.log.Error("statement failed for an internal reason", "code", e.Code, "err", err)
	}
	if !out.started() {
		writeError(out.w, statusOf(e.Code), e)
		return
	}
	if err := out.end(e); err != nil {
		// The only way left to say that the rows are not all: a chunked
		// answer without its last chunk.
		panic(http.ErrAbortHandler)
	}
}

// describe returns err as clients see it. A cancelled statement fails in as
// many ways as there are layers below; the context knows the reason.
func describe(ctx context.Context, err error) *query.Error {
	var e *query.Error
	canceled := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.As(err, &e) && e.Code == query.CodeQueryCanceled
	if cause := context.Cause(ctx); canceled && errors.Is(cause, errStatementTimeout) {
		return query.Errorf(query.CodeQueryCanceled, "canceling statement due to %v", cause).
			WithHint("ask for less or send a longer \"timeout\"; statement_timeout is the limit")
	}
	if e == nil && canceled {
		return query.Errorf(query.CodeQueryCanceled, "canceling statement: %v", err)
	}
	return query.AsError(err)
}
