package redact

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommand(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{[]string{"psql", "--password=hunter2", "-h", "db"}, []string{"psql", "--password=" + Mark, "-h", "db"}},
		{[]string{"x", "--password", "hunter2", "--verbose"}, []string{"x", "--password", Mark, "--verbose"}},
		{[]string{"x", "--password", "two words"}, []string{"x", "--password", Mark}},
		{[]string{"x", "--password-file", "/etc/x"}, []string{"x", "--password-file", "/etc/x"}},
		{[]string{"x", "--token", "$TOKEN"}, []string{"x", "--token", "$TOKEN"}},
		{[]string{"x", "--password", "--verbose"}, []string{"x", "--password", "--verbose"}},
		{[]string{"sudo", "mysql", "-u", "root", "-phunter2", "-P", "3306"}, []string{"sudo", "mysql", "-u", "root", "-p" + Mark, "-P", "3306"}},
		{[]string{"mysql", "-p", "database"}, []string{"mysql", "-p", "database"}},
		{[]string{"/usr/bin/curl", "-u", "bob:hunter2", "https://x/"}, []string{"/usr/bin/curl", "-u", "bob:" + Mark, "https://x/"}},
		{[]string{"curl", "-ubob:hunter2", "x"}, []string{"curl", "-ubob:" + Mark, "x"}},
		{[]string{"curl", "--user", "bob:hunter2", "x"}, []string{"curl", "--user", "bob:" + Mark, "x"}},
		{[]string{"curl", "-H", "Authorization: Bearer hunter2"}, []string{"curl", "-H", "Authorization: Bearer " + Mark}},
		{[]string{"curl", "https://bob:hunter2@x/"}, []string{"curl", "https://bob:" + Mark + "@x/"}},
		{[]string{"env", "DB_PASSWORD=a b", "run"}, []string{"env", "DB_PASSWORD=" + Mark, "run"}},
		{[]string{"sh", "-c", "PGPASSWORD=hunter2 psql -h db"}, []string{"sh", "-c", "PGPASSWORD=" + Mark + " psql -h db"}},
		{[]string{"sh", "-c", "mysqldump -phunter2 x | gzip"}, []string{"sh", "-c", "mysqldump -p" + Mark + " x | gzip"}},
		{[]string{"sshpass", "-p", "hunter2", "ssh", "x"}, []string{"sshpass", "-p", Mark, "ssh", "x"}},
		{[]string{"docker", "login", "-u", "bob", "-p", "hunter2"}, []string{"docker", "login", "-u", "bob", "-p", Mark}},
		{[]string{"docker", "run", "-p", "8080:80", "x"}, []string{"docker", "run", "-p", "8080:80", "x"}},
		{[]string{"snmpget", "-v2c", "-c", "public1", "h", "1.3"}, []string{"snmpget", "-v2c", "-c", Mark, "h", "1.3"}},
		{[]string{"redis-cli", "-a", "hunter2", "ping"}, []string{"redis-cli", "-a", Mark, "ping"}},
		{[]string{"htpasswd", "-b", "/f", "bob", "hunter2"}, []string{"htpasswd", "-b", "/f", "bob", Mark}},
		{[]string{"java", "-Djavax.net.ssl.keyStorePassword=hunter2", "X"}, []string{"java", "-Djavax.net.ssl.keyStorePassword=" + Mark, "X"}},
		{[]string{"keytool", "-storepass", "hunter2"}, []string{"keytool", "-storepass", Mark}},
		{[]string{"openssl", "rsa", "-passin", "pass:hunter2"}, []string{"openssl", "rsa", "-passin", Mark}},
		{[]string{"vim", "/etc/passwd"}, []string{"vim", "/etc/passwd"}},
		{[]string{"passwd", "bob"}, []string{"passwd", "bob"}},
		{[]string{"kubectl", "get", "secret", "grafana"}, []string{"kubectl", "get", "secret", "grafana"}},
		{[]string{"systemctl", "restart", "x"}, []string{"systemctl", "restart", "x"}},
		{[]string{"", "-", "--", "-p"}, []string{"", "-", "--", "-p"}},
		{nil, []string{}},
	} {
		r := newTest()
		got := r.Command(c.in)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.in, diff)
		}
		if again := r.Command(got); !cmp.Equal(got, again) {
			t.Errorf("not idempotent: %q, then %q", got, again)
		}
	}
}

func TestString(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"rotate the db password", "rotate the db password"},
		{"password was wrong on db1", "password was wrong on db1"},
		{"set password=Hunter2x on db1", "set password=" + Mark + " on db1"},
		{"new token: ghp_4FBhju4brKKjrOzruofEmxJqJdjea5WtQfal", "new token: " + Mark},
		{"see https://bob:hunter2@x.example/y", "see https://bob:" + Mark + "@x.example/y"},
		{"old password was Ginger#3425 until May", "old password was " + Mark + " until May"},
		{"OPS-1234: raise token_ttl to 3600", "OPS-1234: raise token_ttl to 3600"},
		{"a\n-----BEGIN PRIVATE KEY-----\nMHc\n-----END PRIVATE KEY-----\nb", "a\n" + Mark + "\nb"},
		{"", ""},
	} {
		got := newTest().String(c.in)
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
		if again := newTest().String(got); again != got {
			t.Errorf("not idempotent: %q, then %q", got, again)
		}
	}
	if strings.Contains(newTest().String("api_key=9f86d081884c7d659a2feaa0c55ad015"), "9f86") {
		t.Error("key survives")
	}
}
