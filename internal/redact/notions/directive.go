package notions

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
)

// Argument says which words of a directive are secret.
type Argument struct {
	At    int    // its place, counted from 1; -1 is the last
	After string // it follows this word, behind qualifiers
	Named bool   // it follows the name of a secret, or of a header that holds one
	Login bool   // of the word only what follows a colon
}

// Directives are commands, in small letters, whose arguments are secrets by their
// place or by a word before them. They are read only.
var Directives = map[string][]Argument{
	"createuser": {{At: 3}, {At: 5}},
	"com2sec":    {{At: -1}}, "com2sec6": {{At: -1}},
	"trapsink": {{At: 2}}, "trap2sink": {{At: 2}}, "informsink": {{At: 2}}, "authcommunity": {{At: 2}},
	// Routers and switches.
	"enable":        {{After: "password"}, {After: "secret"}},
	"username":      {{After: "password"}, {After: "secret"}, {After: "sha512-password"}, {After: "nt-encrypted"}},
	"snmp-server":   {{After: "community"}, {After: "2c"}, {After: "1"}, {After: "md5"}, {After: "sha"}, {After: "des"}, {After: "aes"}, {After: "128"}, {After: "192"}, {After: "256"}},
	"tacacs-server": {{After: "key"}}, "radius-server": {{After: "key"}, {After: "shared-key"}}, "aaa-server": {{After: "key"}}, "radius": {{After: "key"}, {After: "shared-key"}}, "tacacs": {{After: "key"}},
	"ip":     {{After: "md5"}, {After: "authentication-key"}, {After: "password"}, {After: "community"}},
	"ipv6":   {{After: "md5"}, {After: "authentication-key"}, {After: "sha1"}},
	"ntp":    {{After: "md5"}, {After: "sha1"}, {After: "sha2-256"}, {After: "cmac-aes-128"}},
	"crypto": {{After: "key"}, {After: "pre-shared-key"}, {After: "secret"}},
	"isakmp": {{After: "key"}}, "ikev1": {{After: "pre-shared-key"}}, "ikev2": {{After: "pre-shared-key"}},
	"failover": {{After: "key"}}, "key-string": {{After: "key-string"}}, "key-chain": {{After: "key-string"}},
	"neighbor": {{After: "password"}}, "standby": {{After: "authentication"}}, "vrrp": {{After: "authentication"}, {After: "authentication-key"}}, "glbp": {{After: "authentication"}},
	"isis": {{After: "password"}, {After: "md5"}, {After: "authentication-key"}}, "area": {{After: "md5"}, {After: "authentication-key"}, {After: "message-digest-key"}},
	"ppp": {{After: "password"}}, "server-private": {{After: "key"}}, "wpa-psk": {{After: "wpa-psk"}},
	"area-password": {{After: "area-password"}}, "domain-password": {{After: "domain-password"}}, "auth-password": {{After: "auth-password"}},
	"set": {{Named: true}}, "local-user": {{After: "password"}, {After: "cipher"}}, "super": {{After: "password"}}, "cipher": {{After: "cipher"}},
	"snmp-agent": {{After: "read"}, {After: "write"}, {After: "cipher"}}, "add": {{Named: true}}, "bind": {{Named: true}},
	"peer": {{After: "password"}}, "ospf": {{After: "md5"}, {After: "simple"}}, "authentication-mode": {{After: "md5"}, {After: "cipher"}, {After: "simple"}, {After: "hmac-sha256"}},
	"pre-shared-key": {{After: "pre-shared-key"}}, "security-mode": {{After: "psk"}}, "wpa-passphrase": {{After: "wpa-passphrase"}},
	// Services.
	"sv_setsteamaccount": {{At: 1}}, "rcon_password": {{At: 1}}, "sv_password": {{At: 1}}, "tv_password": {{At: 1}},
	"drpass":   {{After: "restart"}, {After: "die"}},
	"admin":    {{At: 2}},
	"sentinel": {{After: "auth-pass+1"}, {After: "sentinel-pass"}}, "monitor": {{At: 4}},
	"incominguser": {{At: 2}}, "outgoinguser": {{At: 2}}, "sqlconnectinfo": {{At: 3}}, "sqlnamedconnectinfo": {{At: 4}}, "cachemgr_passwd": {{At: 1}},
	"setenv": {{Named: true}}, "fastcgi_param": {{Named: true}}, "uwsgi_param": {{Named: true}}, "proxy_set_header": {{Named: true}}, "add_header": {{Named: true}},
	"header": {{Named: true}}, "requestheader": {{Named: true}}, "http-request": {{Named: true}}, "http-response": {{Named: true}}, "grpc_set_header": {{Named: true}},
	"option": {{Named: true}}, "header_up": {{Named: true}}, "header_down": {{Named: true}}, "env": {{Named: true}}, "arg": {{Named: true}}, "map": {{Named: true}},
	"request_header": {{Named: true}}, "more_set_headers": {{Named: true}}, "more_set_input_headers": {{Named: true}}, "reqadd": {{Named: true}}, "define": {{Named: true}},
	"d-i": {{Named: true}}, "rootpw": {{At: -1}}, "password_pbkdf2": {{At: 2}}, "dns": {{After: "dns+1"}}, "acme_dns": {{After: "acme_dns+1"}},
	"poll": {{After: "password"}, {After: "pass"}}, "user": {{After: "pass"}},
	"stats": {{After: "auth", Login: true}}, "register": {{At: 2, Login: true}}, "mailserver": {{Named: true}}, "proxy": {{After: "-c"}},
	"sqluserinfo": {}, "sqluserwhereclause": {}, "nickserv": {{After: "identify"}},
	"requirepass": {{At: 1}}, "masterauth": {{At: 1}},
	"trapsess": {{After: "-A"}, {After: "-X"}, {After: "-c"}}, "xauth": {{After: "password"}}, "ipsec": {{After: "secret"}},
	"alias": {{Named: true}}, "export": {{Named: true}}, "prop": {{Named: true}}, "property": {{Named: true}}, "var": {{Named: true}},
}

