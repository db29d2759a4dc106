package semdiff

import (
	"strconv"
	"strings"
)

// decimal writes a number in one way: its digits without zeros at either end, and the
// power of ten behind them. What is no decimal number stays as it is.
func decimal(s string) string {
	rest, negative := strings.CutPrefix(s, "-")
	rest = strings.TrimPrefix(rest, "+")
	mantissa, exponent := rest, 0
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		n, err := strconv.Atoi(rest[i+1:])
		if err != nil || n > 1<<30 || n < -1<<30 {
			return s
		}
		mantissa, exponent = rest[:i], n
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" || len(whole) > 1 && whole[0] == '0' {
		return s // hexadecimal, octal, infinite
	}
	exponent -= len(fraction)
	short := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(short)
	short = strings.TrimLeft(short, "0")
	if short == "" {
		return "0"
	}
	if negative {
		short = "-" + short
	}
	return short + "e" + strconv.Itoa(exponent)
}
