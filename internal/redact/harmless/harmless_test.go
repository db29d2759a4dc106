package harmless

import "testing"

func TestName(t *testing.T) {
	for name, want := range map[string]bool{
		"host": true, "dbHost": true, "DB_HOST": true, "sql-user": true, "rpcuser": true, "log.level": true, "serverName": true,
		"phrase": false, "hook": false, "unlock": false, "": false, "...": false, "walnut": false, "hostess": false,
	} {
		if Name([]byte(name)) != want {
			t.Errorf("%q is harmless: %v", name, !want)
		}
	}
}

func TestWords(t *testing.T) {
	for v, want := range map[string]bool{
		"roundrobin": true, "on-failure": true, "readOnly": true, "ALLOW_TO_FAILOVER": true, "db1": true, "discovering": true, "uncommented": true, "retries": true, "": true, "12": true,
		"walnut": false, "WALNUT_57": false, "velvet lemon": false, "always velvet": false, "060dc207-22d9-ac95-d97f": false, "größer": false,
		"harbour": false, "badger": false, "ferrets": false, "dragon": false, "sunshine": false, "monkey7": false,
	} {
		if Words([]byte(v)) != want {
			t.Errorf("%q is made of words of settings: %v", v, !want)
		}
	}
}

func TestTyped(t *testing.T) {
	for v, want := range map[string]bool{
		"5432": true, "10.0.0.0/8": true, "2026-11-30": true, "500Mi": true, "00:1a:2b:3c:4d:5e": true, "db.example.org:5432": true, "jan@example.org": true,
		"/var/lib/x": true, "conf.d/*": true, "^[a-z]+$": true, "org.postgresql.Driver": true, "cn=admin,dc=example": true, "ssh-ed25519 AAAAC3Nz jan@host": true,
		"#general": true, "localhost,.lan": true, "classpath:keystore.p12": true, "C:\\logs\\nightly.log": true, "--verbose": true, "assword:": true, "-ubk": true, "ups@localhost": true, "a.b == 'snom'": true, ".ics": true,
		"walnut": false, "v1-walnut-3fa9c1": false, "walnut@57!": false, "aZ3kT9xQ7LmN2p": false, "-pwalnut": false, "walnut, velvet": false,
		"path/aZ3kT9xQ7LmN2pR8": false, "12walnut": false,
	} {
		if Typed([]byte(v)) != want {
			t.Errorf("%q has a type: %v", v, !want)
		}
	}
}

func TestIsCode(t *testing.T) {
	for v, want := range map[string]bool{"740097": true, "88213407": true, "65535": false, "100000": false, "20261130": false, "262144": false, "8080": false, "12a456": false} {
		if isCode([]byte(v)) != want {
			t.Errorf("%s is a code: %v", v, !want)
		}
	}
}