// qualifiers stand between the name of a secret and the secret: how it is
// written. Read only.
var qualifiers = setOf(`encrypted ascii-text hexadecimal hex ascii text clear clear-text cleartext plain plaintext md5 sha sha1 sha-1 sha256 sha-256 sha512 hmac-md5 hmac-sha-1
	hmac-sha-256 hmac-sha256 enc hash encrypted-password cipher irreversible-cipher simple type unencrypted keystring key-string des aes 3des aes128 aes256 string
	authentication-key digest secret-hash message-digest is equals raw base64 plaintext-password pwd wpa wpa2 local remote psk`)

// IsQualifier says whether a word says how the secret behind it is written: in
// clear, under which number of a method.
func IsQualifier(w []byte) bool {
	return len(w) <= 2 && ascii.IsNumber(w) && len(w) > 0 || len(w) < 24 && qualifiers[string(bytes.ToLower(w))]
}

// stops are words that follow the name of a secret in statements about it. Read
// only.
var stops = setOf(`{ } ( ) [ ] = == != => -> | || && ; , . - -- \ in not and or if then else with without from for to of by on at as is are was the a an this that
	required requisite sufficient optional include file files authentication encryption auth policy store manager rule rules server servers service group level
	chain only must should can may be has have been when while unless return end fi done do set unset add delete remove update list get show read write
	none null true false yes no enable enabled disable disabled default permit deny allow any all timeout lifetime rotation expired expires length minimum maximum
	generate rsa dsa ecdsa ed25519 zeroize mypubkey pubkey-chain config-key mode version host user username algorithm size bits prompt changed reset invalid wrong missing failed`)

// IsStop says whether a word follows the name of a secret in a statement about it.
func IsStop(w []byte) bool {
	return bytes.IndexFunc(w, func(r rune) bool { return r >= 0x80 || ascii.IsAlnum(byte(r)) }) < 0 || len(w) < 20 && stops[string(bytes.ToLower(w))] || lexicon.IsPlain(w)
}

// IPsecKinds are what stands before a secret in ipsec.secrets. Read only.
var IPsecKinds = setOf(`psk eap xauth ntlm rsa ecdsa pkcs8 p12 pin bliss`)

// Call is a function of whose arguments one is a secret.
type Call struct {
	Text  string // up to where the arguments begin
	Place int    // of the secret, counted from 1; -1 is the last
}

// Calls is read only.
var Calls = []Call{
	{"new pdo(", 3},
	{"mysqli(", 3},
	{"mysqli_connect(", 3},
	{"mysql_connect(", 3},
	{"mysql_pconnect(", 3},
	{"dbi->connect(", 3},
	{"dbi:", 2},
	{"drivermanager.getconnection(", 3},
	{".login(", 2},
	{"basicauth(", 2},
	{"basic_auth(", 2},
	{"auth_basic(", 2},
	{"usernamepasswordcredentials(", 2},
	{"plainauth(", 3},
	{"imap_open(", 3},
	{"auth=(", 2},
	{":auth(", -1},
	{".auth(", -1},
	{"setpassword(", -1},
	{"{mysql,", 4},
	{"{pgsql,", 4},
	{"convertto-securestring ", 1},
	{"->credentials(", 4},
	{"withpassword(", -1},
	{"passwordauthentication(", 2},
	{"ftp_login(", 3},
	{"ldap_bind(", 3},
	{"simple_bind_s(", 2},
	{"simple_bind(", 2},
	{"basic_auth:", 2},
	{"http_basic(", 2},
}
