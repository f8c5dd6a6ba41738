package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/millstream-db/millstream/bench/limits"
	"github.com/millstream-db/millstream/bench/peers/programs"
	"github.com/millstream-db/millstream/bench/peers/results"
	"github.com/millstream-db/millstream/bench/workload"
	"github.com/millstream-db/millstream/engine/batch"
)

// replayLimit measures a limit in a process of its own, which is this program in a role.
func replayLimit(ctx context.Context, s *session, x *system, j replayJob) (map[results.Value]float64, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, path, "-role="+x.Name, s.addr, j.name, strconv.FormatInt(j.records, 10), string(j.key))
	r, err := programs.Start(cmd, filepath.Join(s.dir, x.Name+".log"))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return watchReplay(ctx, r)
}

// play is a process that replayLimit started.
func play(ctx context.Context, c *config, out io.Writer) error {
	if len(c.jobArgs) != 4 {
		return fmt.Errorf("-role: there are %d arguments, not the broker, the topic, its records and the key", len(c.jobArgs))
	}
	addr, topic, key := c.jobArgs[0], c.jobArgs[1], c.jobArgs[3]
	records, err := strconv.ParseInt(c.jobArgs[2], 10, 64)
	if err != nil {
		return fmt.Errorf("-role: %w", err)
	}
	begin := func() { fmt.Fprintln(out, programs.Started) }
	switch c.role {
	case results.Consumer:
		begin()
		_, err = limits.Consume(ctx, addr, topic, partitions, records)
	case results.Decoder:
		values := recordsInMemory(records)
		begin()
		_, err = limits.Decode(values, purchaseColumns, records)
	case results.Aggregation:
		_, err = limits.Aggregate(ctx, recordsInMemory(records), windowsInMemory(key), records, begin)
	case results.MemoryReads:
		_, err = limits.ReadMemory(records, recordBytes, begin)
	default:
		err = fmt.Errorf("there is no role %q", c.role)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, programs.Finished)
	time.Sleep(programs.Linger)
	return err
}

// recordsInMemory are the first records of a topic of so many.
func recordsInMemory(records int64) [][]byte {
	purchases := workload.NewPurchases(seed)
	values := make([][]byte, min(records, limits.DecodedRecords))
	for i := range values {
		values[i] = purchases.AppendValue(nil, int64(i), base)
	}
	return values
}

// windowsInMemory makes the view of a replay over a source that nobody but the process itself fills.
func windowsInMemory(key string) limits.Statements {
	return limits.Statements{Source: "purchases", Create: []string{memorySourceStatement, fmt.Sprintf(windowsStatement, key)}}
}

// purchaseColumns are workload.PurchasesColumns as the decoder wants them.
var purchaseColumns = []batch.Column{
	{Name: "id", Type: batch.Type{Kind: batch.BigInt}},
	{Name: "ts", Type: batch.Type{Kind: batch.TimestampTZ}},
	{Name: "user", Type: batch.Type{Kind: batch.Varchar}},
	{Name: "page", Type: batch.Type{Kind: batch.Varchar}},
	{Name: "cents", Type: batch.Type{Kind: batch.BigInt}},
	{Name: "country", Type: batch.Type{Kind: batch.Varchar}},
	{Name: "status", Type: batch.Type{Kind: batch.Integer}},
	{Name: "note", Type: batch.Type{Kind: batch.Varchar}},
}
