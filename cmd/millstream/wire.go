package main

import (
	"context"
	"errors"
	"log/slog"
)

// errNotWired is returned while the database's packages are not connected.
var errNotWired = errors.New("this build has no database yet")

// newProcess connects the engine, the query layer and the servers.
func newProcess(_ *Config, _ *slog.Logger) process {
	return process{
		open:      func(context.Context) (database, error) { return nil, errNotWired },
		exec:      func(context.Context, string) error { return errNotWired },
		endpoints: func() ([]endpoint, error) { return nil, errNotWired },
	}
}

// duckDBVersion returns the version of the DuckDB that is linked in.
func duckDBVersion() string { return "" }
