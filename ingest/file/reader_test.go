package file

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/source"
)

const old = time.Hour

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFilesOfEveryFormat(t *testing.T) {
	p := newPlace(t, "*/*")
	p.write("d/a.ndjson", "{\"id\":1,\"name\":\"a\"}\n\n{\"id\":\"x\"}\r\n{\"id\":3}", old)
	p.write("d/b.csv", "name,id\n\"b\nb\",4\nc,y\nd,5\n", old)
	p.write("d/c.jsonl.gz", zipped(t, "{\"id\":6}\n"), old)
	p.write("d/d.csv.gz", zipped(t, "id\n7\n"), old)
	p.write("d/e.json", "", old)
	p.write("d/.hidden.json", "{\"id\":100}\n", old)
	s := newTable(t)
	r := p.open(s)
	s.wants(`0:0 1 a|0:2 3 (null)|1:0 4 b` + "\n" + `b|1:2 5 d|2:0 6 (null)|3:0 7 (null)|` +
		`0:1 {"id":"x"}: column "id": "x" is not a BIGINT, at byte 6|1:1 c,y: column "id": "y" is not a BIGINT, at byte 2`)
	wantState(t, r, source.Running)
	for deadline := time.Now().Add(10 * time.Second); r.Status().Partitions[4].End < 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	st := r.Status()
	if len(st.Partitions) != 5 || st.Records != 8 {
		t.Errorf("status %+v", st)
	}
	for _, f := range st.Partitions {
		if f.Next != f.End || !strings.HasPrefix(f.Name, p.dir) {
			t.Errorf("partition %+v", f)
		}
	}
}

func TestEncodingGoesBeforeTheName(t *testing.T) {
	p := newPlace(t, "*.log")
	p.spec.Encode, p.spec.EncodeOptions = "CSV", map[string]string{"delimiter": ";", "header": "false"}
	p.write("a.log", "1;a\n2\n3;c", old)
	s := newTable(t)
	p.open(s)
	s.wants("0:0 1 a|0:2 3 c|0:1 2: 1 fields, the source has 2 columns")
}

func TestNewFilesAreFoundWhenTheyStandStill(t *testing.T) {
	p := newPlace(t, "*.json")
	s := newTable(t)
	r := p.open(s)
	wantState(t, r, source.Running)
	p.write("b.json", "{\"id\":1}\n", old)
	s.wants("0:0 1 (null)")
	p.write("a.json", "{\"id\":2}\n", -old) // the clock of who wrote it is ahead
	s.wants("0:0 1 (null)|1:0 2 (null)")
	// A file that grows is begun when it has stopped.
	for i := range 10 {
		p.write("c.json", strings.Repeat("{\"id\":3}\n", i+1), -time.Duration(i)*time.Second)
		time.Sleep(40 * time.Millisecond)
	}
	s.wants("0:0 1 (null)|1:0 2 (null)" + func() (rest string) {
		for i := range 10 {
			rest += fmt.Sprintf("|2:%d 3 (null)", i)
		}
		return rest
	}())
	wantState(t, r, source.Running)
}

// TestEveryPlaceToGoOnFrom stops a reader after each batch and goes on with what
// the engine would have kept.
func TestEveryPlaceToGoOnFrom(t *testing.T) {
	var lines, csv strings.Builder
	csv.WriteString("id,name\n")
	var want []string
	for i := range 40 {
		fmt.Fprintf(&lines, "{\"id\":%d,\"name\":\"n%d\"}\n", i, i)
		fmt.Fprintf(&csv, "%d,\"n\n%d\"\n", i, i)
	}
	for f, name := range []string{"n%d", "n\n%d", "n%d", "n\n%d"} {
		for i := range 40 {
			want = append(want, fmt.Sprintf("%d:%d %d "+name, f, i, i, i))
		}
	}
	p := newPlace(t, "*")
	p.opts.MaxBatchRows = 7
	p.write("a.json", lines.String(), old)
	p.write("b.csv", csv.String(), old)
	p.write("c.json.gz", zipped(t, lines.String()), old)
	p.write("d.csv.gz", zipped(t, csv.String()), old)
	s := newTable(t)
	for stops := 0; ; stops++ {
		s.allow(1 + stops%2)
		r := p.open(s)
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			s.mu.Lock()
			full := s.limit == 0 || len(s.rows) == len(want)
			s.mu.Unlock()
			if full {
				break
			}
		}
		_ = r.Close()
		if s.text() == strings.Join(want, "|") {
			if stops < 10 {
				t.Errorf("only %d stops", stops)
			}
			break
		}
		if stops > 50 {
			t.Fatalf("got  %s\nwant %s", s.text(), strings.Join(want, "|"))
		}
	}
	s.allow(-1)
	r := p.open(s)
	time.Sleep(300 * time.Millisecond)
	s.wants(strings.Join(want, "|"))
	wantState(t, r, source.Running)
}

