package decode

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
)

// jsonSchema has columns that take any JSON value, so that a record is
// rejected for its syntax only.
func jsonSchema() *batch.Schema {
	return batch.NewSchema([]batch.Column{{Name: "a", Type: batch.Type{Kind: batch.JSON}}, {Name: "b\"", Type: batch.Type{Kind: batch.JSON}}})
}

// surrogatePair matches two escapes that make one character; what is left of
// the surrogates once these are gone are halves.
var (
	evenSlashes   = regexp.MustCompile(`\\\\`)
	surrogatePair = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`)
	surrogateHalf = regexp.MustCompile(`\\u[dD][89a-fA-F][0-9a-fA-F]{2}`)
)

// wantAccepted says what the decoder must make of a record, from
// encoding/json and the documented differences: bytes that are not UTF-8 and
// halves of surrogate pairs are errors, and a byte order mark is not.
func wantAccepted(record []byte) bool {
	if !utf8.Valid(record) {
		return false
	}
	rest := bytes.TrimPrefix(record, []byte("\xef\xbb\xbf"))
	if !json.Valid(rest) || !bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte("{")) {
		return false
	}
	rest = evenSlashes.ReplaceAll(rest, []byte("  "))
	return !surrogateHalf.Match(surrogatePair.ReplaceAll(rest, nil))
}

// randomJSON writes a value of at most the given depth.
func randomJSON(rng *rand.Rand, b *strings.Builder, depth int) {
	space := func() {
		if rng.IntN(6) == 0 {
			b.WriteString([]string{" ", "\n", "\t\r", "         "}[rng.IntN(4)])
		}
	}
	pick := func(s ...string) { b.WriteString(s[rng.IntN(len(s))]) }
	text := func() {
		b.WriteByte('"')
		for range rng.IntN(6) {
			pick("a", "b", "abcdefgh", "ä€", `\"`, `\\`, `\n`, `\/`, `\u0041`, `\u0000`, `\ud834\udd1e`, `\uD834`, `\udd1e`, "\U0001d11e", "{", "]", " ", "\x7f")
		}
		b.WriteByte('"')
	}
	kinds := 10
	if depth == 0 {
		kinds = 8
	}
	switch n := rng.IntN(kinds); n {
	case 0, 1:
		pick("true", "false", "null")
	case 2, 3, 4:
		pick("0", "-0", "12", "-3.25", "1e5", "1E-5", "0.5e+3", "123456789012345678901234567890", "0.000000000000000000000001", "01", "1.", ".5", "-", "1e", "+1")
	case 5, 6, 7:
		text()
	default:
		b.WriteString([]string{"[", "{"}[n-8])
		for i := range rng.IntN(4) {
			if i > 0 {
				b.WriteByte(',')
			}
			space()
			if n == 9 {
				if rng.IntN(3) > 0 {
					pick(`"a"`, `"b\""`, `"A"`, `"x"`, `"\u0061"`)
				} else {
					text()
				}
				space()
				b.WriteByte(':')
				space()
			}
			randomJSON(rng, b, depth-1)
			space()
		}
		b.WriteString([]string{"]", "}"}[n-8])
	}
}

// mutate changes a few bytes.
func mutate(rng *rand.Rand, record []byte) []byte {
	const alphabet = "{}[]\",:\\ \n\t0123456789.eE+-tfnu/aä\x00\x1f\x7f\xff\xef\xbb\xbf"
	for range rng.IntN(3) {
		if len(record) == 0 {
			break
		}
		i := rng.IntN(len(record))
		c := alphabet[rng.IntN(len(alphabet))]
		switch rng.IntN(4) {
		case 0:
			record[i] = c
		case 1:
			record = append(record[:i], record[i+1:]...)
		case 2:
			record = append(record[:i], append([]byte{c}, record[i:]...)...)
		case 3:
			record = record[:i]
		}
	}
	return record
}

// TestJSONAcceptsWhatIsValid compares generated records, most of them damaged,
// with encoding/json: whether they are accepted, and which text the columns get.
func TestJSONAcceptsWhatIsValid(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	schema := jsonSchema()
	b := batchtest.NewBuilder(t, schema)
	d := NewJSON(schema, Limits{})
	accepted := 0
	const rounds = 300_000
	for range rounds {
		var text strings.Builder
		if rng.IntN(20) == 0 {
			text.WriteString("\xef\xbb\xbf")
		}
		text.WriteString(`{"a":`)
		randomJSON(rng, &text, 3)
		text.WriteString(`,"x":`)
		randomJSON(rng, &text, 2)
		text.WriteString(`}`)
		record := mutate(rng, []byte(text.String()))
		err := d.Decode(record, b)
		if want := wantAccepted(record); (err == nil) != want {
			t.Fatalf("%q: %v; valid: %v", record, err, want)
		}
		if err != nil {
			continue
		}
		accepted++
		checkColumns(t, b, record)
	}
	if accepted < rounds/10 || accepted > rounds*9/10 {
		t.Errorf("%d of %d records accepted, which tests one side only", accepted, rounds)
	}
}

// checkColumns finishes the builder's one row and compares it with what
// encoding/json finds in the record.
func checkColumns(t *testing.T, b *batch.Builder, record []byte) {
	t.Helper()
	rec := b.Finish()
	defer rec.Release()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(bytes.TrimPrefix(record, []byte("\xef\xbb\xbf")), &fields); err != nil {
		t.Fatalf("%q: %v", record, err)
	}
	for i, name := range []string{"a", "b\""} {
		want, ok := fields[name]
		if !ok {
			want, ok = fields[strings.ToUpper(name)] // the only other letter case
		}
		got := batchtest.Show(rec.Column(i), 0)
		if !ok || string(want) == "null" {
			want = json.RawMessage("NULL")
		}
		if got != string(want) {
			t.Fatalf("%q: %s is %s, want %s", record, name, got, want)
		}
	}
}
