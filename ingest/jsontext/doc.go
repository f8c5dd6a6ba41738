// Package jsontext appends single values as JSON: what decoders of records that
// are not JSON have in common, so that JSON columns look alike whatever a topic's
// records are.
package jsontext
