package torture

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/bench/figures"
)

const (
	// growthAfter is how long a soak must take for its growth to say anything.
	growthAfter = 20 * time.Minute
	// warmUp is the part of a process's life that does not count.
	warmUp = 0.3
	// What a process may take more at the end of an hour than at its beginning, once it is warm. A
	// view without windows goes on growing with its keys, and DuckDB with the tables' metadata. Blocks
	// that DuckDB keeps, until it has all that it may have, do not count, nor do pages of the program.
	growthMemory = 32 << 20
	// growthFloor is of how many samples the least one counts: what a statement takes, and what the
	// collector has not got to, is given back, and what leaks is not.
	growthFloor = 12
	growthOther = 5
	// growthFile is how much larger a record may be in the file than in the first half.
	growthFile = 1.5
)

// sample is what the process took at a time.
type sample struct {
	at time.Time
	footprint
	file, records int64
}

// growth is what a process takes over its lives.
type growth struct{ lives [][]sample }

// begin begins a life.
func (g *growth) begin() { g.lives = append(g.lives, nil) }

func (g *growth) add(f footprint, file, records int64) {
	g.lives[len(g.lives)-1] = append(g.lives[len(g.lives)-1], sample{time.Now(), f, file, records})
}

// slope returns how much a figure grows in an hour: the median of all lives, each without its
// beginning.
func (g *growth) slope(figure func(sample) int64) float64 {
	var slopes []float64
	for _, life := range g.lives {
		warm := life[int(float64(len(life))*warmUp):]
		if len(warm) < 3 {
			continue
		}
		slopes = append(slopes, regression(floors(warm, figure), figure))
	}
	return figures.Median(slopes)
}

// floors returns the least of each growthFloor samples, and all samples of a life that has too few.
func floors(samples []sample, figure func(sample) int64) (least []sample) {
	for some := range slices.Chunk(samples, growthFloor) {
		if len(some) == growthFloor {
			least = append(least, slices.MinFunc(some, func(a, b sample) int { return cmp.Compare(figure(a), figure(b)) }))
		}
	}
	if len(least) < 3 {
		return samples
	}
	return least
}

// regression returns the slope of the line nearest to the samples, in an hour.
func regression(samples []sample, figure func(sample) int64) float64 {
	var meanX, meanY, above, below float64
	x := func(s sample) float64 { return s.at.Sub(samples[0].at).Hours() }
	for _, s := range samples {
		meanX += x(s) / float64(len(samples))
		meanY += float64(figure(s)) / float64(len(samples))
	}
	for _, s := range samples {
		above += (x(s) - meanX) * (float64(figure(s)) - meanY)
		below += (x(s) - meanX) * (x(s) - meanX)
	}
	if below == 0 {
		return 0
	}
	return above / below
}

func memoryOf(s sample) int64      { return s.memory - s.duckdb - s.files }
func descriptorsOf(s sample) int64 { return s.descriptors }
func goroutinesOf(s sample) int64  { return s.goroutines }

// perRecord returns the bytes of the file for each record, half way and at the end.
func (g *growth) perRecord() (half, end float64) {
	var all []sample
	for _, life := range g.lives {
		all = append(all, life...)
	}
	if len(all) == 0 {
		return 0, 0
	}
	of := func(s sample) float64 { return float64(s.file) / float64(max(1, s.records)) }
	return of(all[len(all)/2]), of(all[len(all)-1])
}

// cache returns what DuckDB has had of the memory at most.
func (g *growth) cache() (most int64) {
	for _, life := range g.lives {
		for _, s := range life {
			most = max(most, s.duckdb)
		}
	}
	return most
}

// problems says what has grown that should not. DuckDB may have so much memory.
func (g *growth) problems(duckdb int64) (list []string) {
	for _, c := range []struct {
		name   string
		figure func(sample) int64
		most   float64
	}{{"bytes of memory", memoryOf, growthMemory}, {"descriptors", descriptorsOf, growthOther}, {"goroutines", goroutinesOf, growthOther}} {
		if grown := g.slope(c.figure); grown > c.most {
			list = append(list, fmt.Sprintf("the process takes %.0f %s more with each hour, at most %.0f are right", grown, c.name, c.most))
		}
	}
	if most := g.cache(); most > duckdb+1<<20 { // it counts by threads first, which may be some kilobytes behind
		list = append(list, fmt.Sprintf("DuckDB had %d bytes of memory, it may have %d", most, duckdb))
	}
	if half, end := g.perRecord(); end > growthFile*half {
		list = append(list, fmt.Sprintf("a record takes %.0f bytes of the file, half way it took %.0f", end, half))
	}
	return list
}

// String says how things grow.
func (g *growth) String() string {
	_, end := g.perRecord()
	return fmt.Sprintf("in an hour of a life: memory beside DuckDB's and the program's %+.1f MiB, descriptors %+.1f, goroutines %+.1f; DuckDB had %d MiB at most; %.0f bytes of file a record",
		g.slope(memoryOf)/(1<<20), g.slope(descriptorsOf), g.slope(goroutinesOf), g.cache()>>20, end)
}

