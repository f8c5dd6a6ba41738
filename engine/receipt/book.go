package receipt

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"time"
)

// How many receipts of a source are kept, and for how long.
const (
	Most   = 100_000
	Oldest = 24 * time.Hour
)

// forgetStep is how many receipts are outdated before a checkpoint deletes them.
const forgetStep = 1000

// Book is the receipts of one source. It is not safe for concurrent use.
type Book struct {
	byKey   map[mark]int64 // the number of a receipt of kept
	kept    []entry        // by number
	unsaved []Receipt      // those of kept that are not on the disk yet
	next    int64          // number
	saved   int64          // receipts below it are on the disk
	deleted int64          // and those below it no more
}

// entry is what a book has of a receipt: without pointers, since the collector would
// follow them in a hundred thousand.
type entry struct {
	number             int64
	key, digest        mark
	at                 int64  // microseconds since 1970
	accepted, rejected uint32 // records, of a body that has less than 4 GiB
}

// mark stands for a text: a part of its SHA-256.
type mark [16]byte

func markOf(text string) mark {
	sum := sha256.Sum256([]byte(text))
	return mark(sum[:])
}

// Restore adds a receipt that was read from the disk, in the order of numbers.
func (b *Book) Restore(r Receipt) {
	if len(b.kept) == 0 {
		b.deleted = r.Number
	}
	b.keep(&r)
	b.next = r.Number + 1
	b.saved = b.next
}

func (b *Book) keep(r *Receipt) {
	if b.byKey == nil {
		b.byKey = make(map[mark]int64)
	}
	e := entry{
		number: r.Number, key: markOf(r.Key), digest: markOf(r.Digest), at: r.At.UnixMicro(),
		accepted: uint32(r.Accepted), rejected: uint32(r.Rejected),
	}
	b.byKey[e.key] = e.number
	b.kept = append(b.kept, e)
}

// Find returns the receipt of a request that has come before. The error is
// ErrReused if it was another one with the same key.
func (b *Book) Find(q Request, now time.Time) (Receipt, bool, error) {
	b.forget(now)
	if q.Key == "" {
		return Receipt{}, false, nil
	}
	number, ok := b.byKey[markOf(q.Key)]
	if !ok {
		return Receipt{}, false, nil
	}
	i, _ := slices.BinarySearchFunc(b.kept, number, func(e entry, n int64) int { return cmp.Compare(e.number, n) })
	e := &b.kept[i]
	if e.digest != markOf(q.Digest) {
		return Receipt{}, false, ErrReused
	}
	return Receipt{
		Request: q, Number: number, Accepted: int64(e.accepted), Rejected: int64(e.rejected), At: time.UnixMicro(e.at), Repeated: true,
	}, true, nil
}

// Add keeps the receipt of a request whose key Find does not know.
func (b *Book) Add(r Receipt) {
	if r.Key == "" {
		return
	}
	r.Number = b.next
	b.next++
	b.keep(&r)
	b.unsaved = append(b.unsaved, r)
}

// forget drops what is too old or too much, but nothing that is not saved yet.
func (b *Book) forget(now time.Time) {
	oldest := now.Add(-Oldest).UnixMicro()
	n := 0
	for n < len(b.kept) && b.kept[n].number < b.saved && (len(b.kept)-n > Most || b.kept[n].at < oldest) {
		if e := &b.kept[n]; b.byKey[e.key] == e.number { // and not the key's next one, after a day
			delete(b.byKey, e.key)
		}
		n++
	}
	b.kept = b.kept[n:]
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
	s := Save{book: b, next: b.next, Receipts: slices.Clone(b.unsaved)}
	least := b.next
	if len(b.kept) > 0 {
		least = b.kept[0].number
	}
	if least >= b.deleted+forgetStep {
		s.Delete = least
	}
	return s
}

// Done notes that the checkpoint was committed.
func (s Save) Done() {
	s.book.saved = s.next
	s.book.unsaved = slices.Delete(s.book.unsaved, 0, len(s.Receipts))
	if s.Delete > 0 {
		s.book.deleted = s.Delete
	}
}
