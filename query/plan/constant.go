package plan

import (
	"encoding/json"
	"math/big"
)

// constString returns the value of a VARCHAR constant.
func constString(n node) (string, bool) {
	value := n.child("value")
	if n.class() != "CONSTANT" || value.child("type").str("id") != "VARCHAR" || value.flag("is_null") {
		return "", false
	}
	text, ok := value["value"].(string)
	return text, ok
}

// constBool returns the value of TRUE or FALSE, which DuckDB's parser writes as
// a cast of 't' or 'f'.
func constBool(n node) (value, ok bool) {
	if n.class() != "CAST" || n.child("cast_type").str("id") != "BOOLEAN" {
		return false, false
	}
	text, ok := constString(n.child("child"))
	return text == "t", ok && (text == "t" || text == "f")
}

// constDecimal returns the value of an integer or decimal constant.
func constDecimal(n node) (unscaled *big.Int, scale int, ok bool) {
	value := n.child("value")
	if n.class() != "CONSTANT" || value.flag("is_null") {
		return nil, 0, false
	}
	t := value.child("type")
	switch t.str("id") {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UBIGINT", "HUGEINT":
	case "DECIMAL":
		number, _ := t.child("type_info")["scale"].(json.Number)
		s, err := number.Int64()
		if err != nil {
			return nil, 0, false
		}
		scale = int(s)
	default:
		return nil, 0, false
	}
	unscaled, ok = constInteger(value["value"])
	return unscaled, scale, ok
}

// constInteger reads an integer as json_serialize_sql writes it: a number, or
// two words when it has 128 bits.
func constInteger(v any) (*big.Int, bool) {
	if number, ok := v.(json.Number); ok {
		return new(big.Int).SetString(number.String(), 10)
	}
	words, ok := asNode(v)
	if !ok {
		return nil, false
	}
	upper, ok := constInteger(words["upper"])
	if !ok {
		return nil, false
	}
	lower, ok := constInteger(words["lower"])
	if !ok {
		return nil, false
	}
	return upper.Add(upper.Lsh(upper, 64), lower), true
}

// constDouble returns the value of a DOUBLE constant such as 1e3.
func constDouble(n node) (float64, bool) {
	value := n.child("value")
	if n.class() != "CONSTANT" || value.child("type").str("id") != "DOUBLE" || value.flag("is_null") {
		return 0, false
	}
	number, ok := value["value"].(json.Number)
	if !ok {
		return 0, false
	}
	f, err := number.Float64()
	return f, err == nil
}

func pow10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}
