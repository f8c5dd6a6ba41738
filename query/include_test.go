package query

import (
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
)

// TestInclude has columns of what records have besides their values.
func TestInclude(t *testing.T) {
	db := open(t, t.TempDir())
	exec(t, db, `CREATE SOURCE s (id BIGINT) INCLUDE key INCLUDE key VARCHAR AS text INCLUDE key INTEGER AS number
		INCLUDE partition INCLUDE offset INCLUDE timestamp AS sent`)
	b := batch.NewBuilder(db.engine.Allocator(), db.engine.Sources()["s"].Decoded().WithMetadata())
	keys := []string{"12", "é", "\xff"}
	for i, key := range keys {
		b.Column(0).AppendInt64(int64(i))
		b.Column(1).AppendInt32(3)
		b.Column(2).AppendInt64(int64(i))
		b.Column(3).AppendInt64(int64(i) * 1e6)
		b.Column(4).AppendString(key)
	}
	bytes := b.Bytes()
	n := int64(len(keys))
	err := db.Append(t.Context(), "s", &batch.Batch{
		Record: b.Finish(), Bytes: bytes, Arrival: time.Now(),
		Ranges: []batch.OffsetRange{{Partition: 3, First: 0, Next: n, Rows: len(keys), End: n, Epoch: -1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, db, "SELECT hex(record_key), coalesce(text, '-'), coalesce(number::VARCHAR, '-'), record_partition, record_offset, epoch(sent)::BIGINT FROM s ORDER BY id",
		"3132 12 12 3 0 0\nC3A9 é - 3 1 1\nFF - - 3 2 2")
}
