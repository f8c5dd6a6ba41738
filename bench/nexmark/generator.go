package nexmark

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"strings"
	"time"
)

// The generator's published constants. A round is 50 events.
const (
	personsPerRound  = 1
	auctionsPerRound = 3
	eventsPerRound   = 50

	firstPerson   = 1000
	firstAuction  = 1000
	firstCategory = 10
	categories    = 5

	activePersons  = 1000 // who may bid or sell
	openAuctions   = 100  // that may get bids
	lead           = 10   // persons and auctions may be named before they are there
	hotAuctionRate = 2    // all bids but one in so many go to the hot auction
	hotBidderRate  = 4
	hotSellerRate  = 4
	hotStep        = 100 // every hundredth person and auction is hot for a while
	channels       = 10_000
	bidBytes       = 100 // the average size of records, which extra fills up
	auctionBytes   = 500
	personBytes    = 200
)

// Person is somebody who has registered.
type Person struct {
	ID                                   int64
	Name, Email, CreditCard, City, State string
	At                                   time.Time
	Extra                                string
}

// Auction is an item that is offered.
type Auction struct {
	ID                  int64
	Item, Description   string
	InitialBid, Reserve int64
	At, Expires         time.Time
	Seller, Category    int64
	Extra               string
}

// Bid is an offer for an auction's item.
type Bid struct {
	Auction, Bidder, Price int64
	Channel, URL           string
	At                     time.Time
	Extra                  string
}

// Event is one of the three; the others are nil.
type Event struct {
	Person  *Person
	Auction *Auction
	Bid     *Bid
}

// Options say which events a Generator makes. Zero values take the defaults.
type Options struct {
	Seed uint64
	// Start is the event time of event 0. The default is 2015-07-15 00:00 UTC.
	Start time.Time
	// Rate is the number of events in a second of event time; the default is
	// 10,000.
	Rate int
	// Disorder is the number of events that come in another order than that of
	// their event times; the default, 1, keeps all in order.
	Disorder int
}

// Generator makes events by their numbers. It is not safe for concurrent use.
type Generator struct {
	opts Options
	r    *rand.Rand
	pcg  *rand.PCG
}

// NewGenerator returns a generator.
func NewGenerator(o Options) *Generator {
	if o.Start.IsZero() {
		o.Start = time.Date(2015, 7, 15, 0, 0, 0, 0, time.UTC)
	}
	if o.Rate <= 0 {
		o.Rate = 10_000
	}
	if o.Disorder <= 0 {
		o.Disorder = 1
	}
	pcg := rand.NewPCG(0, 0)
	return &Generator{opts: o, r: rand.New(pcg), pcg: pcg}
}

// Event returns the event that comes as number n, from 0.
func (g *Generator) Event(n int64) Event {
	g.pcg.Seed(g.opts.Seed, uint64(n))
	at := g.time(g.reorder(n))
	switch place := n % eventsPerRound; {
	case place < personsPerRound:
		return Event{Person: g.person(n, at)}
	case place < personsPerRound+auctionsPerRound:
		return Event{Auction: g.auction(n, at)}
	default:
		return Event{Bid: g.bid(n, at)}
	}
}

// time returns the event time of the n-th event in order.
func (g *Generator) time(n int64) time.Time {
	micros := n * 1_000_000 / int64(g.opts.Rate)
	return g.opts.Start.Add(time.Duration(micros) * time.Microsecond).Truncate(time.Millisecond)
}

// reorder moves a number within its group, by a multiplication with a prime.
func (g *Generator) reorder(n int64) int64 {
	size := int64(g.opts.Disorder)
	return n/size*size + n*953%size
}

// lastPerson returns the number of the newest person at event n, from 0.
func lastPerson(n int64) int64 { return n / eventsPerRound * personsPerRound }

// lastAuction returns the number of the newest auction at event n, from 0; -1
// before the first.
func lastAuction(n int64) int64 {
	place := n%eventsPerRound - personsPerRound
	return n/eventsPerRound*auctionsPerRound + min(max(place, -1), auctionsPerRound-1)
}

// somePerson draws one of the active persons, or of those to come.
func (g *Generator) somePerson(n int64) int64 {
	there := lastPerson(n) + 1
	active := min(there, activePersons)
	return there - active + g.r.Int64N(active+lead)
}

