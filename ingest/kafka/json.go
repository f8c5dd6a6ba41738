package kafka

import (
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
)

// The options of ENCODE JSON (…).
const (
	optTimestampFormat = "timestamp.format"
	optTimeFormat      = "time.format"
	optDecimalMode     = "decimal.handling.mode" // of FORMAT DEBEZIUM
)

var (
	jsonOptions     = []string{optTimeFormat, optTimestampFormat}
	debeziumOptions = slices.Sorted(slices.Values(append([]string{optDecimalMode}, jsonOptions...)))
)

// json reads the options of ENCODE JSON (…).
func (o *optionReader) json(spec source.Spec) decode.JSONOptions {
	j := decode.JSONOptions{
		Paths:      o.paths(spec),
		Timestamps: o.meaning(optTimestampFormat, decode.TimestampFormats),
		Times:      o.meaning(optTimeFormat, decode.TimeFormats),
	}
	if o.choice(optDecimalMode, "string", "double", "precise") == "precise" {
		j.Decimals = decode.Unscaled
	}
	return j
}

// paths reads where the values of columns are.
func (o *optionReader) paths(spec source.Spec) (paths []decode.Path) {
	for i, text := range spec.Paths {
		var path decode.Path
		if text != "" {
			var err error
			if path, err = decode.ParsePath(text); err != nil {
				o.problem("column %q: %w", spec.Schema.Columns[i].Name, err)
			}
		}
		paths = append(paths, path)
	}
	return paths
}

func (o *optionReader) meaning(name string, words map[string]decode.Meaning) decode.Meaning {
	text := o.text(name, "")
	m, ok := words[strings.ToLower(text)]
	if !ok && text != "" {
		o.problem("%s must be one of %s, not '%s'", name, decode.Words(words), text)
	}
	return m
}
