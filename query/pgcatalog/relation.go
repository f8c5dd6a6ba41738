package pgcatalog

import (
	"strconv"
	"strings"
	"sync"
)

// column is a column of a system relation.
type column struct{ name, pgType string }

// relation is a relation of pg_catalog or information_schema.
type relation struct {
	schema, name string
	shadow       string // where it is in live: pgc.pg_class
	oid          int
	columns      []column
}

// relations is the relations of data/relations.txt in its order.
var relations = sync.OnceValue(func() []*relation {
	var out []*relation
	for _, line := range lines("data/relations.txt") {
		f := strings.Fields(line)
		oid, err := strconv.Atoi(f[2])
		if err != nil {
			panic(err)
		}
		r := &relation{schema: f[0], name: f[1], shadow: catalogSchema + "." + f[1], oid: oid}
		if r.schema == "information_schema" {
			r.shadow = informationSchema + "." + r.name
		}
		for _, c := range f[4:] {
			name, pgType, _ := strings.Cut(c, ":")
			r.columns = append(r.columns, column{name, pgType})
		}
		out = append(out, r)
	}
	return out
})

var relationsByName = sync.OnceValue(func() map[string]*relation {
	all := map[string]*relation{}
	for _, r := range relations() {
		all[r.schema+"."+r.name] = r
		all[r.shadow] = r
		if r.schema == "pg_catalog" {
			all[r.name] = r
		}
	}
	return all
})

// findRelation finds a relation by its lower-case name. The schema is
// pg_catalog, information_schema, their shadows' names pgc and pgi, or "",
// which finds what is in pg_catalog.
func findRelation(schema, name string) *relation {
	if schema != "" {
		name = schema + "." + name
	}
	return relationsByName()[name]
}

// Relation reports whether a relation is in Postgres's catalog here, and where:
// Relation("", "pg_class") and Relation("pg_catalog", "pg_class") are
// "pgc.pg_class". Names are in lower case. The shadow's own name, which is what
// a statement has after Rewrite, is found too: Relation("pgc", "pg_class").
func Relation(schema, name string) (string, bool) {
	r := findRelation(schema, name)
	if r == nil {
		return "", false
	}
	return r.shadow, true
}
