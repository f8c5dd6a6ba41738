// Package push decodes what programs send to sources WITH (connector = 'push').
//
// A [Connector] has a reader for each such source, which fetches nothing: it
// decodes the bodies that somebody else has received, by their media type. What
// becomes of the batch, and how it is made durable and not taken twice, is the
// engine's part: see engine.Push.
//
// A body is wrong as a whole ([BodyError]) when records can't be told apart in it,
// or none of its columns is the source's; any record that can't be decoded is in
// the batch as a rejected one.
package push
