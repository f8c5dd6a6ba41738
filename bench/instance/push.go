package instance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Pushed is the answer to a request that brought rows.
type Pushed struct {
	Status             int // 200, or why not
	Accepted, Rejected int64
	Repeated           bool
	Error              *Error
}

// Push sends rows to a source, with an Idempotency-Key unless that is "". It
// returns an error if there was no answer.
func (i *Instance) Push(ctx context.Context, source, mediaType, key string, body []byte) (Pushed, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.url+"/v1/ingest/"+source, bytes.NewReader(body))
	if err != nil {
		return Pushed{}, fmt.Errorf("push: %w", err)
	}
	req.Header.Set("Content-Type", mediaType)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := i.client.Do(req)
	if err != nil {
		return Pushed{}, fmt.Errorf("push: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	p := Pushed{Status: resp.StatusCode}
	if err := json.NewDecoder(resp.Body).Decode(&p); err != nil {
		return Pushed{}, fmt.Errorf("push: status %d: %w", resp.StatusCode, err)
	}
	return p, nil
}
