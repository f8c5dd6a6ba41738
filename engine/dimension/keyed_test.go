package dimension

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
)

// change is what happens to a key of two columns.
type change struct {
	A       int64
	B       string
	Group   *string // what the join looks rows up by
	Note    string
	Takes   *bool // the join's WHERE
	Deleted bool
	All     bool // then all keys are
}

var (
	boolean      = batch.Type{Kind: batch.Boolean}
	changeSchema = batch.NewSchema([]batch.Column{
		{Name: "a", Type: bigint}, {Name: "group of", Type: varchar}, {Name: "b", Type: varchar}, {Name: "note", Type: varchar},
		{Name: "takes", Type: boolean}, {Name: batch.DeletedColumn, Type: boolean},
	})
	changeJoin = &view.Join{
		Table: "t", Where: "takes", Keys: []view.JoinKey{{Row: view.Expr{Type: varchar}, Table: `"group of"`}},
		Columns: []view.JoinColumn{{Name: "n", Column: "note", Type: varchar}, {Name: "a", Column: "a", Type: bigint}},
	}
)

func changes() *rapid.Generator[[]change] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) change {
		return change{
			A: rapid.Int64Range(0, 4).Draw(t, "a"), B: rapid.SampledFrom([]string{"", "x", "longer than twelve"}).Draw(t, "b"),
			Group: rapid.Ptr(rapid.SampledFrom([]string{"", "g", "h", "another group of rows"}), true).Draw(t, "group"),
			Note:  rapid.StringN(0, 5, 20).Draw(t, "note"), Takes: rapid.Ptr(rapid.Bool(), true).Draw(t, "takes"),
			Deleted: rapid.IntRange(0, 3).Draw(t, "deleted") == 0, All: rapid.IntRange(0, 30).Draw(t, "all") == 0,
		}
	}), 0, 50)
}

func changeRecord(mem *batch.Allocator, list []change) arrow.RecordBatch {
	b := batch.NewBuilder(mem, changeSchema)
	for _, c := range list {
		if c.All {
			for i := range 5 {
				b.Column(i).AppendNull()
			}
			b.Column(5).AppendBool(true)
			continue
		}
		b.Column(0).AppendInt64(c.A)
		if c.Group == nil {
			b.Column(1).AppendNull()
		} else {
			b.Column(1).AppendString(*c.Group)
		}
		b.Column(2).AppendString(c.B)
		b.Column(3).AppendString(c.Note)
		if c.Takes == nil {
			b.Column(4).AppendNull()
		} else {
			b.Column(4).AppendBool(*c.Takes)
		}
		b.Column(5).AppendBool(c.Deleted)
	}
	return b.Finish()
}

// found looks a group up and returns what is in it, in order.
func found(mem *batch.Allocator, c *Copy, group string) []string {
	b := batch.NewBuilder(mem, batch.NewSchema([]batch.Column{{Name: "g", Type: varchar}}))
	b.Column(0).AppendString(group)
	rec := b.Finish()
	defer rec.Release()
	var m Match
	c.Lookup([]batch.Vector{batch.VectorOf(rec.Column(0), varchar)}, 0, 1, mostPairs, false, &m)
	var out []string
	for _, at := range m.Table {
		out = append(out, fmt.Sprintf("%s %d", c.Column(0).Bytes(int(at)), c.Column(1).Int64(int(at))))
	}
	slices.Sort(out)
	return out
}

func TestKeyedFollowsChangesAsATableWould(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mem := batch.NewAllocator()
		k, err := NewKeyed(nil, mem, changeJoin, changeSchema, []int{2, 0}, 5)
		if err != nil {
			t.Fatal(err)
		}
		type key struct {
			a int64
			b string
		}
		latest := make(map[key]change)
		for range rapid.IntRange(1, 8).Draw(t, "batches") {
			list := changes().Draw(t, "changes")
			rec := changeRecord(mem, list)
			if failed, err := k.Apply(t.Context(), rec, changeSchema); failed || err != nil {
				t.Fatal(failed, err)
			}
			rec.Release()
			for _, c := range list {
				if c.All {
					clear(latest)
				} else if latest[key{c.A, c.B}] = c; c.Deleted {
					delete(latest, key{c.A, c.B})
				}
			}
			for _, group := range []string{"", "g", "h", "another group of rows", "none"} {
				var want []string
				for c := range maps.Values(latest) {
					if c.Group != nil && *c.Group == group && c.Takes != nil && *c.Takes {
						want = append(want, fmt.Sprintf("%s %d", c.Note, c.A))
					}
				}
				slices.Sort(want)
				if diff := cmp.Diff(want, found(mem, k.Copy, group)); diff != "" {
					t.Fatalf("group %q (-want +got):\n%s", group, diff)
				}
			}
		}
		k.Close()
		if n := mem.Bytes(); n != 0 {
			t.Fatalf("%d bytes leaked", n)
		}
	})
}

// TestKeyedGivesMemoryBack: what was replaced does not pile up.
func TestKeyedGivesMemoryBack(t *testing.T) {
	mem := batch.NewAllocator()
	k, err := NewKeyed(nil, mem, changeJoin, changeSchema, []int{0}, 5)
	if err != nil {
		t.Fatal(err)
	}
	group, takes := "g", true
	list := make([]change, 100)
	for i := range list {
		list[i] = change{A: int64(i), Group: &group, Note: "a note of some length, which is replaced again and again", Takes: &takes}
	}
	first := int64(0)
	for round := range 200 {
		rec := changeRecord(mem, list)
		if _, err := k.Apply(t.Context(), rec, changeSchema); err != nil {
			t.Fatal(err)
		}
		rec.Release()
		if round == 3 {
			first = mem.Bytes()
		}
	}
	if n := len(found(mem, k.Copy, "g")); n != 100 {
		t.Errorf("%d rows, want 100", n)
	}
	if n := mem.Bytes(); n > 2*first {
		t.Errorf("%d bytes after 200 rounds, %d after 4", n, first)
	}
	k.Close()
}
