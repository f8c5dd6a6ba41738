// Package subscription tells a client what a relation holds, and then how it
// changes, epoch after epoch.
//
// A [Subscription] stands at a place: the [Snapshot] that it has told, which is
// pinned, so that it can be compared with a later one. What has changed between
// two snapshots is a [Follower]'s business; it starts a [Step], a statement
// whose rows are told. [Places] are the places of all subscriptions of an
// engine: the writer rings their bell after each epoch, makes them halt at
// snapshots that they must not leap over, and cuts off those that hold back too
// much memory for too long.
//
// Nothing here costs the writer more than an atomic load per epoch while nobody
// waits. Epochs that come while a step is computed, or while a client reads, are
// told together.
package subscription