func TestFilesThatChange(t *testing.T) {
	p := newPlace(t, "*.json")
	p.write("a.json", "{\"id\":1}\n", old)
	s := newTable(t)
	r := p.open(s)
	s.wants("0:0 1 (null)")
	p.write("a.json", "{\"id\":1}\n{\"id\":2}\n", old)
	wantState(t, r, source.Stalled, "a.json", "was changed after it was read")
	p.write("b.json", "{\"id\":3}\n", old) // which is read all the same
	s.wants("0:0 1 (null)|1:0 3 (null)")
	_ = r.Close()
	r = p.open(s)
	wantState(t, r, source.Stalled, "a.json", "was changed after it was read")
	if err := os.Remove(filepath.Join(p.dir, "a.json")); err != nil {
		t.Fatal(err)
	}
	wantState(t, r, source.Running)
	s.wants("0:0 1 (null)|1:0 3 (null)")
}

func TestFileThatChangesInTheMiddle(t *testing.T) {
	p := newPlace(t, "*.json")
	p.opts.MaxBatchRows = 1
	p.write("a.json", "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n", old)
	s := newTable(t)
	s.allow(2)
	r := p.open(s)
	s.wants("0:0 1 (null)|0:1 2 (null)")
	_ = r.Close()
	before, err := os.Stat(filepath.Join(p.dir, "a.json"))
	if err != nil {
		t.Fatal(err)
	}
	p.write("a.json", "{\"id\":9}\n{\"id\":9}\n{\"id\":9}\n", 2*old)
	p.write("b.json", "{\"id\":4}\n", old)
	s.allow(-1)
	r = p.open(s)
	wantState(t, r, source.Stalled, "a.json", "was changed while it was read")
	s.wants("0:0 1 (null)|0:1 2 (null)|1:0 4 (null)")
	if err := os.Remove(filepath.Join(p.dir, "a.json")); err != nil {
		t.Fatal(err)
	}
	wantState(t, r, source.Stalled, "a.json", "gone before it was read to its end")
	p.write("a.json", "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n", 0) // what was there comes back
	if err := os.Chtimes(filepath.Join(p.dir, "a.json"), before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	s.wants("0:0 1 (null)|0:1 2 (null)|1:0 4 (null)|0:2 3 (null)")
	wantState(t, r, source.Running)
}

func TestBrokenFilesKeepNoOtherFromBeingRead(t *testing.T) {
	p := newPlace(t, "*")
	p.write("a.gz", "no name says what this is", old)
	p.write("b.json.gz", "this is not gzip", old)
	p.write("c.csv", "id,who\n1,2\n", old)
	p.write("d.json", "{\"id\":1}\n", old)
	s := newTable(t)
	r := p.open(s)
	s.wants("3:0 1 (null)")
	wantState(t, r, source.Stalled, "a.gz", "its name does not say what it is")
	errs := make(map[string]string)
	for _, f := range r.Status().Partitions {
		errs[filepath.Base(f.Name)] = string(f.State) + " " + f.Error
	}
	if !strings.Contains(errs["b.json.gz"], "gzip: invalid header") || !strings.Contains(errs["c.csv"], `names column "who"`) || errs["d.json"] != "running " {
		t.Errorf("partitions %v", errs)
	}
	p.write("c.csv", "id\n2\n", 2*old) // mended
	s.wants("3:0 1 (null)|2:0 2 (null)")
	for _, name := range []string{"a.gz", "b.json.gz"} {
		if err := os.Remove(filepath.Join(p.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	wantState(t, r, source.Running)
}

// TestWatermarkWaitsForAllFiles: the first rows announce all files there are.
func TestWatermarkWaitsForAllFiles(t *testing.T) {
	p := newPlace(t, "*.json")
	p.opts.MaxBatchRows = 1
	for _, name := range []string{"a", "b", "c"} {
		p.write(name+".json", "{\"id\":1}\n{\"id\":2}\n", old)
	}
	s := newTable(t)
	s.allow(1)
	r := p.open(s)
	s.wants("0:0 1 (null)")
	_ = r.Close()
	list := s.positions()
	if len(list) != 3 || list[1].Next != 0 || !strings.Contains(list[2].TopicID, "c.json") {
		t.Errorf("after the first row the engine knows %+v", list)
	}
	s.allow(-1)
	p.open(s)
	s.wants("0:0 1 (null)|0:1 2 (null)|1:0 1 (null)|1:1 2 (null)|2:0 1 (null)|2:1 2 (null)")
}

func TestOnlyAllowedFilesAreRead(t *testing.T) {
	secret := t.TempDir()
	if err := os.WriteFile(filepath.Join(secret, "secret.json"), []byte("{\"id\":666}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, "*.json")
	for from, to := range map[string]string{"file.json": filepath.Join(secret, "secret.json"), "dir": secret} {
		if err := os.Symlink(to, filepath.Join(p.dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	p.write("real/x.json", "{\"id\":1}\n", old)
	if err := os.Symlink(filepath.Join(p.dir, "real/x.json"), filepath.Join(p.dir, "inside.json")); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"../*.json", "a/../../x.json", secret + "/*.json", p.dir + "/../x.json", "/", p.dir + "/dir/*.json", filepath.Dir(secret) + "/*/*.json", p.dir + "*/x.json"} {
		p.spec.Options["path"] = pattern
		if err := New(p.opts).Validate(p.spec); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
	for _, pattern := range []string{"*.json", "*/*.json", "dir/*.json", p.dir + "/*.json"} {
		p.spec.Options["path"] = pattern
		s := newTable(t)
		r := p.open(s)
		time.Sleep(150 * time.Millisecond)
		_ = r.Close()
		if strings.Contains(s.text(), "666") {
			t.Errorf("%s reads %s", pattern, s.text())
		}
	}
	p.spec.Options["path"] = p.dir + "/inside.json"
	s := newTable(t)
	p.open(s)
	s.wants("0:0 1 (null)")
	if err := New(Options{}).Validate(p.spec); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("without directories: %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, c := range []struct {
		change func(*source.Spec)
		want   string
	}{
		{func(s *source.Spec) { delete(s.Options, "path") }, "path must be the name of files"},
		{func(s *source.Spec) { s.Options["path"] = "a[" }, "path must be the name of files"},
		{func(s *source.Spec) { s.Options["path"] = "**/*.csv" }, "path must be the name of files"},
		{func(s *source.Spec) { s.Options["topic"] = "x" }, "unknown option topic; the file connector knows connector, path, poll.interval.ms"},
		{func(s *source.Spec) { s.Options["poll.interval.ms"] = "1" }, "poll.interval.ms must be a whole number between 100 and"},
		{func(s *source.Spec) { s.Format = "UPSERT" }, "FORMAT UPSERT is not supported"},
		{func(s *source.Spec) { s.Encode = "AVRO" }, "ENCODE AVRO is not supported"},
		{func(s *source.Spec) { s.EncodeOptions = map[string]string{"header": "true"} }, "has no option header"},
		{func(s *source.Spec) { s.Encode, s.EncodeOptions = "CSV", map[string]string{"header": "maybe"} }, "header of ENCODE CSV must be"},
		{func(s *source.Spec) { s.Encode, s.EncodeOptions = "CSV", map[string]string{"quote": "''"} }, "quote of ENCODE CSV must be one"},
	} {
		p := newPlace(t, "*.json")
		c.change(&p.spec)
		if err := New(p.opts).Validate(p.spec); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
