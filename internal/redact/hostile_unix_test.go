//go:build unix

package redact

import (
	"bytes"
	"syscall"
	"testing"
	"time"
)

// cpuTime is the processor time this process has used. Unlike the clock it
// does not run while other processes do.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestHostileTextsTakeLinearTime compares a text with one sixteen times as
// long: quadratic work would take 256 times as long.
func TestHostileTextsTakeLinearTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes several seconds")
	}
	units := []string{
		`{"a":`, "[", `"password":`, "password", "password=", "password={{", "password: \"", "key=", "key='", "token ", "-----BEGIN RSA PRIVATE KEY-----",
		"-----BEGIN RSA PRIVATE KEY-----\n", "http://", "http://a:b/", "://u:p", "@tcp(", "$6$", "eyJ", "ghp_", "sk-", "Basic ", "curl ", "mysql -p ",
		"<a>", "<password>", "a: &a [*a,*a]\n", "- ", "- - ", " ", "a:\n ", "key: \\", "x=\\\n", "«redacted»", "--password\n", "#token=", "'", "password='", "${", "\"\"\"", "password=\"\"\"",
		"<!--", "/*", "a,b:", "{{", "aB", "key ", "secret\n", "pgp:",
		":ommysql:", ":ommysql:a,b,c,", "IDENTIFIED BY ", "grant identified by 'x", "create user password '",
		"private-lines: 1\n", "private-lines: 1\nAAAA", "private-mac: ", "private-lines: 1\\n",
		"- mysql\n", "- curl -u\n", "curl \\\n", "--token \\\n", "- --token\r\n",
		"passwords =\n", "passwords =\n a\n", "password: |\n", "password: |\n {{", "password a b ", "? password\n", "? password\n: x\n", ": x\n", "\"\\u0070", "\\u0070",
		"secret: ", "X-Api-Key: ", "\"X-Api-Key: ", "'X-Api-Key: ", ";password=", "# password: x ", "user_a=\"", "LoginModule user_a=\"", "echo x | sudo -S ",
		"$ANSIBLE_VAULT;", "{password, ", "auth: a:b;", "modparam(\"a\", \"password\", ", "password 7 ", "mysql -p'", "password was ", "set password ",
		"<value>a", "<name>password</name><value>", "<a name='password'><value>x",
	}
	r := newTest()
	const size = 1 << 13
	for _, unit := range units {
		for _, format := range []string{"yaml", "json", "toml", "xml", "conf"} {
			if small, big, ok := growth(r, unit, format, size); !ok {
				t.Errorf("%s: %q: %v, sixteen times as much %v", format, unit, small, big)
			}
		}
	}
}

// growth compares the processor times for n bytes and for sixteen times as many. A
// machine under load gets several attempts.
func growth(r *Redactor, unit, format string, n int) (small, big time.Duration, ok bool) {
	took := func(n int) time.Duration {
		text := bytes.Repeat([]byte(unit), n/len(unit))
		start := cpuTime()
		r.Text(text, Source{Format: format, SecretPaths: []string{"a.*.b", "*.x.*.y"}})
		return cpuTime() - start
	}
	small, big = time.Hour, time.Hour
	for range 8 {
		small, big = max(min(small, took(n)), 200*time.Microsecond), min(big, took(16*n))
		if big < 80*small {
			return small, big, true
		}
	}
	return small, big, false
}
