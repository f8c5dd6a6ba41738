package receipt

import (
	"errors"
	"time"
)

// ErrReused is returned when a key comes again with another body.
var ErrReused = errors.New("the idempotency key was used for another request")

// Request tells a request apart from others. The zero value stands for one that
// is not remembered.
type Request struct {
	Key    string // the client's, unique within a source
	Digest string // of what was sent with it
}

// Receipt is what a request was told.
type Receipt struct {
	Request
	Number             int64 // counts the receipts of a source
	Accepted, Rejected int64 // records
	At                 time.Time
	// Repeated: the request came again, and the counts are those of the first
	// time. It is not kept.
	Repeated bool
}
