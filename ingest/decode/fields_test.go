package decode

import (
	"fmt"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
)

// shownFields lists what Fields finds.
func shownFields(f *Fields, record string) (text string, err error) {
	err = f.Of([]byte(record), func(name string, kind Kind, raw []byte) { text += fmt.Sprintf("%q %d %s; ", name, kind, raw) })
	return text, err
}

func TestFields(t *testing.T) {
	t.Parallel()
	f := NewFields(Limits{MaxDepth: 3, MaxFields: 8})
	for record, want := range map[string]string{
		`{}`: "", "\xef\xbb\xbf { } \n": "",
		` {"a" : 1 , "b":null,"c":"x\"}","d":[1,{"e":2}],"\u0065":{"f":1},"a":true} `: `"a" 2 1; "b" 0 null; "c" 3 "x\"}"; "d" 5 [1,{"e":2}]; "e" 4 {"f":1}; "a" 1 true; `,
	} {
		if got, err := shownFields(f, record); err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", record, got, err, want)
		}
	}
	for _, record := range []string{"", "[]", `{"a":1`, `{"a":[[[1]]]}`, `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9}`, "{\"a\":\"\xff\"}"} {
		if got, err := shownFields(f, record); err == nil || got != "" {
			t.Errorf("%s: got %s, %v", record, got, err)
		}
	}
}

// FuzzFields finds the fields of anything, and compares with what JSON accepts.
func FuzzFields(f *testing.F) {
	f.Add(`{"a":1,"b":[true,{}],"\u0000":"x"}`)
	f.Fuzz(func(t *testing.T, record string) {
		defer batchtest.MustEnd()()
		_, err := shownFields(NewFields(Limits{}), record)
		schema := batch.NewSchema(nil)
		b := batch.NewBuilder(batch.NewAllocator(), schema)
		defer b.Release()
		if want := NewJSON(schema, Limits{}).Decode([]byte(record), b); fmt.Sprint(err) != fmt.Sprint(want) {
			t.Fatalf("%q: %v, and JSON says %v", record, err, want)
		}
	})
}

func TestEpochTimes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"0": 0, "1767322800": 1767322800e6, "1767322800123": 1767322800123e3, "1767322800.5": 1767322800500e3, "-1": -1e6} {
		if got, err := ParseEpochMicros([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "1 ", "1e30", `"1"`} {
		if got, err := ParseEpochMicros([]byte(text)); err == nil {
			t.Errorf("%s: %d", text, got)
		}
	}
}
