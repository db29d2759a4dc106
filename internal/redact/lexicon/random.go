package lexicon

import "github.com/stele-log/stele/internal/ascii"

// LooksRandom says whether a value looks made by a machine: long, and mixing
// letters and digits as names do not.
func LooksRandom(v []byte) bool {
	if len(v) < 12 || len(v) > 4096 || IsUUID(v) || hasPrefixFold(v, digestPrefixes) {
		return false
	}
	start := 0
	for i := 0; i <= len(v); i++ {
		if i < len(v) && (ascii.IsAlnum(v[i]) || v[i] == '+' || v[i] == '=') {
			continue
		}
		if i < len(v) && (ascii.IsSpace(v[i]) || v[i] >= 0x80 || v[i] == '(' || v[i] == '{') {
			return false
		}
		if isRandomRun(v[start:i]) {
			return true
		}
		start = i + 1
	}
	return false
}

var digestPrefixes = prefixesOf([]string{
	"sha256:", "sha512:", "sha1:", "sha384:", "md5:", "sha256-", "sha384-", "sha512-", "sha512 ",
	"http://", "https://", "arn:", "ssh-", "ecdsa-",
})

// isRandomRun judges letters and digits without punctuation.
func isRandomRun(run []byte) bool {
	if len(run) < 10 {
		return false
	}
	digits, turns, hex := 0, 0, true
	for i, c := range run {
		hex = hex && ascii.IsHex(c)
		if ascii.IsDigit(c) {
			digits++
		}
		if i > 0 && charClass(c) != charClass(run[i-1]) {
			turns++
		}
	}
	if digits == len(run) || digits == 0 && turns < len(run)/2 {
		return false
	}
	if hex {
		return len(run) >= 16 && digits > 1 && digits < len(run)
	}
	return turns*4 >= len(run) && turns >= 4
}

func charClass(c byte) int {
	switch {
	case ascii.IsDigit(c):
		return 1
	case ascii.IsUpper(c):
		return 2
	case ascii.IsLower(c):
		return 3
	}
	return 4
}

// LooksChosen says whether a word looks like a password a person made up: no
// ordinary word has these kinds of characters together.
func LooksChosen(v []byte) bool {
	if len(v) < 6 || len(v) > 256 {
		return false
	}
	if LooksRandom(v) {
		return true
	}
	var has [5]bool
	for i, c := range v {
		switch {
		case ascii.IsSpace(c) || c == '(' || c == ')' || c == '/' || c == '<' || c == '{' || c == '=':
			return false
		case charClass(c) < 4:
			has[charClass(c)] = true
		case c != '-' && c != '_' && c != '.' && c != ':' && i < len(v)-1, c == '!':
			has[4] = true
		}
	}
	return has[1] && (has[4] && (has[2] || has[3]) || has[2] && has[3])
}

func IsUUID(v []byte) bool {
	if len(v) != 36 {
		return false
	}
	for i, c := range v {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !ascii.IsHex(c) {
			return false
		}
	}
	return true
}
