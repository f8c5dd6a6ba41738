package enginetest_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/enginetest/result"
)

var (
	plantFaults = flag.Bool("faults", false, "run TestPlantedFaults and TestRarePaths, which take minutes")
	faultShare  = flag.Int("share", 1, "plant only one fault of so many")
	faultTurn   = flag.Int("turn", 0, "which share: the next number plants the next fault of each so many")
)

// fault is a mistake in the engine, as replacements of its text.
type fault struct {
	name  string
	edits []edit
}

// edit replaces text that occurs exactly once in a file below engine.
type edit struct{ file, old, new string }

var faults = []fault{
	{"a record is late only after its window's end", []edit{{"view/pane.go", "cur.firstClose <= in.Watermarks[row]", "cur.firstClose < in.Watermarks[row]"}}},
	{"a window's end is inclusive", []edit{{"view/pane.go", "ts >= cur.end", "ts > cur.end"}}},
	{"a checkpoint lets go of rows that came after it", []edit{{"hot/table.go", "t.segments[n].last <= epoch {", "t.segments[n].last <= epoch+1 {"}}},
	{"rows that have moved into history are read from memory too", []edit{{"hot/table.go", "if s.last <= after ||", "if s.last < after ||"}}},
	{"windows that have moved into history are read from memory too", []edit{{"view/snapshot.go", "case g.pane, g.closed != 0 && g.closed <= checkpoint:", "case g.pane:"}}},
	{"closed windows are not moved into history", []edit{{"checkpointing.go", "if v.def.Plan.Window != nil && state.HasClosed() {", "if v.def.Plan.Window == nil && state.HasClosed() {"}}},
	{"windows in history are restored as well", []edit{{"view/state.go", "if v.closes(v.windows.Last(pane)) <= watermark {", "if v.closes(v.windows.Last(pane)) < v.windows.Start(pane) {"}}},
	{"changed groups are not marked for the checkpoint", []edit{{"view/groups.go", "g.dirty[group>>6] |= 1 << (group & 63)", "g.dirty[group>>6] |= 0 << (group & 63)"}}},
	{"a failed checkpoint forgets what it did not write", []edit{{"checkpointing.go", "v.state.Undo(delta)", "_ = delta"}}},
	{"pages are changed under their readers", []edit{{"view/groups.go", "if g.v.reclaim.Visible(made) {", "if false {"}}},
	{"what a reader has seen last is changed in place", []edit{{"epoch/reclaimer.go", "r.live[i].Epoch >= born; i--", "r.live[i].Epoch > born; i--"}}},
	{"the sets of count(DISTINCT) are not restored", []edit{{"view/state.go", "g.details[vectors[2].Int64(row)].Load(uint32(vectors[1].Int64(row)), vectors[3].Bytes(row))", "_ = g"}}},
	{"a key that is NULL equals zero", []edit{
		{"view/hash.go", "hashes[i] = mix(hashes[i], nullHash)", "hashes[i] = mix(hashes[i], 0)"},
		{"view/groups.go", "if held == v.Null(row) {", "if held == v.Null(row) && v.Values == nil {"},
	}},
	{"min and max take unsigned integers for signed", []edit{{"aggregate/minmax.go", "ordered[uint64](arg, greatest)", "ordered[int64](arg, greatest)"}}},
	{"a sum loses its carry", []edit{{"aggregate/sum.go", "sum.Hi+v.Hi+int64(carry)", "sum.Hi+v.Hi+int64(carry&0)"}}},
	{"a variance takes distances from the old mean only", []edit{{"aggregate/moments.go", "+= away * (x - *mean)", "+= away * away"}}},
	{"the greatest of nested values is the least", []edit{{"../query/plan/sort_key.go", "(n, 'ASC NULLS LAST') END", "(n, 'DESC NULLS LAST') END"}}},
	{"first goes by the first column of its ORDER BY alone", []edit{{"../query/plan/sort_key.go", "strings.Join(args, \", \")", "strings.Join(args[:1], \", \")"}}},
	{"arg_min counts rows whose key is NULL", []edit{{"aggregate/pick.go", "} else if p.keyNeeded {", "} else if p.keyNeeded && r.rank == pickNothing {"}}},
	{"sketches are empty after a restart", []edit{{"aggregate/sketch.go", "s.sketch, s.owner = d.decode(value), d.owner", "s.sketch, s.owner = d.empty(), d.owner"}}},
	{"a bag takes NULL for a value", []edit{{"view/bag.go", "if row := int(rows[i]); !args[j].Null(row) {", "if row := int(rows[i]); row >= 0 {"}}},
	{"every checkpoint writes all rows of bags again", []edit{{"view/bag.go", "first: b.taken, before: b.taken}", "first: 0, before: b.taken}"}}},
	{"FILTER is ignored", []edit{{"view/view.go", "if a.Filter >= 0 {", "if a.Filter >= 1000 {"}}},
	{"a grouping set keeps the keys outside of it", []edit{{"view/grouping_set.go", "if held {", "if held || set == 0 {"}}},
	{"groups of two grouping sets are one", []edit{{"view/grouping_set.go", "s.numbers[i] = int64(set)", "s.numbers[i] = int64(set) & 1"}}},
	{"GROUPING counts from the wrong side", []edit{{"../query/plan/grouping_set.go", "bits <<= 1\n\t\t\tif !slices.Contains(set, at) {\n\t\t\t\tbits |= 1\n", "bits >>= 1\n\t\t\tif !slices.Contains(set, at) {\n\t\t\t\tbits |= 1 << (len(args) - 1)\n"}}},
	{"window functions see the groups that HAVING keeps out", []edit{{"../query/plan/over.go", "strings.Join(columns, \", \") + \" FROM \" + text + filter + \")\"", "strings.Join(columns, \", \") + \" FROM \" + text + \")\""}}},
	{"a comparison takes NULL for a value", []edit{{"view/predicate.go", "if !null && c.Op.accepts", "if c.Op.accepts"}}},
	{"the hash table loses a group when it grows", []edit{{"aggregate/slots.go", "for _, slot := range old {", "for _, slot := range old[1:] {"}}},
	{"a page that grows loses its last row", []edit{{"view/groups.go", "copy(p.rows, old.rows)", "copy(p.rows, old.rows[:len(old.rows)-g.v.accs.stride])"}}},
	{"the watermark follows the fastest partition", []edit{{"watermark/watermark.go", "t.behind(min(others, newest))", "t.behind(max(newest, min(others, newest)))"}}},
	{"the watermark follows records from the future", []edit{{"watermark/watermark.go", "limit = arrival.Add(t.opts.MaxFuture).UnixMicro()", "limit = arrival.Add(24 * t.opts.MaxFuture * 365 * 6).UnixMicro()"}}},
	{"the offset of a batch's second partition does not advance", []edit{{"live_source.go", "p.Take(r)\n", "p.Take(r)\n\t\tif r.Partition != b.Ranges[0].Partition {\n\t\t\tp.Next = r.First\n\t\t}\n"}}},
	{"a new view misses the oldest hot rows", []edit{{"backfill.go", "max(p.after, r.checkpoint), nil)", "max(p.after, r.checkpoint)+1, nil)"}}},
	{"a new view takes the last row before a cut twice", []edit{{"history/offsets.go", "id, next[id])", "id, next[id]-1)"}}},
	{"a new view misses what came while it was built", []edit{{"backfill.go", "if err == nil {\n\t\t\terr = b.fold(ctx, p)", "if err == nil && p.next != nil {\n\t\t\tp.read.Close()\n\t\t} else if err == nil {\n\t\t\terr = b.fold(ctx, p)"}}},
	{"the count of late records is not restored", []edit{{"engine.go", "v.late, _ = im.Counter(o.Name, counterLate)", "v.late = 0"}}},
	{"what two expressions share is computed outside of TRY", []edit{{"duck/db.go", "\"disabled_optimizers\", \"common_subexpressions\"", "\"disabled_optimizers\", \"\""}}},
	{"a join matches NULL", []edit{{"dimension/lookup.go", "if !anyNull(keys, row) {", "if keys != nil {"}}},
	{"a left join leaves rows out", []edit{{"dimension/lookup.go", "if left && len(m.Batch) == before {", "if left && row == 0 && len(m.Batch) == before {"}}},
	{"views do not see that a table has changed", []edit{{"enrich.go", "t != nil && s.Copy.Version != t.version {", "t != nil && s.Copy.Version+1 < t.version {"}}},
	{"joined rows take the watermark of another", []edit{{"dimension/enricher.go", "x.watermarks = append(x.watermarks, watermarks[row])", "x.watermarks = append(x.watermarks, watermarks[row-row])"}}},
	{"late rows are looked for among the joined ones", []edit{{"dimension/enricher.go", "l.Row = x.rows[l.Row]", "l.Row = min(l.Row, x.rows[len(x.rows)-1])"}}},
	{"the second of two joins loses the rows of the first", []edit{{"dimension/enricher.go", "s.rows[i] = rows[row]", "s.rows[i] = min(row, rows[len(rows)-1])"}}},
	{"a join that is handed on in parts loses a row between them", []edit{
		{"dimension/enricher.go", "const mostPairs = 1 << 18", "const mostPairs = 100"},
		{"dimension/enricher.go", "for at, more := 0, true; more; more = at < n {", "for at, more := 0, true; more; at, more = at+1, at+1 < n {"},
	}},
	{"a record is late in every part of a join", []edit{
		{"dimension/enricher.go", "const mostPairs = 1 << 18", "const mostPairs = 1"},
		{"dimension/enricher.go", "x.late[l] = true", "x.late[l] = x.rows == nil"},
	}},
	{"a read shows what a key had in the file", []edit{{"catalog/keyed.go", "FROM %s) UNION ALL SELECT", "FROM %s WHERE false) UNION ALL SELECT"}}},
	{"a deleted key is still there", []edit{{"catalog/keyed.go", "ORDER BY %s DESC) = 1) WHERE NOT %s", "ORDER BY %s DESC) = 1) WHERE NOT (%s AND false)"}}},
	{"of the changes of a key the first one stays", []edit{{"catalog/keyed.go", "ORDER BY %s DESC) = 1", "ORDER BY %s ASC) = 1"}}},
	{"a checkpoint leaves the rows that changes replace", []edit{{"catalog/keyed.go", "DELETE FROM %s WHERE %s IN", "DELETE FROM %s WHERE false AND %s IN"}}},
	{"views look up rows that were replaced", []edit{{"dimension/keyed.go", "k.index.remove(hashRow(k.keys, int(at)), at)", "_ = at"}}},
	{"a deleted key is still looked up", []edit{{"dimension/keyed.go", "if deleted.Bool(i) || !takesPart {", "if deleted.Bool(i) && i < 0 || !takesPart {"}}},
	{"what a truncation deletes comes back with the next change", []edit{{"catalog/keyed.go", "coalesce(max(%s), 0)", "coalesce(0 * max(%s), 0)"}}},
	{"a checkpoint leaves the rows of a truncated table", []edit{{"keyed_source.go", "truncated = truncated || rec", "truncated = truncated && rec"}}},
	{"rows of a truncated table are still looked up", []edit{{"dimension/keyed.go", "k.clear()", "_ = i"}}},
	{"changes do not reach the views that join", []edit{{"keyed_source.go", "failed, err := k.Apply(ctx, rec, s.schema)", "failed, err := false, error(nil)"}}},
	{"a view that is made joins what is in the file alone", []edit{{"keyed_source.go", "return hot.After(l.s.schema, l.s.rowTable.Freeze(), 0, nil), nil", "return hot.Shape(l.s.schema), nil"}}},
	{"the watermark is not restored", []edit{{"engine.go", "s.tracker.Restore(mark, newest, e.opts.Now())", "s.tracker.Restore(mark-1e9, nil, e.opts.Now())"}}},
	{"a subscription leaps over what is moved into history", []edit{{"checkpointing.go", "e.subs.Releasing(e.door.Newest())", "_ = e.door.Newest()"}}},
	{"a subscription tells rows twice that were merged", []edit{{"hot/table.go", "from := max(0, -n)", "from := min(0, -n) * 0"}}},
	{"a subscription is not told of rows that come to bags alone", []edit{{"view/changes.go", "w.n != other.n || w.members != other.members ||", "w.n != other.n ||"}}},
	{"a subscription does not take back what has changed", []edit{{"view/changes.go", "was.windows = append(was.windows, single(w, p))", "_ = single(w, p)"}}},
	{"a subscription counts a row that is there twice once", []edit{{"subscription/sql.go", "SELECT sum(d)::BIGINT AS n", "SELECT sign(sum(d))::BIGINT AS n"}}},
	{"a hop leaves its first window out", []edit{{"window/windows.go", "for m := floorDiv(pane-w.size, w.slide) + 1;", "for m := floorDiv(pane-w.size, w.slide) + 2;"}}},
	{"a cumulating window goes on where it should begin anew", []edit{{"window/windows.go", "first := floorDiv(pane, w.size) * w.size", "first := floorDiv(pane, 2*w.size) * 2 * w.size"}}},
	{"a window lacks its last pane", []edit{{"view/merge.go", "v.tree.cover(w.first, w.after, leaf", "v.tree.cover(w.first, w.after-1, leaf"}}},
	{"merged panes stay as they were when one of them changes", []edit{{"view/pane.go", "v.tree.forget(pane)", "_ = pane"}}},
	{"a row that is late for one window counts in none", []edit{{"view/pane.go", "if cur.lastClose <= mark {", "if cur.firstClose <= mark {"}}},
	{"a session's gap is exclusive", []edit{{"view/session.go", "if start > x.end || end < x.start {", "if start >= x.end || end <= x.start {"}}},
	{"sessions that meet leave one behind", []edit{{"view/session.go", "s.g.mergeGroups(s.into, s.g.accs, s.g.details, s.moved)", "s.g.mergeGroups(s.into[1:], s.g.accs, s.g.details, s.moved[1:])"}}},
	{"a session that has closed can be joined", []edit{{"view/session.go", "start <= k.closed {", "start <= k.closed-s.gap {"}}},
	{"a group ends only after its TTL", []edit{{"view/expiry.go", "if mark == noTime || x.end(group) > mark {", "if mark == noTime || x.end(group) >= mark {"}}},
	{"a row joins a group that has ended", []edit{{"view/expiry.go", "return x.follow(group, hash)", "return group"}}},
	{"a group that has ended is shown", []edit{{"view/relation.go", "ttl.Micros) > r.reached", "ttl.Micros) > r.reached-1e6"}}},
	{"a row that is late for its group is not late", []edit{{"view/expiry.go", "mark != noTime && end <= mark {", "mark != noTime && end < mark {"}}},
	{"after a restart rows join the first group of their keys", []edit{{"view/expiry.go", "x.g.replace(hash, before, uint32(group))", "_ = hash"}}},
	{"the time zone is ignored", []edit{{"window/windows.go", "w.zone = zone", "_ = zone"}}},
	{"the allowed lateness is ignored", []edit{{"view/view.go", "v.lateness = w.LatenessMicros", "v.lateness = 0"}}},
	{"open windows of a final view are shown", []edit{{"view/snapshot.go", "final := w != nil && w.Final", "final := w != nil && w.Final && w.GapMicros > 0"}}},
	{"the stream of a view is ahead of the source", []edit{{"stream.go", "p.Marks = append(p.Marks, v.others(in.Watermarks[row]))", "p.Marks = append(p.Marks, v.others(in.Watermarks[len(in.Watermarks)-1]))"}}},
	{"closed windows are given to views again", []edit{{"view/stream.go", "g.taken = true", "g.taken = false"}}},
	{"a new view misses a branch of its UNION ALL", []edit{{"backfill.go", "b.folded, b.rows, b.next = 0, 0, nil", "_ = branch"}}},
	{"rows that are staged are in the view twice", []edit{
		{"staging.go", "const stageBytes = 64 << 20", "const stageBytes = 1"},
		{"staging.go", "t.Drop(hot.EveryEpoch)", "_ = hot.EveryEpoch"},
	}},
	{"a view begins without the rows that are staged", []edit{
		{"staging.go", "const stageBytes = 64 << 20", "const stageBytes = 1"},
		{"checkpoint/stage.go", "return history.Adopt(ctx, s.conn, t, staged, number)", "_ = staged\n\treturn history.Create(ctx, s.conn, t, number, at)"},
	}},
	{"the offsets of a view's stream are not restored", []edit{{"live_view.go", "v.out.partition(p.Partition, p.Next).Restore(&p, im)", "p.Next = 0\n\t\t\tv.out.partition(p.Partition, p.Next).Restore(&p, im)"}}},
	{"what a new view without aggregation had before is not shown", []edit{{"hot/table.go", "s.first, s.last = t.reclaim.Next(), t.reclaim.Next()", "s.first, s.last = s.first, t.reclaim.Next()*0"}}},
}

