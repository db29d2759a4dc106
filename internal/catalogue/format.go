package catalogue

import (
	"bytes"
	"encoding/binary"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const sniffed = 4096 // bytes of a head that are looked at

// FormatOf guesses the format of a file that no agent claims, from its path
// and the first bytes of its content (4 KiB are enough, none are allowed).
// A byte order mark is heeded: of UTF-8, and of UTF-16, which is decoded.
// What is not text, and what looks like nothing known, is [FormatUnknown].
func FormatOf(p string, head []byte) string {
	head = decoded(head[:min(len(head), sniffed)])
	if notText(head) {
		return FormatUnknown
	}
	if f, ok := byPlace(p); ok {
		return f
	}
	f, ok := byExtension[strings.ToLower(path.Ext(p))]
	switch {
	case !ok:
		return byContent(head)
	case f == FormatJSON && hasComment(head):
		return FormatJSONC
	case f == FormatConf:
		// .conf says only that it configures something.
		if g := byContent(head); g != FormatUnknown {
			return g
		}
	}
	return f
}

// decoded is a head in UTF-8 and without its byte order mark.
func decoded(head []byte) []byte {
	var unit func([]byte) uint16
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		unit = binary.LittleEndian.Uint16
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		unit = binary.BigEndian.Uint16
	default:
		return bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	}
	var units []uint16
	for pair := range slices.Chunk(head[2:len(head)&^1], 2) {
		units = append(units, unit(pair))
	}
	return []byte(string(utf16.Decode(units)))
}

// byPlace knows the names and directories that say more than an extension.
func byPlace(p string) (format string, ok bool) {
	base, dir := path.Base(p), path.Base(path.Dir(p))
	switch {
	case base == "sshd_config" || dir == "sshd_config.d":
		return FormatSSHD, true
	case base == "sudoers" || dir == "sudoers.d":
		return FormatSudoers, true
	case base == "crontab" || base == "anacrontab" || dir == "cron.d" || dir == "crontabs":
		return FormatCrontab, true
	case base == "rsyslog.conf" || dir == "rsyslog.d":
		return FormatRsyslog, true
	case base == ".env" || strings.HasPrefix(base, ".env.") || base == "environment":
		return FormatEnv, true
	case base == ".gitconfig" || base == "config" && dir == ".git":
		return FormatINI, true
	case (dir == "default" || dir == "sysconfig") && path.Ext(base) == "":
		return FormatEnv, true
	}
	return FormatUnknown, false
}

var byExtension = map[string]string{
	".yaml": FormatYAML, ".yml": FormatYAML,
	".toml": FormatTOML,
	".json": FormatJSON, ".jsonc": FormatJSONC, ".json5": FormatJSONC,
	".ini": FormatINI, ".service": FormatINI, ".socket": FormatINI, ".timer": FormatINI, ".mount": FormatINI,
	".path": FormatINI, ".target": FormatINI, ".slice": FormatINI, ".network": FormatINI, ".netdev": FormatINI,
	".conf": FormatConf, ".cfg": FormatConf, ".cnf": FormatConf, ".cf": FormatConf, ".properties": FormatConf,
	".xml": FormatXML, ".plist": FormatXML,
	".env":   FormatEnv,
	".rules": FormatRules,
	".md":    FormatMarkdown, ".markdown": FormatMarkdown,
}

// notText reports whether head is not text. A character cut at its end is
// forgiven: that is where the reader stopped.
func notText(head []byte) bool {
	if bytes.IndexByte(head, 0) >= 0 {
		return true
	}
	for i := 0; i < utf8.UTFMax && len(head) > 0 && !utf8.Valid(head); i++ {
		head = head[:len(head)-1]
	}
	return !utf8.Valid(head)
}

var (
	sectionLine = regexp.MustCompile(`^\[[^\[\]{},:"']+\]\s*([#;].*)?$`)
	tomlTable   = regexp.MustCompile(`^\[\[[^\[\]{},:]+\]\]`)
	tomlValue   = regexp.MustCompile(`^[A-Za-z0-9_."-]+\s*=\s*("|'|\[|\{|true\b|false\b|[0-9+-])`)
	envLine     = regexp.MustCompile(`^(export\s+)?[A-Za-z_][A-Za-z0-9_]*=`)
	yamlLine    = regexp.MustCompile(`^(- |[A-Za-z0-9_."'-]+:(\s|$))`)
	cronLine    = regexp.MustCompile(`^(@[a-z]+\s+\S|[0-9*][0-9*,/-]*(\s+[0-9A-Za-z*,/-]+){4}\s+\S)`)
	blankLine   = regexp.MustCompile(`^[A-Za-z0-9_.@-]+\s+[^=\s]`)
	confLine    = regexp.MustCompile(`^[A-Za-z0-9_.$-]+(\s*=|\s+\S)`)
)

