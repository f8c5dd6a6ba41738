// Package channel is LISTEN and NOTIFY between the sessions of a database. A
// channel that has the name of a source, a table or a view is told too when that
// has changed, for clients that would poll it otherwise.
package channel
