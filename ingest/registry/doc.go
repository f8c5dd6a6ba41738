// Package registry finds the schemas that records were written with, and decodes
// records by them.
//
// The nouns: a [Client] asks a schema registry that speaks Confluent's protocol;
// a [Framed] decodes records that name their schema by its id in the registry, in
// front of the datum or in a header (0x00 and the number in big endian, or 0x01 and
// the GUID); a [File] decodes bare
// datums of the one schema that a file holds; a [Format], [Avro], [Protobuf] or [Debezium], says
// how schemas are written, and records by them.
//
// Schemas are looked for ahead of the record that needs them, never in the middle
// of one: Awaits says which is missing, Fetch gets it, Decode has it then. What
// Fetch can't get is no fault of the record, so that nothing is ever rejected
// for it; whoever reads waits, says so, and tries again. A schema is fetched
// once, since what an id means never changes.
//
// Fields for which the table has no column are passed over, or, after
// RefuseNewFields, an error of Fetch that says which columns would hold them.
//
// Before there is a table, [Client.Describe] and [DescribeFile] say which columns one
// could have for the records of a schema.
//
// It does not write to the registry, keeps nothing on disk, and does not look for
// the fingerprints of single-object encoding.
package registry
