package kafka

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/source"
)

func TestOptions(t *testing.T) {
	base := map[string]string{"connector": "kafka", "topic": "t", "properties.bootstrap.server": "a:1"}
	login := map[string]string{"properties.security.protocol": "SASL_SSL", "properties.sasl.username": "u", "properties.sasl.password": "top-secret"}
	for _, tt := range []struct {
		name    string
		options map[string]string
		format  string
		want    []string // texts of the error; none: accepted
	}{
		{name: "least"},
		{name: "engine's", options: map[string]string{"retention": "30 days", "watermark.idle_timeout": "5 s", "watermark.max_future": "1 h"}},
		{name: "several servers", options: map[string]string{"properties.bootstrap.server": "", "properties.bootstrap.servers": "a:1, b:2"}},
		{name: "unknown", options: map[string]string{"scan.startup.moode": "x"}, want: []string{"scan.startup.moode", "scan.startup.mode", "topic"}},
		{name: "two unknown", options: map[string]string{"x": "", "y": ""}, want: []string{"option x", "option y"}},
		{name: "no topic", options: map[string]string{"topic": " "}, want: []string{"topic must"}},
		{name: "no servers", options: map[string]string{"properties.bootstrap.server": ","}, want: []string{"properties.bootstrap.server must"}},
		{name: "other connector", options: map[string]string{"connector": "kinesis"}, want: []string{"'kafka'", "kinesis"}},
		{name: "servers differ", options: map[string]string{"properties.bootstrap.servers": "b:2"}, want: []string{"differ"}},
		{name: "other format", format: "XML", want: []string{"ENCODE XML", "FORMAT PLAIN ENCODE JSON"}},
		{name: "mode", options: map[string]string{"scan.startup.mode": "newest"}, want: []string{"scan.startup.mode", "'earliest', 'latest', 'timestamp'", "newest"}},
		{name: "mode in capitals", options: map[string]string{"scan.startup.mode": "LATEST"}},
		{name: "timestamp", options: map[string]string{"scan.startup.mode": "timestamp", "scan.startup.timestamp.millis": "17"}},
		{name: "timestamp alone", options: map[string]string{"scan.startup.timestamp.millis": "17"}},
		{name: "no timestamp", options: map[string]string{"scan.startup.mode": "timestamp"}, want: []string{"needs scan.startup.timestamp.millis"}},
		{name: "no number", options: map[string]string{"scan.startup.timestamp.millis": "today"}, want: []string{"scan.startup.timestamp.millis", "today"}},
		{name: "timestamp and latest", options: map[string]string{"scan.startup.mode": "latest", "scan.startup.timestamp.millis": "17"}, want: []string{"'timestamp'"}},
		{name: "policy", options: map[string]string{"on_data_loss": "ignore"}, want: []string{"on_data_loss", "'pause', 'continue'"}},
		{name: "protocol", options: map[string]string{"properties.security.protocol": "TLS"}, want: []string{"'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'"}},
		{name: "login", options: login},
		{name: "mechanism", options: merged(login, "properties.sasl.mechanism", "GSSAPI"), want: []string{"properties.sasl.mechanism", "SCRAM-SHA-512"}},
		{name: "no password", options: merged(login, "properties.sasl.password", ""), want: []string{"properties.sasl.password"}},
		{name: "login without SASL", options: merged(login, "properties.security.protocol", "PLAINTEXT"), want: []string{"properties.sasl.username needs", "properties.sasl.password needs"}},
		{name: "CA without SSL", options: map[string]string{"properties.ssl.ca.location": "x"}, want: []string{"properties.ssl.ca.location needs"}},
		{name: "no CA file", options: merged(login, "properties.ssl.ca.location", "/nowhere.pem"), want: []string{"properties.ssl.ca.location", "no such file"}},
		{name: "CA is no certificate", options: merged(login, "properties.ssl.ca.location", junkFile(t)), want: []string{"no PEM certificate"}},
		{name: "certificate without key", options: merged(login, "properties.ssl.certificate.location", "x"), want: []string{"need each other"}},
		{name: "identification", options: merged(login, "properties.ssl.endpoint.identification.algorithm", "no"), want: []string{"'https'"}},
		{name: "fetch bytes", options: map[string]string{"properties.fetch.max.bytes": "0"}, want: []string{"properties.fetch.max.bytes", "between 1 and"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			options := maps.Clone(base)
			maps.Copy(options, tt.options)
			s := source.Spec{Name: "s", Options: options, Format: "PLAIN", Encode: "JSON", Schema: schema}
			if tt.format != "" {
				s.Encode = tt.format
			}
			if wantProblems(t, s, tt.want) {
				return
			}
			if _, openErr := New(Options{}).Open(s, nil, newSink()); openErr == nil {
				t.Error("Open accepts what Validate refuses")
			}
		})
	}
}

func merged(options map[string]string, name, value string) map[string]string {
	out := maps.Clone(options)
	out[name] = value
	return out
}

func junkFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "junk.pem")
	if err := os.WriteFile(path, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	s, err := readSettings(source.Spec{Name: "orders", Options: map[string]string{"topic": "t", "properties.bootstrap.servers": "a:1, b:2"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.servers) != 2 || s.servers[1] != "b:2" || s.mode != fromEarliest || s.onLoss != pauseOnLoss || s.group != "millstream-orders" {
		t.Errorf("%+v", s)
	}
}

// wantProblems validates a source, whose error must have all the texts and no
// password, and reports whether it is valid, as it must be without texts.
func wantProblems(t *testing.T, s source.Spec, texts []string) (valid bool) {
	t.Helper()
	err := New(Options{}).Validate(s)
	if (err == nil) != (len(texts) == 0) {
		t.Fatalf("got %v, want an error with %q", err, texts)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q is not in: %v", text, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "top-secret") {
		t.Errorf("the password is in: %v", err)
	}
	return err == nil
}
