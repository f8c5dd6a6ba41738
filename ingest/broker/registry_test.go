package broker

import (
	"net"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
)

func TestRegistry(t *testing.T) {
	t.Parallel()
	r, err := StartRegistry("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	client, err := sr.NewClient(sr.URLs(r.URL()))
	if err != nil {
		t.Fatal(err)
	}
	want, err := client.CreateSchema(t.Context(), "a-value", sr.Schema{Schema: `{"type":"record","name":"A","fields":[]}`})
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.SchemaByVersion(t.Context(), "a-value", -1)
	if err != nil || got.ID != want.ID || got.ID != 1 {
		t.Errorf("id %d, want %d (%v)", got.ID, want.ID, err)
	}
	if _, err := StartRegistry(strings.TrimPrefix(r.URL(), "http://"), nil); err == nil {
		t.Error("two registries have one address")
	}
	r.Close()
	r.Close()
	if conn, err := net.Dial("tcp", strings.TrimPrefix(r.URL(), "http://")); err == nil {
		_ = conn.Close()
		t.Error("a registry that was closed listens")
	}
}
