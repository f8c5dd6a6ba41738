package results

import (
	"fmt"

	"github.com/millstream-db/millstream/bench/figures"
)

// The workloads.
const (
	ReplayPages = "replay by page"
	ReplayUsers = "replay by user"
	Restart     = "restart"
	StartUp     = "start-up"
	Memory      = "memory"
	BinarySize  = "binary size"
)

// The queries that are asked under load.
const (
	PointLookup = "point lookup"
	TopTen      = "top 10 of 1 million groups"
	FullView    = "full view of 1,000 groups"
	Join        = "join of 1,000 groups with a table"
	HistoryScan = "scan of a million rows of history"
)

// Questions are all of them, in the order of the report.
var Questions = []string{PointLookup, TopTen, FullView, Join, HistoryScan}

// The systems that targets are about.
const (
	Millstream        = "millstream"
	MillstreamHistory = "millstream-history"
	Spark             = "spark"
	Consumer          = "franz-go"
	Decoder           = "decoder"
	Aggregation       = "aggregation"
	MemoryReads       = "memory"
)

// Replays are the workloads that fill views from a full topic.
var Replays = []string{ReplayPages, ReplayUsers}

// FreshnessRates are the records per second that freshness is measured at.
var FreshnessRates = []int{10_000, 50_000, 200_000}

// ClientCounts are how many clients ask under load.
var ClientCounts = []int{1, 16}

// Freshness names the workload of so many records per second.
func Freshness(rate int) string {
	return fmt.Sprintf("freshness at %s/s", figures.Thousands(float64(rate)))
}

// Query names the workload of a query that so many clients ask; none ask nothing.
func Query(name string, clients int) string {
	switch clients {
	case 0:
		return "no query"
	case 1:
		return name + ", 1 client"
	}
	return fmt.Sprintf("%s, %d clients", name, clients)
}
