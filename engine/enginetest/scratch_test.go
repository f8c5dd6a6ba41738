package enginetest

import (
	"database/sql"
	"fmt"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
)

func TestScratch(t *testing.T) {
	db, _ := sql.Open("duckdb", "")
	db.SetMaxOpenConns(1)
	db.Exec("SET TimeZone='UTC'")
	for _, q := range []string{
		"SELECT epoch_us('infinity'::TIMESTAMP)",
		"SELECT epoch_us('infinity'::TIMESTAMPTZ)",
		"SELECT 'infinity'::TIMESTAMP - to_microseconds(5)",
		"SELECT make_timestamp(9223372036854775807)::VARCHAR",
		"SELECT make_timestamp(-9223372036854775807)::VARCHAR",
		"SELECT make_timestamptz(9223372036854775807)::VARCHAR",
		"SELECT time_bucket(INTERVAL '5 minutes', 'infinity'::TIMESTAMP)::VARCHAR",
		"SELECT time_bucket(INTERVAL '5 minutes', TIMESTAMP '0001-01-01')::VARCHAR",
		"SELECT time_bucket(INTERVAL '5 months', TIMESTAMPTZ '0001-01-01')::VARCHAR",
		"SELECT (time_bucket(INTERVAL '5 months', TIMESTAMPTZ '9999-12-31 23:59:59.999999') + INTERVAL '5 months')::VARCHAR",
		"SELECT date_trunc('month', TIMESTAMPTZ '0001-01-05')::VARCHAR",
		"SELECT date_trunc('month', 'infinity'::TIMESTAMPTZ)::VARCHAR",
		"SELECT ('infinity'::TIMESTAMPTZ + INTERVAL '1 month')::VARCHAR",
		"SELECT sum(x)::VARCHAR FROM (VALUES ('inf'::DOUBLE), (1.0)) t(x)",
		"SELECT sum(x)::VARCHAR FROM (VALUES ('inf'::DOUBLE), ('-inf'::DOUBLE)) t(x)",
		"SELECT avg(x)::VARCHAR FROM (VALUES ('nan'::DOUBLE), ('-inf'::DOUBLE)) t(x)",
		"SELECT count(*) FROM (SELECT x FROM (VALUES ('0.0'::DOUBLE), ('-0.0'::DOUBLE)) t(x) GROUP BY x)",
		"SELECT extract(year FROM 'infinity'::DATE)",
		"SELECT ('infinity'::DATE)::VARCHAR, (DATE '1970-01-01' + 2147483647)::VARCHAR",
		"SELECT (DATE '1970-01-01' + (-719162)::INTEGER)::VARCHAR",
		"SELECT (TIME '00:00:00' + to_microseconds(86399999999))::VARCHAR",
		"SELECT isfinite('infinity'::TIMESTAMP)",
		"SELECT 'x'::BLOB::VARCHAR, ('\\xAA\\x00'::BLOB)::VARCHAR, 5 % 0, (-7) % 3",
		"SELECT (-170141183460469231731687303715884105728)::HUGEINT::VARCHAR",
		"SELECT sum(x)::VARCHAR FROM (VALUES (170141183460469231731687303715884105727::HUGEINT), (1)) t(x)",
		"SELECT epoch_us(TIMESTAMP '2024-01-01 00:00:01.5')",
		"SELECT (to_months(14)+to_days(3)+to_microseconds(-5))::VARCHAR",
		"SELECT min(x)::VARCHAR, max(x)::VARCHAR FROM (VALUES ('nan'::FLOAT), ('-inf'::FLOAT)) t(x)",
		"SELECT hash('a'::VARCHAR), sum(hash(x)::HUGEINT) FROM (VALUES ('a')) t(x)",
		"SELECT least(NULL, 3, 2)",
		"SELECT window_start::VARCHAR FROM (SELECT ts - to_microseconds((epoch_us(ts) % 60000000 + 60000000) % 60000000) AS window_start FROM (SELECT 'infinity'::TIMESTAMP AS ts))",
	} {
		rows, err := db.Query(q)
		if err != nil {
			fmt.Println(q, "ERR", err)
			continue
		}
		cols, _ := rows.Columns()
		for rows.Next() {
			v := make([]any, len(cols))
			p := make([]any, len(cols))
			for i := range v {
				p[i] = &v[i]
			}
			rows.Scan(p...)
			fmt.Println(q, "=>", v)
		}
		if rows.Err() != nil {
			fmt.Println(q, "ERR", rows.Err())
		}
	}
}
