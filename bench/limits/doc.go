// Package limits measures what no replay of a topic can exceed: the client that
// only consumes it ([Consume]), the decoder alone ([Decode]), the views alone over what
// is decoded ([Aggregate]), and the memory that the records are read from ([ReadMemory]).
package limits
