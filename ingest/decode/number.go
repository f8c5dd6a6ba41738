package decode

import "math/bits"

// number is a number as its digits say it: ±mant / 10^frac. Only when plain is
// set do the others hold; a number with an exponent or with more than 19
// digits is not plain and must be read from its text as a numeral.
type number struct {
	mant  uint64
	frac  uint8
	neg   bool
	plain bool
}

// plainDigits is how many decimal digits surely fit a uint64.
const plainDigits = 19

// digits reads the decimal digits from p on into mant, which wraps if there
// are too many.
func digits(text []byte, p int, mant uint64) (int, uint64) {
	for p < len(text) {
		c := text[p] - '0'
		if c > 9 {
			break
		}
		mant = mant*10 + uint64(c)
		p++
	}
	return p, mant
}

// number scans the JSON number at p.
func (s *scanner) number(p int, n *number) int {
	data := s.data
	n.neg = data[p] == '-'
	if n.neg {
		p++
	}
	first := p
	p, n.mant = digits(data, p, 0)
	count := p - first
	if count == 0 {
		return s.unexpected(p, "a digit")
	}
	if count > 1 && data[first] == '0' {
		return s.fail(first, "a number with a leading zero")
	}
	n.frac = 0
	if p < len(data) && data[p] == '.' {
		point := p + 1
		if p, n.mant = digits(data, point, n.mant); p == point {
			return s.unexpected(p, "a digit after the decimal point")
		}
		count += p - point
		n.frac = uint8(p - point)
	}
	n.plain = count <= plainDigits
	if p < len(data) && data[p]|0x20 == 'e' {
		n.plain = false
		if p++; p < len(data) && (data[p] == '+' || data[p] == '-') {
			p++
		}
		digit := p
		if p, _ = digits(data, p, 0); p == digit {
			return s.unexpected(p, "a digit of the exponent")
		}
	}
	return p
}

// readNumber reads a number that is all of text: a string that holds one. The
// result is not plain if text is not a number at all.
func readNumber(text []byte) (n number) {
	p := 0
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		n.neg = text[0] == '-'
		p = 1
	}
	first := p
	p, n.mant = digits(text, p, 0)
	count := p - first
	if p < len(text) && text[p] == '.' {
		point := p + 1
		p, n.mant = digits(text, point, n.mant)
		count += p - point
		n.frac = uint8(p - point)
	}
	n.plain = p == len(text) && count > 0 && count <= plainDigits
	return n
}

// numeral is the text of a number taken apart, for any length and exponent.
type numeral struct {
	neg         bool
	whole, frac []byte // the digits before and after the point
	exp         int
}

// maxExponent is where exponents saturate: far beyond what any length of
// digits that fits a record could make up for.
const maxExponent = 1 << 27

// readNumeral takes apart a number that is all of text: digits, of which some
// may stand behind a point, with an optional sign and exponent.
func readNumeral(text []byte) (n numeral, ok bool) {
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		n.neg = text[0] == '-'
		text = text[1:]
	}
	end, _ := digits(text, 0, 0)
	n.whole, text = text[:end], text[end:]
	if len(text) > 0 && text[0] == '.' {
		end, _ = digits(text, 1, 0)
		n.frac, text = text[1:end], text[end:]
	}
	if len(n.whole)+len(n.frac) == 0 {
		return n, false
	}
	if len(text) == 0 {
		return n, true
	}
	if text[0]|0x20 != 'e' {
		return n, false
	}
	text = text[1:]
	negative := len(text) > 0 && text[0] == '-'
	if negative || len(text) > 0 && text[0] == '+' {
		text = text[1:]
	}
	for i, c := range text {
		if !isDigit(c) {
			return n, false
		}
		n.exp = min(n.exp*10+int(text[i]-'0'), maxExponent)
	}
	if negative {
		n.exp = -n.exp
	}
	return n, len(text) > 0
}

// remainder is what was cut off behind the last digit kept.
type remainder struct {
	half    bool // at least half of the last digit kept
	nonzero bool
}

// scaled returns |n| * 10^scale without its fraction, and what the fraction
// was. It reports false if that needs more than 128 bits.
func (n numeral) scaled(scale int) (uint128, remainder, bool) {
	whole, frac := n.whole, n.frac
	keep := len(whole) + n.exp + scale // digits before the cut, counted from the first
	for len(whole) > 0 && whole[0] == '0' {
		whole = whole[1:]
		keep--
	}
	for len(whole) == 0 && len(frac) > 0 && frac[0] == '0' {
		frac = frac[1:]
		keep--
	}
	total := len(whole) + len(frac)
	if total == 0 {
		return uint128{}, remainder{}, true
	}
	if keep > len(pow10Wide) { // not even a leading 1 would fit
		return uint128{}, remainder{}, false
	}
	at := func(i int) byte {
		if i < len(whole) {
			return whole[i] - '0'
		}
		return frac[i-len(whole)] - '0'
	}
	var v uint128
	for i := range max(keep, 0) {
		var digit byte
		if i < total {
			digit = at(i)
		}
		var ok bool
		if v, ok = v.timesTenPlus(uint64(digit)); !ok {
			return v, remainder{}, false
		}
	}
	var cut remainder
	if keep >= 0 && keep < total {
		cut.half = at(keep) >= 5
	}
	for i := max(keep, 0); i < total && !cut.nonzero; i++ {
		cut.nonzero = at(i) != 0
	}
	return v, cut, true
}

// uint128 is an unsigned 128-bit integer.
type uint128 struct{ hi, lo uint64 }

func (v uint128) less(w uint128) bool { return v.hi < w.hi || v.hi == w.hi && v.lo < w.lo }

func (v uint128) timesTenPlus(digit uint64) (uint128, bool) {
	carry, lo := bits.Mul64(v.lo, 10)
	over, hi := bits.Mul64(v.hi, 10)
	lo, c := bits.Add64(lo, digit, 0)
	hi, c = bits.Add64(hi, carry, c)
	return uint128{hi, lo}, over == 0 && c == 0
}

// dividedBy returns the quotient and the remainder.
func (v uint128) dividedBy(d uint64) (uint128, uint64) {
	hi, rest := v.hi/d, v.hi%d
	lo, rest := bits.Div64(rest, v.lo, d)
	return uint128{hi, lo}, rest
}

// pow10 holds the powers of ten that fit a uint64.
var pow10 = [...]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// pow10Wide holds the powers of ten that fit a uint128: up to 10^38.
var pow10Wide = func() (p [39]uint128) {
	p[0] = uint128{lo: 1}
	for i := 1; i < len(p); i++ {
		p[i], _ = p[i-1].timesTenPlus(0)
	}
	return p
}()
