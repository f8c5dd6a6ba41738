package kafka

import (
	"sync"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// recordMemory is what the client keeps of a record beside its bytes.
	recordMemory = int64(unsafe.Sizeof(kgo.Record{})+unsafe.Sizeof((*kgo.Record)(nil))) + 8
	// firstGrowth is by how much a fetch is taken to grow that nothing is known of yet: the first is a
	// small one.
	firstGrowth = 64
	// growthWindow is how many of the last bytes count that were read.
	growthWindow = 4 << 20
	// leastFetch is what a fetch asks for at least; a broker sends a whole batch, however large.
	leastFetch = 64 << 10
)

// fetchSize finds how many bytes a fetch may ask for so that its records, unpacked, take no more
// memory than they are given. Short records that compress well take forty times what they have
// on the wire, and a broker is asked for what is on the wire. It is safe for concurrent use.
type fetchSize struct {
	memory int64 // of one fetch from each broker, together

	mu sync.Mutex
	// mu protects the fields below.
	read     float64 // bytes of batches as they came, of late
	unpacked float64 // and what they take
	brokers  map[int32]struct{}
}

var _ kgo.HookFetchBatchRead = (*fetchSize)(nil)

func newFetchSize(memory int64) *fetchSize {
	return &fetchSize{memory: memory, brokers: make(map[int32]struct{})}
}

// OnFetchBatchRead implements kgo.HookFetchBatchRead.
func (f *fetchSize) OnFetchBatchRead(meta kgo.BrokerMetadata, _ string, _ int32, m kgo.FetchBatchMetrics) {
	if m.CompressedBytes <= 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.brokers[meta.NodeID] = struct{}{}
	f.read += float64(m.CompressedBytes)
	f.unpacked += float64(int64(m.UncompressedBytes) + int64(m.NumRecords)*recordMemory)
	if f.read > growthWindow {
		f.read, f.unpacked = f.read/2, f.unpacked/2
	}
}

// bytes returns what a fetch may ask a broker for.
func (f *fetchSize) bytes() int32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	growth := float64(firstGrowth)
	if f.read > 0 {
		growth = f.unpacked / f.read
	}
	return int32(max(leastFetch, min(maxReadBytes/2, float64(f.memory)/growth/float64(max(1, len(f.brokers))))))
}
