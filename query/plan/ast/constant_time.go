package ast

import (
	"math/big"
	"strings"
	"time"

	"github.com/millstream-db/millstream/query/plan/interval"
)

// ConstInterval reads a constant interval: INTERVAL '1 minute', INTERVAL 1
// MINUTE, a string, or the negation of one of these.
func ConstInterval(n Node) (interval.Interval, bool) {
	switch n.Class() {
	case "CONSTANT":
		if text, ok := ConstString(n); ok {
			return interval.Parse(text)
		}
	case "CAST":
		if n.Child("cast_type").Str("id") == "INTERVAL" {
			return ConstInterval(n.Child("child"))
		}
	case "FUNCTION":
		args := n.List("children")
		if len(args) != 1 {
			break
		}
		if n.IsCall("-") {
			v, ok := ConstInterval(args[0])
			return v.Negated(), ok
		}
		name, ok := strings.CutPrefix(n.Str("function_name"), "to_")
		u, known := interval.Units[name]
		value, constant := intervalNumber(args[0])
		if ok && known && constant {
			return u.Times(value)
		}
	}
	return interval.Interval{}, false
}

// intervalNumber reads the n of INTERVAL n UNIT, which DuckDB's parser wraps
// in casts and, for units longer than a second, in trunc.
func intervalNumber(n Node) (*big.Rat, bool) {
	switch n.Class() {
	case "CAST":
		return intervalNumber(n.Child("child"))
	case "FUNCTION":
		args := n.List("children")
		if !n.IsCall("trunc") || len(args) != 1 {
			return nil, false
		}
		v, ok := intervalNumber(args[0])
		if !ok {
			return nil, false
		}
		return new(big.Rat).SetInt(new(big.Int).Quo(v.Num(), v.Denom())), true
	case "CONSTANT":
		if text, ok := ConstString(n); ok {
			if strings.ContainsAny(text, "eE/_xX") {
				return nil, false
			}
			return new(big.Rat).SetString(strings.TrimSpace(text))
		}
		if unscaled, scale, ok := ConstDecimal(n); ok {
			return new(big.Rat).SetFrac(unscaled, Pow10(scale)), true
		}
	}
	return nil, false
}

// ConstTimestamp reads a constant DATE, TIMESTAMP or TIMESTAMPTZ in ISO form,
// in microseconds since 1970-01-01 UTC.
func ConstTimestamp(n Node) (int64, bool) {
	if n.Class() != "CAST" {
		return 0, false
	}
	layouts := []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05"}
	switch n.Child("cast_type").Str("id") {
	case "DATE":
		layouts = layouts[:1]
	case "TIMESTAMP":
	case "TIMESTAMP WITH TIME ZONE":
		for _, zone := range []string{"Z07:00", "-07:00", "-07"} {
			layouts = append(layouts, layouts[1]+zone, layouts[2]+zone)
		}
	default:
		return 0, false
	}
	text, ok := ConstString(n.Child("child"))
	if !ok {
		return 0, false
	}
	text = strings.Replace(text, "T", " ", 1)
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMicro(), t.Nanosecond()%1000 == 0
		}
	}
	return 0, false
}