// faultsInBatches are found by TestMetamorphic too.
var faultsInBatches = []fault{
	{"a batch is late as a whole", []edit{{"live_source.go", "s.tracker.Observe(b.Ranges, &times, b.Arrival, out)", "s.tracker.Observe(b.Ranges, &times, b.Arrival, out)\n\tfor i := range out {\n\t\tout[i] = out[len(out)-1]\n\t}"}}},
	{"the last row of a stream of a batch is lost", []edit{{"stream.go", "rows := v.state.Passing(in)\n", "rows := v.state.Passing(in)[:max(0, len(v.state.Passing(in))-in.Rows/100)]\n"}}},
}

// TestPlantedFaults checks the oracle: it must find every fault. The faults are
// planted by the go command's overlay; nothing of them is in the sources.
func TestPlantedFaults(t *testing.T) {
	if !*plantFaults {
		t.Skip("run with -faults")
	}
	caught, planted := 0, 0
	for i, f := range slices.Concat(faults, faultsInBatches) {
		if i%*faultShare != *faultTurn%*faultShare {
			continue
		}
		planted++
		t.Run(f.name, func(t *testing.T) {
			start := time.Now()
			test, seeds := "TestOracle", 400
			if i >= len(faults) {
				test, seeds = "TestMetamorphic", 20
			}
			out, failed := runWith(t, f, test, seeds)
			switch {
			case strings.Contains(out, "[build failed]"):
				t.Fatalf("the fault does not compile:\n%s", out)
			case !failed:
				t.Errorf("not found: %s", lastLine(out))
			default:
				caught++
				t.Logf("found in %s: %s", time.Since(start).Round(time.Second), evidence(out))
			}
		})
	}
	result.Report(t, "planted faults", "%d/%d found", caught, planted)
}

