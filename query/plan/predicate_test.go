package plan

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
)

// predicateValues are the edges of the types that are compared natively.
const predicateValues = `CREATE OR REPLACE TABLE data AS SELECT
  unnest([NULL, -128, -1, 0, 1, 5, 127])::TINYINT AS t1,
  unnest([NULL, -32768, -1, 0, 1, 5, 32767])::SMALLINT AS t2,
  unnest([NULL, -2147483648, -1, 0, 1, 5, 2147483647])::INTEGER AS t4,
  unnest([NULL, -9223372036854775808, 9007199254740993, 0, 1, 5, 9223372036854775807])::BIGINT AS t8,
  unnest([NULL, 255, 2, 0, 1, 5, 127])::UTINYINT AS u1,
  unnest([NULL, 65535, 2, 0, 1, 5, 127])::USMALLINT AS u2,
  unnest([NULL, 4294967295, 2, 0, 1, 5, 127])::UINTEGER AS u4,
  unnest([NULL, 18446744073709551615, 9223372036854775807, 0, 1, 5, 9223372036854775808])::UBIGINT AS u8,
  unnest([NULL, -999.99, -1, 0, 1, 0.1, 999.99])::DECIMAL(5,2) AS d5,
  unnest([NULL, -99999999999999.9999, -1, 0, 1, 0.1, 99999999999999.9999])::DECIMAL(18,4) AS d18,
  unnest([NULL, '-inf', '-1', '-0.0', '0.1', '16777216', 'nan'])::FLOAT AS f4,
  unnest([NULL, '-inf', '-1', '-0.0', '0.1', '9007199254740992', 'nan'])::DOUBLE AS f8,
  unnest([NULL, 'inf', '0.5', '0', '5', '1.5', '0.30000000000000004'])::DOUBLE AS g8,
  unnest([NULL, '', 'a', 'A', 'b', 'é', 'ab'])::VARCHAR AS s,
  unnest([NULL, true, false, true, false, NULL, true])::BOOLEAN AS b`

var predicateLiterals = []string{
	"-9223372036854775808", "-2147483648", "-32768", "-129", "-128", "-1", "0", "1", "5", "127", "128", "255", "256", "32767", "65535", "65536",
	"16777216", "16777217", "2147483647", "4294967295", "9007199254740992", "9007199254740993", "9223372036854775807", "18446744073709551615",
	"170141183460469231731687303715884105727", "0.0", "0.1", "0.10", "0.5", "1.5", "-1.00", "5.0", "999.99", "999.990", "1000", "999.995", "0.3", "0.30000000000000004",
	"99999999999999.9999", "12345678901234567890.5", "1e0", "1e-1", "0.5e0", "1.6777216e7", "1e39", "1e308", "0.1e0",
	"''", "'a'", "'A'", "'b'", "'é'", "'zz'", "'1'", "true", "false", "NULL",
}

// TestConjunctsAreExact evaluates every native comparison of every column with
// every literal in Go and compares it with DuckDB.
func TestConjunctsAreExact(t *testing.T) {
	b := newDuckBinder(t)
	b.exec(t, predicateValues)
	source := &Source{Name: "data"}
	for _, row := range b.rows(t, "SELECT column_name, column_type FROM (DESCRIBE data)") {
		typ, err := batch.ParseType(row[1].(string))
		if err != nil {
			t.Fatal(err)
		}
		source.Columns = append(source.Columns, batch.Column{Name: row[0].(string), Type: typ})
	}
	values := b.rows(t, "SELECT * FROM data")
	native := 0
	for _, c := range source.Columns {
		var exprs []string
		for _, literal := range predicateLiterals {
			for _, op := range []string{"=", "<>", "<", "<=", ">", ">="} {
				exprs = append(exprs, fmt.Sprintf("%s %s %s", c.Name, op, literal), fmt.Sprintf("%s %s %s", literal, op, c.Name))
			}
			exprs = append(exprs, fmt.Sprintf("%s BETWEEN 0 AND %s", c.Name, literal), fmt.Sprintf("%s > %s AND b AND s <> 'a'", c.Name, literal))
		}
		exprs = append(exprs, c.Name+" IS NULL", c.Name+" IS NOT NULL AND NOT b", "NOT ("+c.Name+" IS NULL)")
		native += checkConjuncts(t, b, source, values, exprs)
	}
	if native < 1500 {
		t.Errorf("only %d predicates are native", native)
	}
}

// checkConjuncts returns how many of the expressions are native.
func checkConjuncts(t *testing.T, b *duckBinder, source *Source, values [][]any, exprs []string) int {
	t.Helper()
	items, err := parseItems(context.Background(), b, "SELECT "+strings.Join(exprs, ", "))
	if err != nil {
		t.Fatal(err)
	}
	native := 0
	for i, expr := range exprs {
		list := conjuncts(items[i], source)
		if list == nil {
			continue
		}
		native++
		for r, row := range b.rows(t, "SELECT "+expr+" FROM data") {
			if have := conjunction(list, values[r], source); have != row[0] {
				t.Errorf("%s over %v is %v as %v, and %v in DuckDB", expr, values[r], have, list, row[0])
			}
		}
	}
	return native
}

// conjunction evaluates comparisons as their documentation says.
func conjunction(list []view.Comparison, row []any, source *Source) any {
	var result any = true
	for _, c := range list {
		switch compare(c, physical(row[c.Column], source.Columns[c.Column].Type)) {
		case false:
			return false
		case nil:
			result = nil
		}
	}
	return result
}

func compare(c view.Comparison, value any) any {
	switch {
	case c.Op == view.IsNull:
		return value == nil
	case c.Op == view.IsNotNull:
		return value != nil
	case value == nil:
		return nil
	}
	var order int
	switch v := value.(type) {
	case *big.Int:
		order = v.Cmp(big.NewInt(c.Literal.(int64)))
	case float64:
		order = compareFloats(v, c.Literal.(float64))
	case string:
		order = cmp.Compare(v, c.Literal.(string))
	case bool:
		order = map[bool]int{false: 0, true: 1}[v] - map[bool]int{false: 0, true: 1}[c.Literal.(bool)]
	}
	return map[view.CompareOp]bool{
		view.Equal: order == 0, view.NotEqual: order != 0, view.Less: order < 0, view.LessOrEqual: order <= 0,
		view.Greater: order > 0, view.GreaterOrEqual: order >= 0,
	}[c.Op]
}

func compareFloats(a, b float64) int {
	if math.IsNaN(a) || math.IsNaN(b) {
		return map[bool]int{true: 1}[math.IsNaN(a)] - map[bool]int{true: 1}[math.IsNaN(b)]
	}
	return cmp.Compare(a, b)
}

// physical returns a value in the kind that literals have.
func physical(value any, t batch.Type) any {
	switch v := value.(type) {
	case duckdb.Decimal:
		return v.Value
	case float32:
		return float64(v)
	case int8, int16, int32, int64, uint8, uint16, uint32, uint64:
		n, _ := new(big.Int).SetString(fmt.Sprint(v), 10)
		return n
	}
	return value
}
