package batch

import (
	"math/big"
	"testing"
)

func TestInt128FromBytes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"0", "1", "-1", "127", "128", "-128", "-129", "18446744073709551616",
		"170141183460469231731687303715884105727", "-170141183460469231731687303715884105728",
		"170141183460469231731687303715884105728", "-170141183460469231731687303715884105729",
	} {
		want, _ := new(big.Int).SetString(text, 10)
		for _, size := range []int{17, 20} { // longer than it has to be
			b := new(big.Int).And(want, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(8*size)), big.NewInt(1))).FillBytes(make([]byte, size))
			got, ok := Int128FromBytes(b)
			_, fits := Int128FromBig(want)
			fits = fits || text == "-170141183460469231731687303715884105728"
			if ok != fits || ok && got.Big().Cmp(want) != 0 {
				t.Errorf("%s in %d bytes: %s, %t", text, size, got.Big(), ok)
			}
		}
	}
}

func TestInt128ScaledUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		v          int64
		by, digits int
		want       string
	}{
		{12, 3, 5, "12000"}, {12, 3, 4, ""}, {-12, 3, 5, "-12000"}, {-99, 0, 2, "-99"}, {100, 0, 2, ""},
		{9, 37, 38, "90000000000000000000000000000000000000"}, {1, 38, 38, ""}, {10, 38, 38, ""}, {0, 38, 1, "0"},
	} {
		got, ok := Int128From(c.v).ScaledUp(c.by, c.digits)
		if ok != (c.want != "") || ok && got.Big().String() != c.want {
			t.Errorf("%d * 10^%d in %d digits: %s, %t; want %s", c.v, c.by, c.digits, got.Big(), ok, c.want)
		}
	}
}
