package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPercentiles(t *testing.T) {
	m := measurement{}
	if m.percentile(0.5) != 0 {
		t.Error("nothing has a percentile")
	}
	for i := range 200 {
		m.latencies = append(m.latencies, time.Duration(i)*time.Millisecond)
	}
	for share, want := range map[float64]time.Duration{0: 0, 0.5: 100, 0.99: 198, 1: 199} {
		if got := m.percentile(share); got != want*time.Millisecond {
			t.Errorf("percentile %v: %v, want %d ms", share, got, want)
		}
	}
}

func TestRates(t *testing.T) {
	for v, want := range map[float64]string{0: "0.0", 12.34: "12.3", 100: "100", 1000: "1,000", 123456: "123,456", 1234567.8: "1,234,568"} {
		if got := rate(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

// TestAnswers: rows without an order may come in any, others may not; a value's end
// and NULL count.
func TestAnswers(t *testing.T) {
	sum := func(ordered bool, rows ...[][]byte) answer {
		a := answer{}
		for _, r := range rows {
			a.add(r, ordered)
		}
		return a
	}
	a, b := [][]byte{[]byte("x"), []byte("yz")}, [][]byte{[]byte("xy"), []byte("z")}
	if sum(false, a, b) != sum(false, b, a) {
		t.Error("the order counts where there is none")
	}
	if sum(true, a, b) == sum(true, b, a) {
		t.Error("the order does not count")
	}
	if sum(false, a, a) == sum(false, b, b) {
		t.Error("the ends of values do not count")
	}
	if sum(false, [][]byte{nil}) == sum(false, [][]byte{{}}) {
		t.Error("NULL is an empty value")
	}
}

func TestFlags(t *testing.T) {
	c, err := parseFlags([]string{"-clients=1, 4", "-only=top|GROUP", "-for=100ms"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{1, 4}, c.clients); diff != "" || c.patient != 100*time.Millisecond || c.rounds != 3 {
		t.Errorf("%s%+v", diff, c)
	}
	for _, wrong := range []string{"-clients=0", "-clients=", "-rows=9", "-rounds=0", "-only=("} {
		if _, err := parseFlags([]string{wrong}); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}

// TestInsertions: each row is inserted once, and each group's product.
func TestInsertions(t *testing.T) {
	const rows, groups = 250_000, 25_000
	series := map[string]int{}
	for first := int64(0); first < rows; first += loadedRows {
		for _, sql := range insertions(first, min(first+loadedRows, rows), groups) {
			_, from, _ := strings.Cut(sql, "generate_series")
			series[strings.Fields(sql)[2]+from]++
		}
	}
	want := map[string]int{
		"sales(0::BIGINT, 99999::BIGINT) AS t(i)": 1, "sales(100000::BIGINT, 199999::BIGINT) AS t(i)": 1,
		"sales(200000::BIGINT, 249999::BIGINT) AS t(i)": 1, "products(0::BIGINT, 24999::BIGINT) AS t(i)": 1,
	}
	if diff := cmp.Diff(want, series); diff != "" {
		t.Error(diff)
	}
}

// TestTable: the ratio is the median of the rounds' ratios, not the ratio of the
// medians, and the slowest hundredth of few queries is left out.
func TestTable(t *testing.T) {
	of := func(queries int64, latency time.Duration) measurement {
		m := measurement{queries: queries, rows: 10 * queries, bytes: 1e6 * queries, elapsed: time.Second, cpu: time.Duration(queries) * latency / 4}
		for range queries {
			m.latencies = append(m.latencies, latency)
		}
		return m
	}
	results := []*comparison{
		{workload: &workload{name: "small"}, clients: 1, rounds: [][2]measurement{
			{of(2000, 500*time.Microsecond), of(1000, time.Millisecond)},
			{of(300, 3*time.Millisecond), of(100, 10*time.Millisecond)},
			{of(400, 2*time.Millisecond), of(400, 2*time.Millisecond)},
		}},
		{workload: &workload{name: "large", large: true}, clients: 16, rounds: [][2]measurement{{of(5, 200*time.Millisecond), of(4, 250*time.Millisecond)}}},
	}
	servers := []*server{{name: "A", version: "1"}, {name: "B", version: "2"}}
	_, table, _ := strings.Cut(newTable(&config{rows: 100, rounds: 3}, servers, results), "\n\n")
	want := `| query | clients | A: per second | p50 ms | p99 ms | CPU ms | B: per second | p50 ms | p99 ms | CPU ms | ratio |
|---|---|---|---|---|---|---|---|---|---|---|
| small | 1 | 400 | 2.00 | 2.00 | 0.50 | 400 | 2.00 | 2.00 | 0.50 | 2.00 |
| large | 16 | 50.0 rows, 5 MB | 200 |  | 50.0 | 40.0 rows, 4 MB | 250 |  | 62.5 | 1.25 |
`
	if diff := cmp.Diff(want, table); diff != "" {
		t.Error(diff)
	}
}
