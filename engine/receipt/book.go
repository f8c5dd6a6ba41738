package receipt

import "time"

// How many receipts of a source are kept, and for how long.
const (
	Most   = 100_000
	Oldest = 24 * time.Hour
)

// forgetStep is how many receipts are outdated before a checkpoint deletes them.
const forgetStep = 1000

// Book is the receipts of one source. It is not safe for concurrent use.
type Book struct {
	byKey   map[string]*Receipt
	order   []*Receipt // by number
	next    int64      // number
	saved   int64      // receipts below it are on the disk
	deleted int64      // and those below it no more
}

// Restore adds a receipt that was read from the disk, in the order of numbers.
func (b *Book) Restore(r Receipt) {
	if len(b.order) == 0 {
		b.deleted = r.Number
	}
	b.keep(&r)
	b.next = r.Number + 1
	b.saved = b.next
}

func (b *Book) keep(r *Receipt) {
	if b.byKey == nil {
		b.byKey = make(map[string]*Receipt)
	}
	b.byKey[r.Key] = r
	b.order = append(b.order, r)
}

// Find returns the receipt of a request that has come before. The error is
// ErrReused if it was another one with the same key.
func (b *Book) Find(q Request, now time.Time) (Receipt, bool, error) {
	b.forget(now)
	r := b.byKey[q.Key]
	switch {
	case q.Key == "" || r == nil:
		return Receipt{}, false, nil
	case r.Digest != q.Digest:
		return Receipt{}, false, ErrReused
	}
	again := *r
	again.Repeated = true
	return again, true, nil
}

// Add keeps the receipt of a request whose key Find does not know.
func (b *Book) Add(r Receipt) {
	if r.Key == "" {
		return
	}
	r.Number = b.next
	b.next++
	b.keep(&r)
}

// forget drops what is too old or too much, but nothing that is not saved yet.
func (b *Book) forget(now time.Time) {
	n := 0
	for n < len(b.order) && b.order[n].Number < b.saved && (len(b.order)-n > Most || now.Sub(b.order[n].At) > Oldest) {
		delete(b.byKey, b.order[n].Key)
		b.order[n] = nil
		n++
	}
	b.order = b.order[n:]
}

// Save is what a checkpoint writes of a book.
type Save struct {
	Receipts []Receipt // that are not on the disk yet
	Delete   int64     // receipts of lower numbers are to go; 0: none
	book     *Book
	next     int64
}

// Save returns what the next checkpoint is to write.
func (b *Book) Save(now time.Time) Save {
	b.forget(now)
	s := Save{book: b, next: b.next}
	for i := len(b.order) - 1; i >= 0 && b.order[i].Number >= b.saved; i-- {
		s.Receipts = append(s.Receipts, *b.order[i])
	}
	least := b.next
	if len(b.order) > 0 {
		least = b.order[0].Number
	}
	if least >= b.deleted+forgetStep {
		s.Delete = least
	}
	return s
}

// Done notes that the checkpoint was committed.
func (s Save) Done() {
	s.book.saved = s.next
	if s.Delete > 0 {
		s.book.deleted = s.Delete
	}
}
