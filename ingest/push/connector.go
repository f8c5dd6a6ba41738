package push

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
)

// ErrClosed is returned for a source that has no reader now: it is paused, or
// being changed.
var ErrClosed = errors.New("the source takes nothing now")

// Connector knows the sources that are pushed to. It is safe for concurrent use.
type Connector struct {
	readers sync.Map // name → *reader
}

var _ source.Connector = (*Connector)(nil)

// New returns a connector.
func New() *Connector { return new(Connector) }

// knownOptions are a source's, besides those of ENCODE.
var knownOptions = []string{"connector", "retention", "watermark.idle_timeout", "watermark.max_future"}

// Validate checks a source's options.
func (c *Connector) Validate(spec source.Spec) error {
	_, err := readOptions(spec)
	return err
}

func readOptions(spec source.Spec) (csv decode.CSVOptions, err error) {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	for _, name := range slices.Sorted(maps.Keys(spec.Options)) {
		if !slices.Contains(knownOptions, name) {
			problem("unknown option %s; the push connector knows %s", name, strings.Join(knownOptions, ", "))
		}
	}
	format, encode := strings.ToUpper(cmp.Or(spec.Format, "PLAIN")), strings.ToUpper(cmp.Or(spec.Encode, "JSON"))
	var known []string
	if encode == "CSV" {
		known = decode.CSVOptionNames
		if err := decode.CheckTexts(spec.Schema); err != nil {
			problem("%w", err)
		}
	}
	csv, wrong := decode.ReadCSVOptions(spec.EncodeOptions)
	problems = append(problems, wrong...)
	for _, name := range slices.Sorted(maps.Keys(spec.EncodeOptions)) {
		if !slices.Contains(known, name) {
			problem("ENCODE %s of the push connector has no option %s", encode, name)
		}
	}
	if format != "PLAIN" || encode != "JSON" && encode != "CSV" {
		problem("FORMAT %s ENCODE %s is not supported by the push connector: use FORMAT PLAIN ENCODE JSON, or CSV to say how fields are set apart", format, encode)
	}
	return csv, errors.Join(problems...)
}

// Open makes the reader of a source.
func (c *Connector) Open(spec source.Spec, _ []source.Position, _ source.Sink) (source.Reader, error) {
	csv, err := readOptions(spec)
	if err != nil {
		return nil, fmt.Errorf("open source %s: %w", spec.Name, err)
	}
	spec = spec.WithDefaults()
	limits := decode.Limits{MaxBytes: spec.MaxRecordBytes, MaxDepth: spec.MaxDepth, MaxFields: spec.MaxFields}
	r := &reader{connector: c, spec: spec, csv: csv, limits: limits.WithDefaults(), since: time.Now()}
	r.json.New = func() any { return decode.NewJSON(spec.Schema, limits) }
	c.readers.Store(spec.Name, r)
	return r, nil
}

// Decode decodes a body for the source of that name. The caller owns the batch,
// which has neither metadata nor ranges.
func (c *Connector) Decode(name, mediaType string, body []byte) (*batch.Batch, error) {
	r, ok := c.readers.Load(name)
	if !ok {
		return nil, ErrClosed
	}
	return r.(*reader).decode(mediaType, body)
}

// reader decodes for one source.
type reader struct {
	connector *Connector
	spec      source.Spec
	csv       decode.CSVOptions
	limits    decode.Limits
	json      sync.Pool // of *decode.JSON
	since     time.Time

	bytes, records atomic.Int64
}

// Status says that the source runs: nothing can keep it from that.
func (r *reader) Status() source.Status {
	return source.Status{
		State: source.Running, Since: r.since, Bytes: r.bytes.Load(), Records: r.records.Load(),
		Partitions: []source.PartitionStatus{{Start: -1, State: source.Running}},
	}
}

// Committed does nothing: who has sent something waits for it himself.
func (r *reader) Committed(map[int32]int64) {}

// Close forgets the reader.
func (r *reader) Close() error {
	r.connector.readers.CompareAndDelete(r.spec.Name, r)
	return nil
}
