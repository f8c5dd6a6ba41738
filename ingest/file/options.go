package file

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
)

// Options tune a Connector.
type Options struct {
	// Directories are those whose files may be read.
	Directories []string
	// MaxBatchRows and MaxBatchBytes end a batch: 65,536 rows, 16 MiB.
	MaxBatchRows  int
	MaxBatchBytes int64
}

func (o Options) withDefaults() Options {
	o.MaxBatchRows = cmp.Or(o.MaxBatchRows, 65_536)
	o.MaxBatchBytes = cmp.Or(o.MaxBatchBytes, 16<<20)
	return o
}

// The options of a source, as WITH (…) spells them.
const (
	optPath = "path"
	optPoll = "poll.interval.ms"
)

var (
	knownOptions = []string{"connector", optPath, optPoll, "retention", "watermark.idle_timeout", "watermark.max_future"}
	csvOptions   = slices.Sorted(slices.Values(append([]string{decode.CSVHeaderOption}, decode.CSVOptionNames...)))
)

const (
	pollDefault = 10 * time.Second
	pollLeast   = 100 * time.Millisecond
	pollMost    = 24 * time.Hour
)

// The formats of files.
const (
	formatJSON    = "JSON"
	formatCSV     = "CSV"
	formatParquet = "PARQUET"
)

// settings are a source's options, read and checked.
type settings struct {
	pattern string
	poll    time.Duration
	encode  string // "": by the file's name
	csv     decode.CSVOptions
	header  bool // the first line of a CSV names its columns
}

// readSettings reads a source's options. It returns all problems at once.
func readSettings(spec source.Spec) (s settings, err error) {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	for _, name := range slices.Sorted(maps.Keys(spec.Options)) {
		if !slices.Contains(knownOptions, name) {
			problem("unknown option %s; the file connector knows %s", name, strings.Join(knownOptions, ", "))
		}
	}
	s.pattern = strings.TrimSpace(spec.Options[optPath])
	if _, wrong := filepath.Match(s.pattern, ""); s.pattern == "" || wrong != nil || strings.Contains(s.pattern, "**") {
		problem("%s must be the name of files, with * for any part of a name: 'orders/*.parquet'", optPath)
	}
	s.poll = pollDefault
	if text, ok := spec.Options[optPoll]; ok {
		n, wrong := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if s.poll = time.Duration(n) * time.Millisecond; wrong != nil || n > pollMost.Milliseconds() || s.poll < pollLeast {
			problem("%s must be a whole number between %d and %d, not '%s'", optPoll, pollLeast.Milliseconds(), pollMost.Milliseconds(), text)
		}
	}
	if format := strings.ToUpper(cmp.Or(spec.Format, "PLAIN")); format != "PLAIN" {
		problem("FORMAT %s is not supported by the file connector: use FORMAT PLAIN", format)
	}
	var known []string
	switch s.encode = strings.ToUpper(spec.Encode); s.encode {
	case "", formatJSON, formatParquet:
	case formatCSV:
		known = csvOptions
	default:
		problem("ENCODE %s is not supported by the file connector: use JSON, CSV or PARQUET, or leave FORMAT and ENCODE out to go by the files' names", s.encode)
	}
	for _, name := range slices.Sorted(maps.Keys(spec.EncodeOptions)) {
		if !slices.Contains(known, name) {
			problem("ENCODE %s of the file connector has no option %s", s.encode, name)
		}
	}
	csv, wrong := decode.ReadCSVOptions(spec.EncodeOptions)
	s.csv, problems = csv, append(problems, wrong...)
	if s.encode == formatCSV {
		problems = append(problems, decode.CheckTexts(spec.Schema))
	}
	if s.header, err = decode.ReadCSVHeader(spec.EncodeOptions, true); err != nil {
		problems = append(problems, err)
	}
	return s, errors.Join(problems...)
}

// format returns the format of a file, and whether it is packed by gzip.
func (s *settings) format(path string) (format string, packed bool, err error) {
	name := strings.ToLower(filepath.Base(path))
	name, packed = strings.CutSuffix(name, ".gz")
	format = s.encode
	if format == "" {
		switch filepath.Ext(name) {
		case ".parquet":
			format = formatParquet
		case ".csv":
			format = formatCSV
		case ".json", ".ndjson", ".jsonl":
			format = formatJSON
		default:
			return "", false, errors.New("its name does not say what it is: name it .parquet, .csv, .json, .ndjson or .jsonl, or write FORMAT PLAIN ENCODE … behind the source")
		}
	}
	if packed && format == formatParquet {
		return "", false, errors.New("a Parquet file can't be packed by gzip")
	}
	return format, packed, nil
}
