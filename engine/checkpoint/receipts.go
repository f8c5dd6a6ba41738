package checkpoint

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/receipt"
)

// receiptsSQL writes which requests have brought rows, and forgets the oldest.
func receiptsSQL(sql *strings.Builder, w *Write) {
	var tuples []string
	for source, s := range w.Receipts {
		if s.Delete > 0 {
			fmt.Fprintf(sql, "DELETE FROM internal.receipts WHERE source = %s AND number < %d;\n", history.Literal(source), s.Delete)
		}
		for _, r := range s.Receipts {
			tuples = append(tuples, fmt.Sprintf("(%s, %d, %s, %s, %d, %d, %s)", history.Literal(source), r.Number,
				history.Literal(r.Key), history.Literal(r.Digest), r.Accepted, r.Rejected, timestamp(r.At)))
		}
	}
	if len(tuples) > 0 {
		fmt.Fprintf(sql, "INSERT INTO internal.receipts VALUES %s;\n", strings.Join(tuples, ", "))
	}
}

func (s *Store) loadReceipts(ctx context.Context, im *Image) error {
	im.Receipts = make(map[string][]receipt.Receipt)
	return s.conn.Each(ctx, "SELECT source, number, key, digest, accepted, rejected, epoch_us(taken) FROM internal.receipts ORDER BY source, number",
		func(scan func(...any) error) error {
			var r receipt.Receipt
			var source string
			var at int64
			err := scan(&source, &r.Number, &r.Key, &r.Digest, &r.Accepted, &r.Rejected, &at)
			r.At = time.UnixMicro(at)
			im.Receipts[source] = append(im.Receipts[source], r)
			return err
		})
}
