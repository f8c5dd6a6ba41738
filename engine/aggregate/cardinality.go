package aggregate

import (
	"encoding/binary"
	"fmt"

	"github.com/axiomhq/hyperloglog"

	"github.com/millstream-db/millstream/engine/batch"
)

// cardinality is HyperLogLog with 2^14 registers: the standard error of the
// number of different values is 0.81 %. Up to some thousand values it keeps
// their hashes, and is all but exact.
type cardinality struct {
	*hyperloglog.Sketch
	n uint64 // the last estimate
}

const registers = 1 << 14

func newCardinality() sketch { return &cardinality{Sketch: hyperloglog.New14()} }

func decodeCardinality(b []byte) sketch {
	c := &cardinality{Sketch: hyperloglog.New14()}
	if err := c.UnmarshalBinary(b); err != nil {
		panic(fmt.Sprintf("aggregate: stored sketch: %v", err)) // the checkpoint's checksum has been verified
	}
	c.n = c.Estimate()
	return c
}

func (c *cardinality) add(arg *batch.Vector, row int) {
	if arg.Type.Physical() == batch.Bytes {
		c.Insert(arg.Bytes(row))
		return
	}
	v := fixedBits(arg, row)
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], v[0])
	binary.LittleEndian.PutUint64(b[8:], v[1])
	c.Insert(b[:])
}

func (c *cardinality) merge(other sketch) {
	if err := c.Sketch.Merge(other.(*cardinality).Sketch); err != nil {
		panic(fmt.Sprintf("aggregate: merge sketches: %v", err)) // they all have the same precision
	}
}

func (c *cardinality) clone() sketch { return &cardinality{c.Clone(), c.n} }

func (c *cardinality) estimate(to []Column, g uint32) {
	c.n = c.Estimate()
	*value[int64](&to[0], g) = int64(c.n)
}

func (c *cardinality) encode() []byte {
	b, err := c.MarshalBinary()
	if err != nil {
		panic(fmt.Sprintf("aggregate: encode sketch: %v", err)) // it is never a zero value
	}
	return b
}

// bytes is the size of the registers, or about that of the hashes before.
func (c *cardinality) bytes() int64 { return min(registers, 4*int64(c.n)) + 256 }
