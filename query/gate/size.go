package gate

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
)

const (
	// maxCount is the largest count in a call whose result or work grows with
	// it, and the longest string that constants may make.
	maxCount = 10_000_000
	// maxCompared is the longest constant given to functions that compare
	// strings in time proportional to the product of their lengths, and that
	// no deadline interrupts.
	maxCompared = 10_000
)

// countArgument says which argument of a function is a count.
var countArgument = map[string]int{
	"lpad": 1, "rpad": 1, "list_resize": 1, "array_resize": 1, "bitstring": 1, "equi_width_bins": 2,
	"reservoir_quantile": 2, "approx_top_k": 1,
}

// checkSize refuses a call that would fill the memory, as far as its constants
// tell. In a method call, col.repeat(5), the first argument is not among the
// children.
func checkSize(n node, name string, method bool) {
	args := n.nodes("children")
	if method {
		args = append([]node{{}}, args...)
	}
	size := 0.0
	switch name {
	case "repeat", "||", "concat":
		size = constantLength(n)
		if name == "repeat" && len(args) > 1 {
			count, _ := constantNumber(args[1])
			size = max(size, count)
		}
	case "range", "generate_series":
		size = seriesLength(args)
	case "format", "printf":
		size = formatWidth(args)
	case "levenshtein", "editdist3", "damerau_levenshtein", "jaro_similarity", "jaro_winkler_similarity":
		for _, a := range args {
			if constantLength(a) > maxCompared {
				panic(tooLarge(n, name, maxCompared))
			}
		}
	default:
		if i, ok := countArgument[name]; ok && i < len(args) {
			size, _ = constantNumber(args[i])
		}
	}
	if size > maxCount {
		panic(tooLarge(n, name, maxCount))
	}
}

func tooLarge(n node, name string, most int) *Error {
	return errorAt(n.offset(), codeLimit, "%s is called with a size of more than %d", name, most)
}

// seriesLength is the number of values of range(stop), range(start, stop) and
// range(start, stop, step), as far as they are numbers.
func seriesLength(args []node) float64 {
	var bounds [3]float64
	for i, a := range args {
		value, ok := constantNumber(a)
		if !ok || i > 2 {
			return 0
		}
		bounds[i] = value
	}
	switch len(args) {
	case 1:
		return bounds[0]
	case 2:
		return bounds[1] - bounds[0]
	case 3:
		return (bounds[1] - bounds[0]) / bounds[2] // by zero: infinite, refused
	}
	return 0
}

// directives find the parts of a format that may hold a width: "%10d" and
// "{:>10}". A width that is an argument, "%*d" or "{:>{}}", is in dynamicWidth.
var (
	directives   = regexp.MustCompile(`%[^a-zA-Z%]*|\{[^{}]*`)
	dynamicWidth = regexp.MustCompile(`%[^a-zA-Z%]*\*|\{[^{}]*:[^{}]*\{`)
)

// formatWidth is the largest width that a format can ask for.
func formatWidth(args []node) float64 {
	if len(args) == 0 {
		return 0
	}
	format, ok := constantString(args[0])
	if !ok {
		return 0
	}
	widest := 0.0
	for _, d := range directives.FindAllString(format, -1) {
		for _, digits := range strings.FieldsFunc(d, func(r rune) bool { return r < '0' || r > '9' }) {
			if width, err := strconv.ParseFloat(digits, 64); err == nil || math.IsInf(width, 1) {
				widest = max(widest, width)
			}
		}
	}
	if dynamicWidth.MatchString(format) {
		for _, a := range args[1:] {
			width, _ := constantNumber(a)
			widest = max(widest, width)
		}
	}
	return widest
}

// constantNumber computes a number from constants and arithmetic.
func constantNumber(n node) (float64, bool) {
	switch n.str("class") {
	case "CONSTANT":
		return numberOf(n.object("value"))
	case "CAST":
		return constantNumber(n.object("child"))
	case "FUNCTION":
		args := n.nodes("children")
		values := make([]float64, len(args))
		for i, a := range args {
			v, ok := constantNumber(a)
			if !ok {
				return 0, false
			}
			values[i] = v
		}
		return arithmetic(strings.ToLower(n.str("function_name")), values)
	}
	return 0, false
}

func arithmetic(name string, v []float64) (float64, bool) {
	if len(v) == 1 {
		switch name {
		case "-":
			return -v[0], true
		case "+", "abs", "floor", "ceil", "ceiling", "round", "trunc":
			return v[0], true
		}
		return 0, false
	}
	if len(v) != 2 {
		return 0, false
	}
	switch name {
	case "+", "add":
		return v[0] + v[1], true
	case "-", "subtract":
		return v[0] - v[1], true
	case "*", "multiply":
		return v[0] * v[1], true
	case "/", "//", "divide":
		return v[0] / v[1], true
	case "^", "**", "pow", "power":
		return math.Pow(v[0], v[1]), true
	case "<<":
		return v[0] * math.Pow(2, v[1]), true
	case "greatest":
		return max(v[0], v[1]), true
	}
	return 0, false
}

// numberOf reads a constant's value.
func numberOf(value node) (float64, bool) {
	if value.flag("is_null") {
		return 0, false
	}
	switch v := value["value"].(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return 0, false
		}
		info := value.object("type").object("type_info")
		if scale, ok := info["scale"].(json.Number); ok {
			s, _ := scale.Float64()
			f /= math.Pow(10, s)
		}
		return f, true
	case string: // '1000'::BIGINT
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		return f, err == nil
	case map[string]any: // a HUGEINT
		upper, _ := v["upper"].(json.Number)
		lower, _ := v["lower"].(json.Number)
		u, _ := upper.Float64()
		l, _ := lower.Float64()
		return u*math.Pow(2, 64) + l, true
	}
	return 0, false
}

// constantLength is the length of the string that constants make; what comes
// from elsewhere counts nothing.
func constantLength(n node) float64 {
	switch n.str("class") {
	case "CONSTANT":
		s, _ := constantString(n)
		return float64(len(s))
	case "CAST":
		return constantLength(n.object("child"))
	case "FUNCTION":
		args := n.nodes("children")
		switch strings.ToLower(n.str("function_name")) {
		case "||", "concat", "concat_ws":
			total := 0.0
			for _, a := range args {
				total += constantLength(a)
			}
			return total
		case "repeat":
			if len(args) == 2 {
				count, _ := constantNumber(args[1])
				return max(constantLength(args[0]), 1) * count
			}
		case "lpad", "rpad":
			if len(args) > 1 {
				count, _ := constantNumber(args[1])
				return count
			}
		}
	}
	return 0
}

// constantString returns a string constant, or constants joined by ||.
func constantString(n node) (string, bool) {
	switch n.str("class") {
	case "CONSTANT":
		s, ok := n.object("value")["value"].(string)
		return s, ok
	case "FUNCTION":
		if n.str("function_name") != "||" {
			return "", false
		}
		joined := ""
		for _, a := range n.nodes("children") {
			s, ok := constantString(a)
			if !ok {
				return "", false
			}
			joined += s
		}
		return joined, true
	}
	return "", false
}
