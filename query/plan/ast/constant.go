package ast

import (
	"encoding/json"
	"math/big"
)

// ConstString returns the value of a VARCHAR constant.
func ConstString(n Node) (string, bool) {
	value := n.Child("value")
	if n.Class() != "CONSTANT" || value.Child("type").Str("id") != "VARCHAR" || value.Flag("is_null") {
		return "", false
	}
	text, ok := value["value"].(string)
	return text, ok
}

// constBool returns the value of TRUE or FALSE, which DuckDB's parser writes as
// a cast of 't' or 'f'.
func constBool(n Node) (value, ok bool) {
	if n.Class() != "CAST" || n.Child("cast_type").Str("id") != "BOOLEAN" {
		return false, false
	}
	text, ok := ConstString(n.Child("child"))
	return text == "t", ok && (text == "t" || text == "f")
}

// ConstDecimal returns the value of an integer or decimal constant.
func ConstDecimal(n Node) (unscaled *big.Int, scale int, ok bool) {
	value := n.Child("value")
	if n.Class() != "CONSTANT" || value.Flag("is_null") {
		return nil, 0, false
	}
	t := value.Child("type")
	switch t.Str("id") {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UBIGINT", "HUGEINT":
	case "DECIMAL":
		number, _ := t.Child("type_info")["scale"].(json.Number)
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
	words, ok := AsNode(v)
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

// ConstDouble returns the value of a DOUBLE constant such as 1e3.
func ConstDouble(n Node) (float64, bool) {
	value := n.Child("value")
	if n.Class() != "CONSTANT" || value.Child("type").Str("id") != "DOUBLE" || value.Flag("is_null") {
		return 0, false
	}
	number, ok := value["value"].(json.Number)
	if !ok {
		return 0, false
	}
	f, err := number.Float64()
	return f, err == nil
}

// Pow10 returns the n-th power of ten.
func Pow10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}
