// Package activity is what the sessions of a database see of each other: who they
// are, what they run and since when, as in PostgreSQL's pg_stat_activity.
package activity
