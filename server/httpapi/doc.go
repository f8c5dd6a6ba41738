// Package httpapi answers SQL over HTTP.
//
// POST /v1/query takes one statement as {"sql": …, "params": […], "timeout":
// "5s"} and streams its rows in the format that the Accept header asks for:
//
//   - application/json (default): {"columns": [{"name", "type"}…], "rows": [[…]…], "epoch": n, "tag": …}
//   - application/x-ndjson: one JSON object per row, one per line
//   - text/csv: a header line, then one line per row; NULL is an empty field, "" an empty string
//   - application/vnd.apache.arrow.stream: an Arrow IPC stream
//
// GET /v1/subscribe?q=SUBSCRIBE+… streams what a view, a source or a query holds
// and then what changes in it, a row at a time, until the client closes the
// connection; POST takes the statement as /v1/query does. By default the rows
// are server-sent events: each "data:" is a JSON object, a comment comes every
// 15 s when nothing else does, and "event: error" or "event: end" is the last of
// a stream. WITH (PROGRESS) the events that say that an epoch has been told
// carry it as their "id:", and a browser that reconnects with Last-Event-ID goes
// on there, as with AS OF, or is told by "event: reset" that it begins anew,
// because that epoch is not kept any more. With Accept: application/x-ndjson the
// rows are lines.
//
// The epoch that was read is also in the header Millstream-Epoch, whatever the
// format. Values are written in JSON as follows. BOOLEAN, REAL, DOUBLE and the
// integers are numbers, but BIGINT and UBIGINT beyond ±2^53 are strings, since
// most JSON readers would round them, and so are NaN, Infinity and -Infinity.
// DECIMAL and HUGEINT are numbers with all their digits. Times are ISO 8601,
// TIMESTAMP WITH TIME ZONE in UTC with a Z, INTERVAL as a duration (P1M2DT3S).
// BLOB is base64. JSON is embedded as it is. LIST is an array, STRUCT and MAP
// are objects.
//
// An error is {"error": {"code", "message", "position", "hint", "detail"}},
// code being a SQLSTATE, with a status that fits. After the first bytes have
// left, the status can't change any more: JSON then ends with an "error"
// member and NDJSON with an error line, and CSV and Arrow, which have no place
// for one, break the connection off, so that nobody takes a part for the whole.
//
// So many statements are at work at once, Options.QueriesMax. When all places are taken, others
// wait for some seconds, or for a client that has not read any of its answer for a tenth of a
// second: its statement rests then until it does, and there is a place again. As many may rest
// as there are places; then the one whose client has read nothing for the longest time is cut off.
//
// POST /v1/ingest/<source> takes rows for a source WITH (connector = 'push'), in the
// format that the Content-Type names: application/x-ndjson, application/json (an
// array of objects, or one), text/csv (the first line names the columns) or
// application/vnd.apache.arrow.stream; Content-Encoding may be gzip. The answer
// {"accepted": n, "rejected": m} comes when the rows are durable; m records could
// not be decoded and are in "<source>$rejected". A request with the header
// Idempotency-Key that was taken already is answered as the first time, with
// "repeated": true; with another body it is refused (422). A body that is wrong as
// a whole is answered with 400, 413 or 415, and nothing of it is taken. 429 with
// Retry-After says that the hot buffers are full or too many requests are at work.
//
// Who may come in is for Options.Authenticate to say; an answer of 401 asks for
// Basic credentials. / and the two health checks, which tell nothing, are open
// to everybody; /metrics is not. A statement that its role has no right to is
// answered with 403.
//
// The package knows neither DuckDB nor Kafka; the database is the two small
// interfaces [Database] and [Session].
package httpapi
