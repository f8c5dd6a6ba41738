package pgwire

import "math/big"

// bignumHeaderBytes is the length and sign before the magnitude of a BIGNUM.
const bignumHeaderBytes = 3

// decimalFromBignum reads DuckDB's BIGNUM: a header whose top bit is set for
// numbers that are not negative, and the magnitude, big endian. Of a negative
// number every bit is inverted, so that the bytes sort as the numbers do.
func decimalFromBignum(v []byte) decimal {
	if len(v) < bignumHeaderBytes {
		return decimal{digits: []byte{'0'}}
	}
	negative := v[0]&0x80 == 0
	magnitude := make([]byte, len(v)-bignumHeaderBytes)
	for i, b := range v[bignumHeaderBytes:] {
		if negative {
			b = ^b
		}
		magnitude[i] = b
	}
	return decimal{negative: negative, digits: new(big.Int).SetBytes(magnitude).Append(nil, 10)}
}