// rarePaths are limits so low that what else happens after hours happens all the
// time.
var rarePaths = fault{"rare paths", []edit{
	{"epoch/door.go", "quietEpochs = 8", "quietEpochs = 0"},
	{"view/strings.go", "const tidyBytes = 1 << 20", "const tidyBytes = 64"},
	{"checkpointing.go", "const compactRows = 100_000", "const compactRows = 20"},
	{"checkpointing.go", "const foldBytes = 64 << 20", "const foldBytes = 1"},
	{"checkpoint/load.go", "const recordRows = 65536", "const recordRows = 7"},
	{"hot/table.go", "const mergeRows = 8192", "const mergeRows = 100"},
	{"aggregate/accumulator.go", "PageShift = 10", "PageShift = 6"},
	{"view/ending.go", "const compactOver = 1024", "const compactOver = 4"},
	{"dimension/enricher.go", "const mostPairs = 1 << 18", "const mostPairs = 2"},
	{"staging.go", "const stageBytes = 64 << 20", "const stageBytes = 1"},
}}

// TestRarePaths runs the oracle on an engine with such limits.
func TestRarePaths(t *testing.T) {
	if !*plantFaults {
		t.Skip("run with -faults")
	}
	if out, failed := runWith(t, rarePaths, "TestOracle", 100); failed {
		t.Error(out)
	}
}

