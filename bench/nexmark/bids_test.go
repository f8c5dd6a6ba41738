package nexmark

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestBidsAreThoseOfTheEvents: counting bids alone leaves none out, and their JSON
// has what they have.
func TestBidsAreThoseOfTheEvents(t *testing.T) {
	t.Parallel()
	g, bids := NewGenerator(options), int64(0)
	for n := range int64(500) {
		e := g.Event(n)
		if e.Bid == nil {
			continue
		}
		got := g.Bid(bids)
		if diff := cmp.Diff(e.Bid, got); diff != "" {
			t.Fatalf("bid %d is not event %d: %s", bids, n, diff)
		}
		bids++
		var parsed struct {
			Auction, Bidder, Price int64
			Channel, URL, Extra    string
			At                     string `json:"date_time"`
		}
		text := got.AppendJSON(nil)
		if err := json.Unmarshal(text, &parsed); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		at, err := time.Parse(bidTime, parsed.At)
		if err != nil {
			t.Fatal(err)
		}
		back := &Bid{parsed.Auction, parsed.Bidder, parsed.Price, parsed.Channel, parsed.URL, at, parsed.Extra}
		if diff := cmp.Diff(got, back); diff != "" {
			t.Fatalf("%s: %s", text, diff)
		}
	}
	if bids != 460 {
		t.Errorf("of 500 events %d are bids", bids)
	}
}