// someAuction draws one of the open auctions, or of those to come.
func (g *Generator) someAuction(n int64) int64 {
	newest := lastAuction(n)
	oldest := max(newest-openAuctions, 0)
	return oldest + g.r.Int64N(newest-oldest+1+lead)
}

// hot returns the hot one of the first so many.
func hot(newest int64) int64 { return max(newest, 0) / hotStep * hotStep }

func (g *Generator) person(n int64, at time.Time) *Person {
	p := &Person{
		ID: firstPerson + lastPerson(n), Name: g.word(firstNames) + " " + g.word(lastNames),
		Email: g.text(7, ' ') + "@" + g.text(5, ' ') + ".com", City: g.word(cities), State: g.word(states), At: at,
	}
	groups := make([]string, 4)
	for i := range groups {
		groups[i] = fmt.Sprintf("%04d", g.r.IntN(10_000))
	}
	p.CreditCard = strings.Join(groups, " ")
	p.Extra = g.padding(personBytes - 8 - len(p.Name) - len(p.Email) - len(p.CreditCard) - len(p.City) - len(p.State))
	return p
}

func (g *Generator) auction(n int64, at time.Time) *Auction {
	a := &Auction{
		ID: firstAuction + lastAuction(n), Item: g.text(20, ' '), Description: g.text(100, ' '), InitialBid: g.price(),
		At: at, Expires: at.Add(g.duration()), Category: firstCategory + g.r.Int64N(categories),
	}
	a.Reserve = a.InitialBid + g.price()
	a.Seller = firstPerson + g.somePerson(n)
	if g.r.IntN(hotSellerRate) > 0 {
		a.Seller = firstPerson + hot(lastPerson(n))
	}
	a.Extra = g.padding(auctionBytes - 8*6 - len(a.Item) - len(a.Description))
	return a
}

// duration draws how long an auction is open: about as long as it takes to
// open as many others as are open at once.
func (g *Generator) duration() time.Duration {
	events := openAuctions * eventsPerRound / auctionsPerRound
	horizon := time.Duration(events) * time.Second / time.Duration(g.opts.Rate)
	return (time.Millisecond + time.Duration(g.r.Int64N(int64(max(2*horizon, time.Millisecond))))).Truncate(time.Millisecond)
}

func (g *Generator) bid(n int64, at time.Time) *Bid {
	b := &Bid{Auction: firstAuction + g.someAuction(n), Bidder: firstPerson + g.somePerson(n), Price: g.price(), At: at}
	if g.r.IntN(hotAuctionRate) > 0 {
		b.Auction = firstAuction + hot(lastAuction(n))
	}
	if g.r.IntN(hotBidderRate) > 0 {
		b.Bidder = firstPerson + hot(lastPerson(n)) + 1
	}
	if g.r.IntN(2) > 0 {
		i := g.r.IntN(len(hotChannels))
		b.Channel, b.URL = hotChannels[i], g.url(0)
	} else {
		i := g.r.IntN(channels)
		b.Channel, b.URL = fmt.Sprint("channel-", i), g.url(i+1)
	}
	b.Extra = g.padding(bidBytes - 8*4)
	return b
}

// url draws an address; most of those of a channel carry its number.
func (g *Generator) url(channel int) string {
	url := "https://www.nexmark.com/" + g.text(5, '_') + "/" + g.text(5, '_') + "/" + g.text(5, '_') + "/item.htm?query=1"
	if channel > 0 && g.r.IntN(10) > 0 {
		url += fmt.Sprint("&channel_id=", bits.Reverse32(uint32(channel))>>1)
	}
	return url
}

// price is between 1 and a million, evenly over its powers, in cents.
func (g *Generator) price() int64 { return int64(math.Round(math.Pow(10, g.r.Float64()*6) * 100)) }

func (g *Generator) word(of []string) string { return of[g.r.IntN(len(of))] }

// text draws 3 to most letters, with a space now and then.
func (g *Generator) text(most int, space byte) string {
	b := make([]byte, 3+g.r.IntN(most-3))
	for i := range b {
		if b[i] = byte('a' + g.r.IntN(26)); g.r.IntN(13) == 0 {
			b[i] = space
		}
	}
	return strings.TrimSpace(string(b))
}

// padding draws letters that bring a record to its size, give or take a fifth.
func (g *Generator) padding(n int) string {
	if n <= 0 {
		return ""
	}
	n += g.r.IntN(n*2/5+1) - n/5
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + g.r.IntN(26))
	}
	return string(b)
}
