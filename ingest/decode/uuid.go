package decode

import "github.com/millstream-db/millstream/engine/batch"

// uuidLength is the length of the longest form of a UUID.
const uuidLength = len("urn:uuid:") + 36

// parseUUID reads a UUID as 32 hexadecimal digits with or without hyphens, in
// braces or behind "urn:uuid:".
func parseUUID(text []byte) (batch.UUIDValue, fault) {
	if len(text) > uuidLength {
		return batch.UUIDValue{}, malformed
	}
	if len(text) >= 2 && text[0] == '{' && text[len(text)-1] == '}' {
		text = text[1 : len(text)-1]
	} else if prefix := len("urn:uuid:"); len(text) > prefix && equalFold(text[:prefix], "urn:uuid:") {
		text = text[prefix:]
	}
	u, err := batch.ParseUUID(text)
	if err != nil {
		return u, malformed
	}
	return u, fine
}
