package decode

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// connectSchema follows the schema that stands beside the payload in the JSON of
// Kafka Connect, and makes columns mean what it says. It is mostly the same from
// record to record, and is passed over at once then.
type connectSchema struct {
	slot    int          // of the schema in a decoder's values
	node    *node        // which passes over the schema of the record before
	options *JSONOptions // whose meanings hold where there is no schema, or it has none
	known   map[string][]meant
	holds   []byte // the schema whose meanings the columns have; nil: the options'
}

// meant is what a column means by a schema.
type meant struct {
	Meaning
	scale int
}

// How many schemas are remembered, and of which length. Longer ones are read again
// whenever the record before was of another.
const (
	connectSchemasMax     = 64
	connectSchemaBytesMax = 64 << 10
)

// place finds the schema in the tree of a decoder.
func (c *connectSchema) place(d *JSON) {
	for i := range d.root.names.names {
		if n := &d.root.names.names[i]; n.slot == c.slot {
			n.inside = &node{}
			c.node = n.inside
		}
	}
}

// learn makes the columns of d mean what the schema of the record says, if it has
// one: of the fields of its field named part, or with "" of its own. Those in too,
// which have columns of d's, mean the same.
func (c *connectSchema) learn(d *JSON, record []byte, part string, too ...*JSON) {
	var text []byte
	if v := &d.values[c.slot]; v.kind == objectValue {
		text = record[v.start:v.end]
	}
	if bytes.Equal(text, c.holds) {
		return
	}
	means, ok := c.known[string(text)]
	if !ok {
		means = c.read(d, text, part)
		if c.known == nil || len(c.known) >= connectSchemasMax {
			c.known = make(map[string][]meant)
		}
		if len(text) <= connectSchemaBytesMax {
			c.known[string(text)] = means
		}
	}
	c.holds = append([]byte(nil), text...)
	c.node.known = c.holds
	for i := range d.columns {
		d.columns[i].mean(means[i].Meaning, means[i].scale)
		for _, other := range too {
			if at := slices.Index(other.at, d.at[i]); at >= 0 {
				other.columns[at].mean(means[i].Meaning, means[i].scale)
			}
		}
	}
}

// connectField is a field of a schema, or a schema.
type connectField struct {
	Field      string            `json:"field"`
	Type       string            `json:"type"`
	Name       string            `json:"name"` // what the type means
	Parameters map[string]string `json:"parameters"`
	Fields     []connectField    `json:"fields"`
}

// read returns what the columns of d mean. What is no schema says nothing.
func (c *connectSchema) read(d *JSON, text []byte, part string) []meant {
	means := make([]meant, len(d.columns))
	for i := range d.columns {
		means[i].Meaning, means[i].scale = c.options.meaning(d.columns[i].typ)
	}
	var s connectField
	if json.Unmarshal(text, &s) != nil {
		return means
	}
	if part != "" {
		found := findConnect(s.Fields, part)
		if found == nil {
			return means
		}
		s = *found
	}
	for i := range d.columns {
		at := &s
		if len(s.Fields) > 0 {
			for _, step := range c.options.path(d.at[i], d.columns[i].name) {
				if at = findConnect(at.Fields, step.Key); at == nil {
					break
				}
			}
		}
		if at != nil && at.Name != "" {
			if m := at.meaning(); m.Meaning != AsItLooks {
				means[i] = m
			}
		}
	}
	return means
}

func findConnect(fields []connectField, name string) (found *connectField) {
	for i := range fields {
		if fields[i].Field == name {
			return &fields[i]
		}
		if strings.EqualFold(fields[i].Field, name) {
			found = &fields[i]
		}
	}
	return found
}

// connectMeanings are the types that are more than they look like.
var connectMeanings = map[string]Meaning{
	"io.debezium.time.Date": EpochDays, "org.apache.kafka.connect.data.Date": EpochDays,
	"io.debezium.time.Timestamp": EpochMillis, "org.apache.kafka.connect.data.Timestamp": EpochMillis,
	"io.debezium.time.MicroTimestamp": EpochMicros, "io.debezium.time.NanoTimestamp": EpochNanos,
	"io.debezium.time.Time": DayMillis, "org.apache.kafka.connect.data.Time": DayMillis,
	"io.debezium.time.MicroTime": DayMicros, "io.debezium.time.NanoTime": DayNanos,
	"io.debezium.time.ZonedTime": TimeUTC, "io.debezium.time.IsoTime": TimeUTC,
	"io.debezium.time.MicroDuration": ForMicros, "io.debezium.time.NanoDuration": ForNanos,
	"io.debezium.data.VariableScaleDecimal": Scaled, "io.debezium.data.Json": JSONText,
	"org.apache.kafka.connect.data.Decimal": Unscaled,
}

func (f *connectField) meaning() meant {
	m := meant{Meaning: connectMeanings[f.Name]}
	if m.Meaning == Unscaled {
		scale, err := strconv.Atoi(f.Parameters["scale"])
		if err != nil || scale < -scaleMax || scale > scaleMax || f.Type != "bytes" {
			return meant{}
		}
		m.scale = scale
	}
	return m
}
