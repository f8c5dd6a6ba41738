package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
	_ "time/tzdata" // a session's time zone must not depend on the machine's files

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/file"
	"github.com/millstream-db/millstream/ingest/kafka"
	"github.com/millstream-db/millstream/ingest/push"
	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/server/httpapi"
	"github.com/millstream-db/millstream/server/pgwire"
)

// newProcess connects the engine, the query layer and the servers.
func newProcess(cfg *Config, log *slog.Logger) process {
	cfg.shareMemory()
	w := &wiring{cfg: cfg, log: log, metrics: newMetrics(), push: push.New()}
	return process{
		open:      w.open,
		exec:      func(ctx context.Context, sql string) error { return w.db.Exec(ctx, sql) },
		endpoints: w.endpoints,
	}
}

// wiring is the process's parts while they are put together.
type wiring struct {
	cfg     *Config
	log     *slog.Logger
	metrics *metrics
	push    *push.Connector
	db      *query.DB
	doors   doors
}

func (w *wiring) open(ctx context.Context) (database, error) {
	options := query.Options{Version: versionNumber(), MaxQueries: w.cfg.MaxQueries, QueueTimeout: w.cfg.QueueTimeout, BackupTo: w.cfg.BackupTo, Engine: engine.Options{
		Connectors: map[string]source.Connector{
			"kafka": kafka.New(kafka.Options{FetchMemory: w.cfg.fetchMemory()}), catalog.FileConnector: file.New(file.Options{Directories: w.cfg.CopyFrom}), catalog.PushConnector: w.push,
		},
		Logger:             w.log,
		HotBytes:           w.cfg.Memory,
		ViewBytes:          w.cfg.ViewMemory,
		StatesBytes:        w.cfg.statesMemory(),
		CheckpointInterval: w.cfg.CheckpointInterval,
		DuckDB: duck.Options{
			MemoryLimit: fmt.Sprintf("%dB", w.cfg.DuckDBMemory), ProcessMemory: w.cfg.ProcessMemory,
			Threads: w.cfg.Threads, AllowedDirectories: w.cfg.CopyFrom,
		},
		OnEpoch:      w.metrics.epoch,
		OnCheckpoint: w.metrics.checkpoint,
	}}
	db, err := query.Open(ctx, w.cfg.Data, options)
	if err != nil {
		return nil, err
	}
	if w.doors, err = openDoors(ctx, &w.cfg.Access, db, w.log); err != nil {
		return nil, errors.Join(err, db.Close(context.WithoutCancel(ctx)))
	}
	w.db = db
	w.metrics.engine.Store(db.Engine())
	return openDatabase{db}, nil
}

// openDatabase is the database as the process stops it.
type openDatabase struct{ db *query.DB }

func (o openDatabase) StopSources(ctx context.Context) error { return o.db.Engine().StopSources(ctx) }
func (o openDatabase) Checkpoint(ctx context.Context) error  { return o.db.Checkpoint(ctx) }
func (o openDatabase) Close() error                          { return o.db.Close(context.Background()) }

// endpoints makes the servers that are not off.
func (w *wiring) endpoints() ([]endpoint, error) {
	var list []endpoint
	if w.cfg.Pg != off {
		o := pgwire.Options{
			Addr: w.cfg.Pg, MaxConnections: w.cfg.MaxConnections, Logger: w.log,
			Observe: w.metrics.statement("postgres"), Authenticator: w.authenticator(),
		}
		if w.doors.certificates != nil {
			o.TLSConfig = w.doors.certificates.Config
		}
		server := pgwire.New(pgDatabase{w}, o)
		list = append(list, endpoint{"postgres", w.cfg.Pg, server})
	}
	if w.cfg.HTTP != off {
		o := httpapi.Options{
			Database: httpDatabase{w}, Logger: w.log, AllowedHosts: w.cfg.Hosts,
			Metrics: promhttp.HandlerFor(w.metrics.registry, promhttp.HandlerOpts{}),
			AnyHost: w.cfg.anyHost(), StatementTimeout: w.cfg.StatementTimeout, Observe: w.metrics.statement("http"),
			Ingest: httpDatabase{w}, IngestBodyMax: w.cfg.IngestBody, ObserveIngest: w.metrics.pushed,
		}
		if w.doors.authenticator != nil {
			o.Authenticate = w.doors.authenticator.Request
		}
		if w.doors.certificates != nil {
			o.TLSConfig = w.doors.certificates.ForClient
		}
		server, err := httpapi.New(o)
		if err != nil {
			return nil, err
		}
		list = append(list, endpoint{"http", w.cfg.HTTP, server})
	}
	return list, nil
}

// authenticator decides about Postgres clients. Nil leaves it to pgwire, which
// then trusts this machine only; who has typed --insecure lets everybody in.
func (w *wiring) authenticator() pgwire.Authenticator {
	switch {
	case w.doors.authenticator != nil:
		return pgDoor{w.doors.authenticator}
	case w.cfg.Insecure:
		return everybody{}
	}
	return nil
}

// pgDatabase opens sessions for Postgres clients.
type pgDatabase struct{ w *wiring }

// NewSession opens a session whose statements and transactions end after the configured
// times, unless the client sets others.
func (d pgDatabase) NewSession(o query.SessionOptions) pgwire.Session {
	if o.Settings == nil {
		o.Settings = make(map[string]string)
	}
	for name, limit := range map[string]time.Duration{
		"statement_timeout":                   d.w.cfg.StatementTimeout,
		"idle_in_transaction_session_timeout": d.w.cfg.IdleInTransaction,
	} {
		if _, set := o.Settings[name]; !set {
			o.Settings[name] = fmt.Sprint(limit.Milliseconds())
		}
	}
	o.LoggedIn = d.w.doors.authenticator != nil
	return d.w.db.NewSession(o)
}

// httpDatabase opens sessions for HTTP requests.
type httpDatabase struct{ w *wiring }

// NewSession opens a session with default settings.
func (d httpDatabase) NewSession(role string) httpapi.Session {
	return d.w.db.NewSession(d.sessionOptions(role))
}

// Ready returns nil: listeners open when the database is. A checkpoint that
// fails does not keep anybody from reading; millstream.sources, the log and
// the metrics tell of it.
func (d httpDatabase) Ready() error { return nil }

// duckDBVersion returns the version of the DuckDB that is linked in.
func duckDBVersion() string { return duck.Version() }
