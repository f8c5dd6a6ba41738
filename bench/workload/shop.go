package workload

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// The topics of a [Shop], and how many partitions they have.
const (
	OrdersTopic         = "orders"
	OrdersPartitions    = 4
	PageViewsTopic      = "page_views"
	PageViewsPartitions = 2
)

const (
	ordersStream    = 1
	pageViewsStream = 2

	customers = 5_000
	visitors  = 20_000
	// damagedEvery and the other rates below are per record, not per second.
	damagedEvery = 1_000
	futureEvery  = 20_000
	lateEvery    = 200
	lateMax      = 30 * time.Second
	disorderMax  = 3 * time.Second
)

// timeLayout is how the records write their event time.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// future is the event time of a record whose producer's clock is wrong.
var future = time.Date(2099, time.December, 31, 23, 59, 59, 0, time.UTC)

// Record is one record of a topic. Its slices are its own.
type Record struct {
	Topic string
	Key   []byte
	Value []byte
	// Damaged records can't be decoded into the demo's sources: no JSON, or
	// a value of the wrong type.
	Damaged bool
	// EventTime is when it happened, damage aside.
	EventTime time.Time
}

// order is an order as it stands on the wire.
type order struct {
	OrderID  int64       `json:"order_id"`
	Customer string      `json:"customer"`
	Country  *string     `json:"country"`
	Product  string      `json:"product,omitempty"`
	Quantity int         `json:"quantity"`
	Amount   json.Number `json:"amount"`
	Status   string      `json:"status"`
	TS       string      `json:"ts"`
}

// pageView is a page view as it stands on the wire.
type pageView struct {
	ViewID     int64   `json:"view_id"`
	UserID     string  `json:"user_id"`
	Page       string  `json:"page"`
	Referrer   *string `json:"referrer"`
	DurationMS int     `json:"duration_ms,omitempty"`
	TS         string  `json:"ts"`
}

// Shop makes the records of a web shop. It is not safe for concurrent use.
type Shop struct {
	seed uint64
	n    *numbers

	countryWeights, customerWeights, productWeights, quantityWeights, statusWeights []float64
	visitorWeights, pageWeights, referrerWeights                                    []float64
}

// NewShop returns the shop of a seed.
func NewShop(seed uint64) *Shop {
	return &Shop{
		seed:            seed,
		n:               newNumbers(),
		countryWeights:  zipf(len(countries), 1.1),
		customerWeights: zipf(customers, 0.9),
		productWeights:  zipf(len(products), 1),
		quantityWeights: zipf(5, 1.8),
		statusWeights:   []float64{0.55, 0.85, 0.95, 0.99, 1}, // of statuses
		visitorWeights:  zipf(visitors, 0.8),
		pageWeights:     zipf(len(pages)+len(products), 1),
		referrerWeights: zipf(len(referrers), 0.7),
	}
}

// Record returns record number n, counted from 0, of both topics together:
// two orders for every three page views. at is the time at which it is sent;
// its event time lies up to 3 seconds before, and now and then up to 30.
func (s *Shop) Record(n int64, at time.Time) Record {
	if order, is := OrderNumber(n); is {
		return s.Order(order, at)
	}
	round, place := n/5, n%5
	return s.PageView(round*3+place-2, at)
}

// OrderNumber returns the number of the order that record number n is, false if it
// is a page view.
func OrderNumber(n int64) (order int64, is bool) {
	round, place := n/5, n%5
	return round*2 + place, place < 2
}

// ShopTopics returns the topics of a Shop and how many partitions they have, those
// of payments and shipments among them if there is a schema registry.
func ShopTopics(registry bool) map[string]int {
	topics := map[string]int{OrdersTopic: OrdersPartitions, PageViewsTopic: PageViewsPartitions}
	if registry {
		topics[PaymentsTopic], topics[ShipmentsTopic] = PaymentsPartitions, ShipmentsPartitions
	}
	return topics
}

// bought is what a customer wants.
type bought struct {
	id       int64
	country  int
	product  int
	quantity int
	cents    int64
	customer int
	status   string
	at       time.Time
}

