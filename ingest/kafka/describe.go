package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/infer"
	"github.com/millstream-db/millstream/ingest/registry"
)

var _ source.Describer = (*Connector)(nil)

// Describe returns the columns of a source's records: of Avro and Protobuf from
// their latest schema, of JSON from a sample of the topic. With FORMAT UPSERT they are
// those of the values, without the key's.
func (c *Connector) Describe(ctx context.Context, spec source.Spec) (source.Description, error) {
	s, err := readSettings(spec)
	if err != nil {
		return source.Description{}, err
	}
	format := strings.ToUpper(cmp.Or(spec.Format, "PLAIN"))
	switch e := s.encoding; {
	case format != "PLAIN" && format != "UPSERT": // whose values are no rows
	case e.schemas.format != nil:
		return e.schemas.describe(ctx, s.topic)
	case e.encode == "JSON":
		return c.describeTopic(ctx, spec, s)
	}
	return source.Description{}, source.ErrUndescribed
}

// describe asks for the latest schema of a topic's values.
func (p schemaPlace) describe(ctx context.Context, topic string) (source.Description, error) {
	if p.file != "" {
		return registry.DescribeFile(p.file, p.format)
	}
	client, err := registry.New(p.registry)
	if err != nil {
		return source.Description{}, err
	}
	defer client.Close()
	subject := p.subject
	if subject == "" {
		subject = topic + "-value"
	}
	return client.Describe(ctx, subject, p.format)
}

const (
	sampleRecords = 5000     // of all partitions
	sampleBytes   = 32 << 20 // of all values
)

// describeTopic reads some records, the oldest or newest, as scan.startup.mode says.
func (c *Connector) describeTopic(ctx context.Context, spec source.Spec, s settings) (source.Description, error) {
	spec = spec.WithDefaults()
	connects := &connectLog{security: s.security}
	client, err := newClient(c.opts, s, connects, newFetchSize(c.opts.FetchMemory), spec.Logger)
	if err != nil {
		return source.Description{}, err
	}
	defer client.Close()
	surveyor := &surveyor{admin: kadm.NewClient(client), connects: connects, settings: s, timeout: surveyTimeout, ping: client.Ping}
	v := surveyor.ask(ctx, true, nil)
	if v.err != nil {
		return source.Description{}, v.err
	}
	r := newSampling(s, v)
	r.sample = infer.NewSample(limitsOf(spec))
	defer r.sample.Release()
	ctx, cancel := context.WithTimeout(ctx, c.opts.SampleTime)
	defer cancel()
	r.read(ctx, client)
	d, err := r.sample.Describe()
	if errors.Is(err, source.ErrNothingToDescribe) && r.failure != nil {
		err = r.failure
	}
	if err != nil {
		return source.Description{}, surveyor.because(err)
	}
	d.From = fmt.Sprintf("topic %s, %s", s.topic, d.From)
	return d, nil
}

// sampling reads a few records of each partition.
type sampling struct {
	topic   string
	ends    map[int32]int64 // of the partitions that are read, where to stop
	begins  map[int32]kgo.Offset
	sample  *infer.Sample
	bytes   int
	failure error // why a partition can't be read
}

func newSampling(s settings, v *survey) *sampling {
	r := &sampling{topic: s.topic, ends: make(map[int32]int64), begins: make(map[int32]kgo.Offset)}
	filled := int64(0)
	for _, p := range v.partitions {
		if p.err == nil && p.stable > p.start {
			filled++
		}
	}
	for _, p := range v.partitions {
		if p.err != nil {
			r.failure = p.err
			continue
		}
		if p.stable <= p.start {
			continue
		}
		each := max(sampleRecords/filled, 1)
		from := p.startup
		if from >= p.stable { // nothing to read yet: what was there before says as much
			from = max(p.start, p.stable-each)
		}
		r.begins[p.id], r.ends[p.id] = kgo.NewOffset().At(from), min(p.stable, from+each)
	}
	return r
}

// read reads until each partition's part is done, or enough is.
func (r *sampling) read(ctx context.Context, client *kgo.Client) {
	if len(r.begins) == 0 {
		return
	}
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{r.topic: r.begins})
	for len(r.ends) > 0 && r.bytes < sampleBytes {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return
		}
		fetches.EachError(func(_ string, partition int32, err error) {
			r.failure = fmt.Errorf("partition %d: %w", partition, err)
			delete(r.ends, partition)
		})
		fetches.EachRecord(r.take)
	}
}

func (r *sampling) take(record *kgo.Record) {
	end, ok := r.ends[record.Partition]
	if !ok {
		return
	}
	if record.Offset+1 >= end {
		delete(r.ends, record.Partition)
	}
	if record.Offset >= end || record.Attrs.IsControl() || record.Value == nil {
		return
	}
	r.bytes += len(record.Value)
	micros, _ := timestampMicros(record)
	r.sample.Add(record.Value, infer.Position{Partition: record.Partition, TimestampMicros: micros})
}
