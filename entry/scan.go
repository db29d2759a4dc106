package entry

import (
	"time"

	"github.com/stele-log/stele/body"
)

// decodeBase64 fills dst with the one canonical spelling of it that s may be.
// Most of an entry is base64, and this is its fastest reader.
func decodeBase64(dst, s []byte) bool {
	if len(s) != (len(dst)+2)/3*4 {
		return false
	}
	var all byte // of the digits or'ed together; one that is none has bit 6 set
	for ; len(dst) >= 3; dst, s = dst[3:], s[4:] {
		a, b, c, d := base64Digit[s[0]], base64Digit[s[1]], base64Digit[s[2]], base64Digit[s[3]]
		dst[0], dst[1], dst[2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
		all |= a | b | c | d
	}
	switch len(dst) {
	case 1:
		a, b := base64Digit[s[0]], base64Digit[s[1]]
		dst[0] = a<<2 | b>>4
		return all|a|b < 64 && b<<4 == 0 && s[2] == '=' && s[3] == '='
	case 2:
		a, b, c := base64Digit[s[0]], base64Digit[s[1]], base64Digit[s[2]]
		dst[0], dst[1] = a<<2|b>>4, b<<4|c>>2
		return all|a|b|c < 64 && c<<6 == 0 && s[3] == '='
	}
	return all < 64
}

// base64Digit is the value of each digit of base64, 64 of what is none. It is
// never changed.
var base64Digit = func() (values [256]byte) {
	for i := range values {
		values[i] = 64
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		values[c] = byte(i)
	}
	return values
}()

func decodeHex(dst, s []byte) bool {
	if len(s) != 2*len(dst) {
		return false
	}
	for i := range dst {
		hi, lo := hexDigit(s[2*i]), hexDigit(s[2*i+1])
		if hi > 15 || lo > 15 {
			return false
		}
		dst[i] = hi<<4 | lo
	}
	return true
}

func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// parseNumber reads a number in its only spelling.
func parseNumber(s []byte) (uint64, bool) {
	if len(s) == 0 || len(s) > 16 || (s[0] == '0' && len(s) > 1) {
		return 0, false
	}
	var n uint64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return n, n <= MaxNumber
}

// validTime reports whether s is a time as an entry spells it.
func validTime(s []byte) bool {
	if len(s) != len(body.TimeFormat) || string(s[0:4]) == "0000" {
		return false
	}
	for i := range len(s) {
		switch i {
		case 4, 7:
			if s[i] != '-' {
				return false
			}
		case 10:
			if s[i] != 'T' {
				return false
			}
		case 13, 16:
			if s[i] != ':' {
				return false
			}
		case 19:
			if s[i] != '.' {
				return false
			}
		case 29:
			if s[i] != 'Z' {
				return false
			}
		default:
			if s[i] < '0' || s[i] > '9' {
				return false
			}
		}
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	year, month, day := two(0)*100+two(2), two(5), two(8)
	return month >= 1 && month <= 12 && day >= 1 && (day <= 28 || day <= daysIn(year, month)) &&
		two(11) <= 23 && two(14) <= 59 && two(17) <= 59
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// validCode reports whether s may name a finding.
func validCode(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// validOrigin reports whether s may name a log.
func validOrigin(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for i := range len(s) {
		if s[i] < 0x21 || s[i] > 0x7e || s[i] == '+' {
			return false
		}
	}
	return true
}
