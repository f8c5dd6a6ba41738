package protobuf

import (
	"encoding/base64"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// descriptor returns the descriptor that a text is the base64 of, under a path, nil
// if it is something else. No .proto file is base64: it has spaces in it.
func descriptor(path, text string) *descriptorpb.FileDescriptorProto {
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(data) == 0 {
		return nil
	}
	var file descriptorpb.FileDescriptorProto
	if err := (proto.UnmarshalOptions{RecursionLimit: openMax}).Unmarshal(data, &file); err != nil {
		return nil
	}
	file.Name = &path
	nameInJSON(file.MessageType)
	return &file
}

// nameInJSON gives fields without a name in JSON the one that the compiler gives
// them: what programs carry of their schemas has none.
func nameInJSON(messages []*descriptorpb.DescriptorProto) {
	for _, m := range messages {
		for _, f := range m.Field {
			if f.GetJsonName() == "" {
				f.JsonName = proto.String(camelCase(f.GetName()))
			}
		}
		nameInJSON(m.NestedType)
	}
}

// camelCase leaves underscores out, and writes what is behind them in capitals.
func camelCase(name string) string {
	var b strings.Builder
	above := false
	for _, c := range []byte(name) {
		switch {
		case c == '_':
			above = true
			continue
		case above && c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		above = false
		b.WriteByte(c)
	}
	return b.String()
}