// parts says who had the memory in each tenth of the lives: medians in MiB.
func (g *growth) parts() string {
	var out strings.Builder
	for i, life := range g.lives {
		for tenth := range 10 {
			some := life[len(life)*tenth/10 : len(life)*(tenth+1)/10]
			if len(some) == 0 {
				continue
			}
			fmt.Fprintf(&out, "\nlife %d, after %s: %d MiB; DuckDB %d, pages of files %d, Go %d, the rest %d, all but the first two %d at least", i+1, some[0].at.Sub(life[0].at).Round(time.Second),
				middle(some, func(s sample) int64 { return s.memory }), middle(some, func(s sample) int64 { return s.duckdb }),
				middle(some, func(s sample) int64 { return s.files }), middle(some, func(s sample) int64 { return s.heap }),
				middle(some, func(s sample) int64 { return memoryOf(s) - s.heap }), memoryOf(slices.MinFunc(some, func(a, b sample) int { return cmp.Compare(memoryOf(a), memoryOf(b)) }))>>20)
		}
	}
	return out.String()
}

// middle returns the median of a figure, in MiB.
func middle(samples []sample, figure func(sample) int64) int64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = float64(figure(s))
	}
	return int64(figures.Median(values)) >> 20
}

// TestGrowth shows that what grows is found, and what does not is not.
func TestGrowth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		// more is what a life of two hours takes at its end beyond the beginning.
		more    footprint
		passing int64   // bytes that the last of each three samples has beyond the others at the end of a life
		file    float64 // of each record, at the end as a multiple
		want    string
	}{
		{"nothing", footprint{}, 0, 1, ""},
		{"a warm-up", footprint{memory: -100 << 20}, 0, 1, ""},
		{"memory", footprint{memory: 100 << 20}, 0, 1, "memory"},
		{"memory beside what passes", footprint{memory: 100 << 20}, 400 << 20, 1, "memory"},
		{"what passes", footprint{}, 400 << 20, 1, ""},
		{"pages of files", footprint{memory: 100 << 20, files: 100 << 20}, 0, 1, ""},
		{"blocks that DuckDB keeps", footprint{memory: 100 << 20, duckdb: 100 << 20}, 0, 1, ""},
		{"more than DuckDB may have", footprint{memory: 300 << 20, duckdb: 300 << 20}, 0, 1, "DuckDB"},
		{"descriptors", footprint{descriptors: 20}, 0, 1, "descriptors"},
		{"goroutines", footprint{goroutines: 20}, 0, 1, "goroutines"},
		{"the file", footprint{}, 0, 4, "file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := &growth{}
			const lives, samples = 2, 100
			for life := range lives {
				g.begin()
				for i := range samples {
					part := float64(i) / samples
					noise := int64(i%7) << 18
					n := int64(life*samples + i + 1)
					wide := 100 * (1 + (c.file-1)*float64(n)/(lives*samples))
					f := footprint{
						memory: 200<<20 + noise + int64(part*float64(c.more.memory)), duckdb: int64(part * float64(c.more.duckdb)), files: int64(part * float64(c.more.files)),
						descriptors: 30 + int64(i%3) + int64(part*float64(c.more.descriptors)), goroutines: 50 + int64(i%5) + int64(part*float64(c.more.goroutines)),
					}
					if i%3 == 2 {
						f.memory += int64(part * float64(c.passing))
					}
					g.add(f, int64(wide*float64(n*1000)), n*1000)
					last := &g.lives[life][i]
					last.at = time.Unix(0, 0).Add(time.Duration(life)*2*time.Hour + time.Duration(part*float64(2*time.Hour)))
				}
			}
			got := strings.Join(g.problems(256<<20), "; ")
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%q, want one about %q", got, c.want)
			}
		})
	}
}

// TestParts shows whose the memory is in each tenth of a life, also of a short one.
func TestParts(t *testing.T) {
	t.Parallel()
	g := &growth{}
	for _, samples := range []int{20, 3} {
		g.begin()
		for range samples {
			g.add(footprint{memory: 6 << 20, duckdb: 2 << 20, heap: 1 << 20, files: 1 << 20}, 0, 0)
		}
	}
	for _, want := range []struct {
		life  string
		lines int
	}{{"life 1, after 0s: 6 MiB; DuckDB 2, pages of files 1, Go 1, the rest 2, all but the first two 3 at least", 10}, {"life 2, after 0s: 6 MiB; DuckDB 2, pages of files 1, Go 1, the rest 2, all but the first two 3 at least", 3}} {
		if n := strings.Count(g.parts(), want.life); n != want.lines {
			t.Errorf("%q is there %d times, want %d:%s", want.life, n, want.lines, g.parts())
		}
	}
}
