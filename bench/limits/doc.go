// Package limits measures what no replay of a topic can exceed: the client that
// only consumes it ([Consume]), and the decoder alone ([Decode]).
package limits
