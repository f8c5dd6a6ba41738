package workload

import (
	"fmt"
	"strconv"
	"time"
)

const (
	purchasesStream = 4
	purchaseBytes   = 200
	// purchaseInterval is the event time between two records.
	purchaseInterval = 50 * time.Microsecond
	amountMax        = 100_000 // cents
)

// The pages and users that [Purchases] have.
const (
	PurchasePages = 1000
	PurchaseUsers = 100_000
)

// PurchasesColumns declares the fields of [Purchases] for CREATE SOURCE.
const PurchasesColumns = `id BIGINT, ts TIMESTAMPTZ, "user" VARCHAR, page VARCHAR, cents BIGINT, country VARCHAR, status INTEGER, note VARCHAR`

// purchasesLayout writes an event time in as many bytes as any other.
const purchasesLayout = "2006-01-02T15:04:05.000000Z07:00"

// Purchase is one record of [Purchases].
type Purchase struct {
	ID     int64
	Time   time.Time
	User   int // names begin with "user-"
	Page   int // names begin with "page-"
	Cents  int64
	Failed bool
}

// Purchases makes records of eight fields and exactly 200 bytes, for comparing
// systems: 1,000 pages, 100,000 users, 20,000 records per second of event time,
// in order, none damaged, whose amounts are whole cents, so that every system's
// sums are equal. It is not safe for concurrent use.
type Purchases struct {
	seed uint64
	n    *numbers
}

// NewPurchases returns the purchases of a seed.
func NewPurchases(seed uint64) *Purchases { return &Purchases{seed: seed, n: newNumbers()} }

// At returns record number n, counted from 0, of a stream that begins at base.
func (p *Purchases) At(n int64, base time.Time) Purchase {
	r := p.n
	r.at(p.seed, purchasesStream, uint64(n))
	return Purchase{
		ID: n, Time: base.Add(time.Duration(n) * purchaseInterval),
		User: r.IntN(PurchaseUsers), Page: r.IntN(PurchasePages), Cents: int64(r.IntN(amountMax)), Failed: r.chance(50),
	}
}

// AppendValue appends the JSON of record number n, counted from 0, of a stream
// that begins at base.
func (p *Purchases) AppendValue(dst []byte, n int64, base time.Time) []byte {
	return p.At(n, base).AppendJSON(dst)
}

// padding is what fills a record up.
const padding = "the customer came back after a newsletter and paid by card without a voucher, nothing of note"

// AppendJSON appends the record as JSON.
func (p Purchase) AppendJSON(dst []byte) []byte {
	const tail = `"}`
	start := len(dst)
	dst = strconv.AppendInt(append(dst, `{"id":`...), p.ID, 10)
	dst = p.Time.UTC().AppendFormat(append(dst, `,"ts":"`...), purchasesLayout)
	dst = appendDigits(append(dst, `","user":"user-`...), p.User, 6)
	dst = appendDigits(append(dst, `","page":"page-`...), p.Page, 4)
	dst = strconv.AppendInt(append(dst, `","cents":`...), p.Cents, 10)
	dst = append(append(dst, `,"country":"`...), countries[p.User%len(countries)]...)
	status := int64(200)
	if p.Failed {
		status = 500
	}
	dst = strconv.AppendInt(append(dst, `","status":`...), status, 10)
	dst = append(dst, `,"note":"`...)
	missing := purchaseBytes - (len(dst) - start) - len(tail)
	return append(append(dst, padding[:min(max(missing, 0), len(padding))]...), tail...)
}

// PageName is how records write their page.
func PageName(page int) string { return fmt.Sprintf("page-%04d", page) }

// UserName is how records write their user.
func UserName(user int) string { return fmt.Sprintf("user-%06d", user) }
