package catalog

// Live makes the catalog live, in memory, which holds a DuckDB view for each name that users
// may read: history and what is hot together. Users' statements so reach
// DuckDB as they wrote them. Schema public has the columns that * means,
// schema meta the same tables with _partition, _offset, _timestamp and _key,
// schema dml tables with the ids of their rows. The catalog overlay has tables as
// a transaction sees them that has changed some: see package rowchange.
const Live = `
ATTACH ':memory:' AS live;
ATTACH ':memory:' AS overlay;
CREATE SCHEMA overlay.public;
CREATE SCHEMA overlay.dml;
CREATE SCHEMA live.public;
CREATE SCHEMA live.meta;
CREATE SCHEMA live.dml;
CREATE SCHEMA live.millstream;
CREATE SCHEMA live.internal;
CREATE TABLE live.internal.catalog AS SELECT 0::BIGINT AS version;
CREATE SCHEMA live.strict;
`
