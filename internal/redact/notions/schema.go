package notions

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// schemas are what the documentation of products says about keys whose names do
// not tell: globs of names of files, and key paths as the catalogue writes them.
// They are read only.
var schemas = []struct{ globs, paths string }{
	{"tac_plus.conf tac_plus.cfg tac_plus*/*.conf", "key *.key"},
	{"wireless", "*.key*"},
	{"secrets.yaml secrets.yml secrets.toml secrets.json secrets.ini secrets.env secrets.properties credentials.properties", ""},
	{"*.keyring ceph.conf keyring", "key *.key"},
	{"ossec.conf", "ossec_config.cluster.key"},
	{"znc.conf", "*.pass.hash *.pass.salt User.Pass.Hash User.Pass.Salt"},
	{"znc.conf", "hash salt *.hash *.salt"},
	{"*consul*.hcl *consul*.json nomad*.hcl server.hcl agent.hcl client.hcl", "encrypt *.encrypt acl.tokens.* *.acl.tokens.* tokens.*"},
	{"resource.cfg", "$USER*"},
	{".travis.yml", "*.secure secure env.global.secure"},
	{"nuget.config", "*.apikeys.*"},
	{"airflow.cfg", "*.flower_basic_auth"},
	{"hipchat.cfg", "auth"},
	{"application*.properties", "quarkus.security.users.embedded.users.*"},
	{"mailcow.conf", "dbroot dbpass redispass"},
	{"ngircd.conf znc.conf", "key *.key channel.key"},
	{"oxidized/config", "*.enable vars.enable"},
	{"darkstat.conf", "pass"},
	{"login_duo.conf pam_duo.conf authproxy.cfg", "*.skey *.skey_*"},
}

// SecretPaths returns the secret key paths of a file of that name.
func SecretPaths(name string) []string {
	if name == "" {
		return nil
	}
	base := strings.ToLower(path.Base(name))
	dir := strings.ToLower(path.Base(path.Dir(name)))
	var all []string
	for i := range schemaGlobs {
		if slices.ContainsFunc(schemaGlobs[i], func(g fileGlob) bool { return g.matches(base, dir) }) {
			all = append(all, strings.Fields(schemas[i].paths)...)
		}
	}
	return all
}

// schemaGlobs are the globs of schemas, in their order. Read only.
var schemaGlobs = func() (all [][]fileGlob) {
	for _, s := range schemas {
		all = append(all, globsOf(s.globs))
	}
	return all
}()

// IsVaultFile says whether a file holds secrets under names that are free to be
// anything: secrets.yaml of a home.
func IsVaultFile(name string, text []byte) bool {
	base := strings.ToLower(path.Base(name))
	stem := strings.TrimSuffix(base, path.Ext(base))
	switch path.Ext(base) {
	case ".yaml", ".yml", ".toml", ".json", ".ini", ".env", ".properties", ".conf":
	default:
		return false
	}
	switch stem {
	case "secrets", "secret", "secure", "passwords", "credentials", "vault", "keys.secret":
	default:
		return false
	}
	head := text[:min(len(text), 4096)]
	return !bytes.Contains(head, []byte("apiVersion:")) && !bytes.Contains(head, []byte("kind:")) && !bytes.Contains(head, []byte("sops"))
}

// IsScript says whether a file is a script of a shell, in which a value without quotes
// ends at a blank.
func IsScript(name string) bool {
	switch path.Ext(name) {
	case ".sh", ".bash", ".zsh", ".ksh":
		return true
	}
	return false
}