// runWith runs seeds of a test on an engine with a fault.
func runWith(t *testing.T, f fault, test string, seeds int) (output string, failed bool) {
	t.Helper()
	dir := t.TempDir()
	texts := f.texts(t)
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for path, text := range texts {
		patched := filepath.Join(dir, fmt.Sprint(len(overlay.Replace), filepath.Base(path)))
		if err := os.WriteFile(patched, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[path] = patched
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", "-count=1", "-timeout=15m", "-overlay="+file, "-run=^"+test+"$", ".",
		"-args", fmt.Sprint("-seeds=", seeds), "-failures=1")
	out, err := cmd.CombinedOutput()
	return string(out), err != nil
}

// texts returns the files that the fault changes, by their paths.
func (f *fault) texts(t *testing.T) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	for _, e := range f.edits {
		path, err := filepath.Abs(filepath.Join("..", e.file))
		if err != nil {
			t.Fatal(err)
		}
		if texts[path] == "" {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			texts[path] = string(b)
		}
		if n := strings.Count(texts[path], e.old); n != 1 {
			t.Fatalf("%s: %s contains %q %d times: the fault needs to be written anew", f.name, e.file, e.old, n)
		}
		texts[path] = strings.Replace(texts[path], e.old, e.new, 1)
	}
	return texts
}

// TestFaultsFitTheirFiles finds faults that the code has moved away from,
// without planting them.
func TestFaultsFitTheirFiles(t *testing.T) {
	for _, f := range slices.Concat(faults, faultsInBatches, []fault{rarePaths}) {
		t.Run(f.name, func(t *testing.T) { f.texts(t) })
	}
}

// evidence is the first line that says what is wrong.
func evidence(out string) string {
	for _, line := range strings.Split(out, "\n") {
		for _, sign := range []string{"seed ", "panic: ", "fatal error: ", "SIGSEGV"} {
			if i := strings.Index(line, sign); i >= 0 {
				return line[i:min(len(line), i+160)]
			}
		}
	}
	return lastLine(out)
}

func lastLine(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}
