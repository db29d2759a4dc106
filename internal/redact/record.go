package redact

import "bytes"

// record masks the secret of a line of a file that has no keys, only fields:
// user:password, a pgpass, the keys of chrony, ntp and Wazuh.
func (f *finder) record(at int, line []byte) bool {
	if len(line) > maxBare {
		return false
	}
	for _, read := range []func([]byte) int{userRecord, pgpassRecord, agentRecord, clockRecord} {
		if n := read(line); n > 0 && !isPlain(line[n:]) {
			f.add(at+n, at+len(line))
			return true
		}
	}
	return false
}

// userRecord reads user:password, where the password looks like one.
func userRecord(line []byte) int {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || bytes.ContainsAny(line, " \t/=\"'<>()[]{},") || !isLetter(line[0]) {
		return 0
	}
	if pass := line[colon+1:]; !looksChosen(pass) || bytes.IndexByte(pass, ':') >= 0 {
		return 0
	}
	return colon + 1
}

// pgpassRecord reads host:port:database:user:password.
func pgpassRecord(line []byte) int {
	parts := bytes.SplitN(line, []byte(":"), 5)
	if len(parts) < 5 || bytes.ContainsAny(line, " \t") || !isNumber(parts[1]) && string(parts[1]) != "*" {
		return 0
	}
	for _, p := range parts {
		if len(p) == 0 {
			return 0
		}
	}
	if isNumber(parts[2]) || looksLikeShadow(parts) {
		return 0
	}
	return len(line) - len(parts[4])
}

// looksLikeShadow says whether the fields are those of passwd or group.
func looksLikeShadow(parts [][]byte) bool {
	return bytes.IndexByte(parts[4], ':') >= 0 && !looksChosen(parts[4])
}

// agentRecord reads number, name, address, key: the agents of Wazuh.
func agentRecord(line []byte) int {
	fields := bytes.Fields(line)
	if len(fields) != 4 || !isNumber(fields[0]) || len(fields[3]) < 32 || !looksRandom(fields[3]) {
		return 0
	}
	return len(line) - len(fields[3])
}

// clockRecord reads number, algorithm, key: the keys of chrony and ntp.
func clockRecord(line []byte) int {
	fields := bytes.Fields(line)
	if len(fields) < 3 || !isNumber(fields[0]) || len(fields[0]) > 5 || !isMAC(fields[1]) {
		return 0
	}
	if i := bytes.Index(line, fields[2]); i > 0 && (len(fields) == 3 || fields[3][0] == '#') {
		return i
	}
	return 0
}

// isMAC says whether a word names an algorithm of message authentication.
func isMAC(w []byte) bool {
	switch string(bytes.ToUpper(w)) {
	case "M", "MD5", "SHA", "SHA1", "SHA256", "SHA384", "SHA512", "SHA3-256", "AES128", "AES256", "AES128CMAC", "RMD160":
		return true
	}
	return false
}