// order draws order number n, counted from 0, sent at at.
func (s *Shop) order(n int64, at time.Time) bought {
	s.n.at(s.seed, ordersStream, uint64(n))
	o := bought{id: n + 1}
	o.product = s.n.choice(s.productWeights)
	o.quantity = 1 + s.n.choice(s.quantityWeights)
	o.cents = products[o.product].cents * int64(o.quantity)
	o.at = s.eventTime(at)
	o.customer = s.n.choice(s.customerWeights) + 1
	o.country = s.n.choice(s.countryWeights)
	o.status = statuses[s.n.choice(s.statusWeights)]
	return o
}

// Order returns order number n, counted from 0, sent at at.
func (s *Shop) Order(n int64, at time.Time) Record {
	b := s.order(n, at)
	o := order{
		OrderID:  b.id,
		Customer: fmt.Sprintf("customer-%04d", b.customer),
		Country:  &countries[b.country],
		Product:  products[b.product].name,
		Quantity: b.quantity,
		Amount:   cents(b.cents),
		Status:   b.status,
		TS:       b.at.Format(timeLayout),
	}
	r := Record{Topic: OrdersTopic, Key: []byte(o.Customer), EventTime: b.at}
	if !s.n.chance(damagedEvery) {
		r.Value = encode(o)
		return r
	}
	switch s.n.IntN(4) {
	case 0:
		value := encode(o)
		r.Value, r.Damaged = value[:len(value)/2], true
	case 1:
		r.Value, r.Damaged = encode(struct {
			order
			Amount string `json:"amount"`
		}{o, "a lot"}), true
	case 2:
		o.Country = nil
		r.Value = encode(o)
	default:
		o.Product = "" // the field is left out
		r.Value = encode(o)
	}
	return r
}

// PageView returns page view number n, counted from 0, sent at at.
func (s *Shop) PageView(n int64, at time.Time) Record {
	s.n.at(s.seed, pageViewsStream, uint64(n))
	ts := s.eventTime(at)
	v := pageView{
		ViewID:     n + 1,
		UserID:     fmt.Sprintf("user-%05d", s.n.choice(s.visitorWeights)+1),
		Page:       s.page(),
		DurationMS: 100 + int(s.n.ExpFloat64()*8_000),
		TS:         s.stamp(ts),
	}
	if r := referrers[s.n.choice(s.referrerWeights)]; r != "" {
		v.Referrer = &r
	}
	r := Record{Topic: PageViewsTopic, Key: []byte(v.UserID), EventTime: ts}
	if !s.n.chance(damagedEvery) {
		r.Value = encode(v)
		return r
	}
	switch s.n.IntN(3) {
	case 0:
		r.Value, r.Damaged = []byte("GET "+v.Page+" HTTP/1.1"), true
	case 1:
		r.Value, r.Damaged = encode(struct {
			pageView
			DurationMS string `json:"duration_ms"`
		}{v, "fast"}), true
	default:
		v.DurationMS = 0 // the field is left out
		r.Value = encode(v)
	}
	return r
}

// eventTime returns when a record that is sent at at happened.
func (s *Shop) eventTime(at time.Time) time.Time {
	most := disorderMax
	if s.n.chance(lateEvery) {
		most = lateMax
	}
	return at.Add(-time.Duration(s.n.Int64N(int64(most)))).UTC().Truncate(time.Millisecond)
}

// stamp writes a page view's event time, rarely that of a clock that is wrong.
// Orders have none of these: the newest windows of revenue_per_minute are what
// people look at first.
func (s *Shop) stamp(ts time.Time) string {
	if s.n.chance(futureEvery) {
		ts = future
	}
	return ts.Format(timeLayout)
}

func (s *Shop) page() string {
	i := s.n.choice(s.pageWeights)
	if i < len(pages) {
		return pages[i]
	}
	return "/product/" + strconv.Itoa(i-len(pages)+1)
}

// cents returns an amount with two digits after the point.
func cents(n int64) json.Number {
	return json.Number(fmt.Sprintf("%d.%02d", n/100, n%100))
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // the types above can always be marshalled
		panic(err)
	}
	return b
}
