// Package ascii says of a byte which class of characters it belongs to.
//
// It promises to know ASCII alone: a byte of any other letter is in no class. It
// does not decode.
package ascii

// IsUpper says whether c is a capital.
func IsUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// IsLower says whether c is a small letter.
func IsLower(c byte) bool { return 'a' <= c && c <= 'z' }

// IsDigit says whether c is a decimal digit.
func IsDigit(c byte) bool { return '0' <= c && c <= '9' }

// IsLetter says whether c is a letter.
func IsLetter(c byte) bool { return IsUpper(c) || IsLower(c) }

// IsAlnum says whether c is a letter or a digit.
func IsAlnum(c byte) bool { return IsLetter(c) || IsDigit(c) }

// IsBlank says whether c is a space or a tab.
func IsBlank(c byte) bool { return c == ' ' || c == '\t' }

// IsSpace says whether c is white space.
func IsSpace(c byte) bool { return IsBlank(c) || c == '\n' || c == '\r' || c == '\v' || c == '\f' }

// IsHex says whether c is a hexadecimal digit.
func IsHex(c byte) bool { return IsDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

// IsName says whether c can stand in the name of a key: a letter, a digit, _, -
// or a dot.
func IsName(c byte) bool { return IsAlnum(c) || c == '_' || c == '-' || c == '.' }

// IsNumber says whether v is nothing but digits.
func IsNumber(v []byte) bool {
	for _, c := range v {
		if !IsDigit(c) {
			return false
		}
	}
	return len(v) > 0
}