// byContent looks at the lines that are not comments.
func byContent(head []byte) string {
	text := strings.TrimSpace(string(head))
	switch {
	case strings.HasPrefix(text, "#!"):
		return FormatUnknown // a program
	case strings.HasPrefix(text, "<?xml"):
		return FormatXML
	case looksJSON(text):
		return jsonKind(head)
	case strings.HasPrefix(text, "---\n"), strings.HasPrefix(text, "%YAML"):
		return FormatYAML
	}
	lines := significant(text)
	if len(lines) > 0 && len(lines) == count(lines, sectionLine) && mostly(indented(text), blankLine, nil) {
		return FormatConf // sections of indented NAME VALUE
	}
	if len(lines) == 0 {
		return FormatUnknown
	}
	return byLines(lines)
}

// byLines asks the narrow shapes first: most of them are conf lines too.
func byLines(lines []string) string {
	switch {
	case some(lines, tomlTable) || some(lines, sectionLine) && mostly(lines, tomlValue, sectionLine):
		return FormatTOML
	case sectionLine.MatchString(lines[0]):
		return FormatINI
	case mostly(lines, cronLine, envLine) && some(lines, cronLine):
		return FormatCrontab
	case mostly(lines, envLine, nil):
		return FormatEnv
	case mostly(lines, yamlLine, nil):
		return FormatYAML
	case mostly(lines, confLine, nil):
		return FormatConf
	}
	return FormatUnknown
}

// significant returns the lines at the margin that are not comments. The last
// one may be cut short and still begins like a line.
func significant(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if line != "" && !strings.ContainsAny(line[:1], "#; \t") {
			all = append(all, line)
		}
	}
	return all
}

// indented returns the lines that significant leaves out because blanks stand before
// them.
func indented(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if trimmed := strings.TrimSpace(line); trimmed != "" && (line[0] == ' ' || line[0] == '\t') && trimmed[0] != '#' {
			all = append(all, trimmed)
		}
	}
	return all
}

func count(lines []string, shape *regexp.Regexp) (n int) {
	for _, l := range lines {
		if shape.MatchString(l) {
			n++
		}
	}
	return n
}

func some(lines []string, shape *regexp.Regexp) bool {
	for _, l := range lines {
		if shape.MatchString(l) {
			return true
		}
	}
	return false
}

// mostly reports whether nine lines of ten have one of the shapes.
func mostly(lines []string, shape, or *regexp.Regexp) bool {
	n := 0
	for _, l := range lines {
		if shape.MatchString(l) || or != nil && or.MatchString(l) {
			n++
		}
	}
	return n*10 >= len(lines)*9
}

// looksJSON reports whether text begins like a JSON object, or an array of
// anything but the name of a section.
func looksJSON(text string) bool {
	text = strings.TrimSpace(afterComments(text))
	if text == "" {
		return false
	}
	inner := strings.TrimLeft(text[1:], " \t\r\n")
	switch text[0] {
	case '{':
		return inner == "" || strings.ContainsAny(inner[:1], `"}/`)
	case '[':
		return inner != "" && strings.ContainsAny(inner[:1], `{"]/`)
	}
	return false
}

// afterComments skips // and /* */ comments at the start.
func afterComments(text string) string {
	for {
		text = strings.TrimLeft(text, " \t\r\n")
		end := "\n"
		switch {
		case strings.HasPrefix(text, "/*"):
			end = "*/"
		case !strings.HasPrefix(text, "//"):
			return text
		}
		_, rest, ok := strings.Cut(text[2:], end)
		if !ok {
			return ""
		}
		text = rest
	}
}

func jsonKind(head []byte) string {
	if hasComment(head) {
		return FormatJSONC
	}
	return FormatJSON
}

// hasComment reports whether there is a comment outside the strings of a JSON
// text.
func hasComment(head []byte) bool {
	quoted := false
	for i := 0; i < len(head); i++ {
		switch b := head[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case !quoted && b == '/' && i+1 < len(head) && (head[i+1] == '/' || head[i+1] == '*'):
			return true
		}
	}
	return false
}
