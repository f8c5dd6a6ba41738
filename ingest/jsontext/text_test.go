package jsontext

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"
)

func TestValuesAreJSON(t *testing.T) {
	t.Parallel()
	decimal := func(b string, scale int) string {
		out, ok := AppendDecimal(nil, []byte(b), scale)
		if !ok {
			return "too long"
		}
		return string(out)
	}
	for _, c := range []struct{ got, want string }{
		{string(AppendString(nil, []byte("a\"\\\n\r\t\x00\x1fä"))), `"a\"\\\n\r\t\u0000\u001fä"`},
		{string(AppendString(nil, nil)), `""`},
		{string(AppendFloat(nil, 0.1, 64)), "0.1"},
		{string(AppendFloat(nil, float64(float32(0.1)), 32)), "0.1"},
		{string(AppendFloat(nil, math.Inf(1), 64)), `"Infinity"`},
		{string(AppendFloat(nil, math.Inf(-1), 32)), `"-Infinity"`},
		{string(AppendFloat(nil, math.NaN(), 32)), `"NaN"`},
		{decimal("", 0), "0"},
		{decimal("\xff", 3), "-0.001"},
		{decimal("\x01\x00", 2), "2.56"},
		{decimal("\x01", 65), "1e-65"},
		{decimal("\xff"+strings.Repeat("\x00", 16), 0), new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 128)).String()},
		{decimal(strings.Repeat("\x01", 257), 0), "too long"},
		{"1" + string(AppendDigits(nil, 42, 4)), "10042"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
		if c.want != "too long" && !json.Valid([]byte(c.got)) {
			t.Errorf("%s is not JSON", c.got)
		}
	}
}
