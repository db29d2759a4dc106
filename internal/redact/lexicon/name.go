package lexicon

import (
	"strings"

	"github.com/stele-log/stele/internal/ascii"
)

// Suspicion says what the name of a key tells about its value.
type Suspicion uint8

// The suspicions, in rising order.
const (
	None   Suspicion = iota // says nothing
	Weak                    // the value is secret if it looks random
	Likely                  // the value is secret unless its type is that of none
	Strong                  // the value is secret unless it is plainly something else
)

// vocabulary is what the names of keys are judged by. Its words are lower case.
type vocabulary struct {
	secret   map[string]bool // name a secret when they end a key
	endings  []string        // so do words that end so
	innocent map[string]bool // words that end so, but do not
	owners   map[string]bool // before "key" they make it a secret
	doubtful map[string]bool // name a secret only if the value looks like one
	tails    map[string]bool // after a secret word: about the secret, not the secret
	neutral  map[string]bool // after a secret word: still the secret
	heads    map[string]bool // before a secret word: about the secret
	open     map[string]bool // anywhere: public by nature
	plurals  map[string]bool // name a list of secrets, or of the names of secrets
	lists    map[string]bool // of them, those that name a list of secrets only
	keyed    map[string]bool // before "key": its name in a store
	passing  map[string]bool // before "pass": requests are handed on
	seeded   map[string]bool // before "seed": a key is made from it
	salted   map[string]bool // before "salt": it is kept secret
	lookups  map[string]bool // before "key": identifies, opens nothing
	headers  map[string]bool // before "authorization": still the header
	stores   map[string]bool // end the name of a map of secrets
	products map[string]bool // before such a word: the name of a program
	beside   map[string]bool // in such a map: no secret, in addition to tails
	logged   map[string]bool // before "auth": a password is given
	parted   map[string]bool // two words that are one for a secret
	stems    []string        // words for a secret that others are run together with
}

// names is read only.
var names = vocabulary{
	secret: words(`password passwd passphrase passcode passwort pswd pwd pass pw secret token apikey
		authtok authtoken psk community rocommunity rwcommunity trapcommunity trapcommunity2c rocommunity6 rwcommunity6
		credential credentials bearer passin passout storepass keypass symmkey secretkey privatekey
		peppers authkey sharedkey licensekey encryptionkey signingkey appkey credentialsjson presharedkey
		userpass requirepass masterauth encpass mypass dbpass authpass privpass
		passcodes pepper mnemonic skey pass4symmkey wpapsk wepkey masterkey seckey servicekey cachemgrpasswd jwtkey
		cookiesecret clientkeydata keydata salthash passwordsalt passwordsaltmain apisecret sastoken saskey
		plaintextpassword authtokens connectionpassword senha motdepasse contrasena clave kennwort salt
		cleartext cleartextpassword nvspasswd netpasswd lozinka haslo losenord wachtwoord salasana heslo jelszo parola parole`),
	endings: []string{
		"password", "passwd", "passphrase", "passwort", "secret", "token", "apikey", "pwd", "psk",
		"authtok", "pass", "secretkey", "pw", "passcode", "passwrd", "pswd", "passwordsalt", "authkey", "symmkey",
	},
	innocent: words(`overpass bypass compass namepass newpass underpass pypass tagpass fieldpass metricpass datapass trespass encompass surpass
		nopass nopasswd nopassword htpasswd chpasswd vncpasswd mkpasswd lppasswd gpasswd smbpasswd sqlpasswd usepasswd autopasswd multipass singlepass onepass twopass oldpwd nosecret notoken`),
	owners: words(`registerkey register auto generation nonce api app application private secret access license licence encryption encrypt crypt signing
		shared symm master auth authentication preshared account appl hmac wpa wep tsig storage
		enrollment enrolment registration server client session jwt cipher crypto aes des fernet write ingest ingestion insert
		integration cookie preshared wep network upgrade secure security admin root gossip unseal backup sas functions
		subscription stripe sendgrid mailgun twilio openai anthropic gemini mistral cohere groq cf cloudflare dd datadog
		newrelic honeycomb splunk rest rpc push fcm apns vapid turn sip snmp radius tacacs ospf bgp omapi sec symmetric
		validation decryption machine pepper webhook agent join device installation rails flask django
		authz cloak cluster register generation deploy deployment team activation product publish publisher sandbox live maxmind abuseipdb virustotal otx shodan tmdb omdb trakt pushover pagerduty opsgenie victorops
		aead pre psk ipsec ike tls wpa2 wpa3 read restic borg plex`),
	doubtful: words(`accesskey pin seed otp totp jwt dsn encrypt key keys auth salt hash cookie cookies tokens secrets passwords passwds cred creds hook
		webhook license licence team code login apikeys`),
	tails: words(`file files filename path paths dir directory name names ref refs url uri urls uris endpoint
		endpoints ttl length len min max size count counts counter limit limits type types algorithm alg algo
		method methods mode policy policies expiry expire expires expired expiration expiry timeout interval
		seconds minutes hours age rotation rotate rotated enabled enable disabled disable required require env var
		variable variables field fields label labels header headers command cmd helper passcommand format
		prefix suffix selector version store manager provider providers backend scope scopes lookups audience issuer lookup prompt
		change changed changes days history check checks tries retries attempts authentication auth sync status
		hint total rate per usage usages validation validity strength complexity regex pattern rule rules
		id ids idx index column table query sql schema class classes plugin plugins module modules
		source sources user users group groups owner port host hosts server servers service services
		address engine kind visible visibility reset recovery manager exchange request requests review
		reviews bucket volume volumes mount mountpath access event events log logs logging failures failure failed success
		exporter script template templates map mappings mapping keyring cert certificate ca crt pem
		last first date time timestamp created updated modified at cleanup cleanupinterval cache window
		authenticator authenticators generator generators detection detector scanner scan redaction
		threshold budget callback signin login page form input inputs view quality modifier bytes test tests
		exists present missing empty encoding charset delimiter separator item items cost budget
		encryption hashing hasher grace warn warning inactive lockout stdin arn`),
	neutral: words(`value val plain plaintext text data enc encrypted base64 b64 hex string str new old
		current primary secondary default real raw content literal key md5 crypt clear cleartext hash 1 2 3 4
		symmkey me here is was are sha sha1 sha2 sha256 sha512 sha1hex bcrypt hashed pbkdf2 argon2 argon2id scrypt ssha hex double base in out again confirm confirmation
		repeat crypted override app salt alt read write only ro rw register active previous prev old backup main alt second other global local dev prod test staging`),
	heads: words(`min max num number existing count allow permit deny no disable forgot use show hide
		require requires check validate reset expire list filter with without bypass ignore by sort rotate existing pull from load import
		has is need needs ask prompt generate auto skip`),
	plurals:  words(`passwords passwds passphrases secrets tokens apikeys credentials communities psks`),
	lists:    words(`passwords passwds passphrases psks apikeys tokens secrets`),
	keyed:    words(`password passwd`),
	seeded:   words(`key secret jwt token totp otp wallet master private crypto encryption signing`),
	passing:  words(`fastcgi uwsgi scgi grpc memcached low high band all`),
	salted:   words(`hash auth secure logged nonce password passwd invite link ticket in session token secret cookie crypt encryption key security id`),
	lookups:  words(`verify site publishable recaptcha nkey gpg pgp ssh sort kms partition cache apt rpm repo row group routing_by registry object s3obj`),
	headers:  words(`proxy x http`),
	stores:   words(`secret secrets credential credentials creds passwords passwds passphrases`),
	products: words(`external sealed detect scan csi store`),
	beside: words(`username account region zone tenant tenants project domain realm email login principal subject
		namespace annotations annotation description comment note title target targets uid gid uids driver external
		create created automount kid optional hash org organization bucket cluster context address dn
		subscription uuid uuids type sid ssid publishable environment role roles name names datasource revision chart image repository replicas profile
		client clientid userid keyid kms`),
	open: words(`public pub pubkey publickey fingerprint fingerprints checksum digest sha1 sha256 sha512 thumbprint
		ikey primarykey hostkey hostkeys kty foreign keyword keywords signingkey_id hotkey keyboard keymap pubkeys monkey turkey`),
	logged: words(`redis valkey memcached mqtt cloud sst requirepass cluster sentinel db proxy`),
	parted: map[string]bool{"pass phrase": true, "pass word": true, "pass code": true, "pass wd": true, "api token": true, "clear text": true, "plain text": true, "pre shared": true, "pin value": true, "token auth": true, "pin code": true, "steam account": true},
	stems:  []string{"password", "passphrase", "passwd", "passwrd", "secret", "token", "apikey", "pass", "salt"},
}

// maxWords bounds how many words of a name are looked at.
const maxWords = 16

// Classify judges a key name.
func Classify(name string) Suspicion {
	if strings.HasPrefix(name, "ProxyPass") && !strings.HasPrefix(name, "ProxyPassw") {
		return None // a directive of Apache: requests are handed on
	}
	if strings.Contains(name, "account.key.") {
		return Strong // of a store of Azure, whose host follows
	}
	ws := unjoined(splitWords(name))
	at := lastSecret(ws)
	if at >= 0 && allIn(ws[at+1:], names.neutral) {
		return secretNamed(ws, at)
	}
	if anyIn(ws, names.open) {
		return None
	}
	if at < 0 {
		return doubtful(ws)
	}
	if anyIn(ws[at+1:], names.tails) || anyIn(ws[:at], names.heads) {
		return None
	}
	return Weak
}

// secretNamed judges a name that ends in a word for a secret, at at. The key of a
// password may be the name under which a store holds it: adminPasswordKey. A hash
// of one is a secret, the sum of a file is none.
func secretNamed(ws []string, at int) Suspicion {
	switch {
	case ws[0] == "enable" && at == 1:
		return Likely // or whether there is one
	case ws[0] == "set" && ws[at] == "credential":
		return None // its value begins with a name
	case anyIn(ws[:at], names.heads), anyIn(ws[:at], names.open) && ws[at] != "salt":
		return None
	case ws[at] == "pass" && at > 0 && names.passing[ws[at-1]] && at == len(ws)-1 && ws[at-1] != "proxy":
		return None
	case at+1 < len(ws) && ws[len(ws)-1] == "key" && names.keyed[ws[at]]:
		return None
	}
	return Strong
}

// lastSecret finds the last word that names a secret, or -1.
func lastSecret(ws []string) int {
	for i := len(ws) - 1; i >= 0; i-- {
		if isSecretWord(ws[i]) || i > 0 && names.parted[ws[i-1]+" "+ws[i]] {
			return i
		}
		if i > 0 && (strings.TrimRight(ws[i], "0123456789") == "key" && names.owners[ws[i-1]] || ws[i] == "salt" && names.salted[ws[i-1]] || ws[i] == "seed" && names.seeded[ws[i-1]]) {
			return i
		}
	}
	return -1
}

func isSecretWord(w string) bool {
	if names.innocent[w] {
		return false
	}
	w = strings.TrimRight(w, "0123456789")
	if names.secret[w] {
		return true
	}
	if w == "" {
		return false
	}
	for _, e := range ends[w[len(w)-1]] {
		if strings.HasSuffix(w, e) {
			return true
		}
	}
	return false
}

// ends are the endings of words for a secret by their last byte. Read only.
var ends = func() (by [256][]string) {
	for _, e := range names.endings {
		last := e[len(e)-1]
		by[last] = append(by[last], e)
	}
	return by
}()

// isAuthorization says whether the name is that of an HTTP header, whose value
// is a scheme and a secret.
func isAuthorization(ws []string) bool {
	n := len(ws)
	return n > 0 && ws[n-1] == "authorization" && (n == 1 || n <= 3 && names.headers[ws[0]])
}

// doubtful judges a name without a secret word.
func doubtful(ws []string) Suspicion {
	if isAuthorization(ws) || len(ws) == 1 && ws[0] == "cookie" {
		return Strong
	}
	if n := len(ws); n > 1 && ws[n-1] == "auth" && names.logged[ws[n-2]] {
		return Likely
	}
	for i, w := range ws {
		if names.lookups[w] {
			return None
		}
		if names.doubtful[strings.TrimRight(w, "0123456789")] || strings.HasSuffix(w, "key") {
			if anyIn(ws[i+1:], names.tails) {
				return None
			}
			return Weak
		}
	}
	return None
}

func anyIn(ws []string, set map[string]bool) bool {
	for _, w := range ws {
		if set[w] {
			return true
		}
	}
	return false
}

func allIn(ws []string, set map[string]bool) bool {
	for _, w := range ws {
		if !set[w] {
			return false
		}
	}
	return true
}

// unjoined parts words that are run together with one for a secret, where what
// follows it is known as well: icesecretread is ice, secret, read.
func unjoined(ws []string) []string {
	for i, w := range ws {
		if len(w) < 8 || len(w) > 40 || isSecretWord(w) || names.open[w] || names.innocent[w] {
			continue
		}
		for _, stem := range names.stems {
			at := strings.Index(w, stem)
			if at < 0 || at > 0 && len(stem) < 5 {
				continue
			}
			if rest, ok := knownParts(w[at+len(stem):]); ok && len(ws) < maxWords {
				parts := append([]string{w[:at] + stem}, rest...)
				return append(append(append([]string{}, ws[:i]...), parts...), ws[i+1:]...)
			}
		}
	}
	return ws
}

// knownParts parts a word into known ones, the longest first.
func knownParts(w string) (parts []string, ok bool) {
	for w != "" {
		n := len(w)
		for n > 0 && !names.neutral[w[:n]] && !names.tails[w[:n]] && !(n > 1 && names.secret[w[:n]]) {
			n--
		}
		if n == 0 {
			return nil, false
		}
		parts, w = append(parts, w[:n]), w[n:]
	}
	return parts, len(parts) > 0
}

// splitWords splits a name at punctuation and at changes from lower to upper
// case, into lower case: DBPassword and db_password are both db, password.
func splitWords(name string) []string {
	ws := make([]string, 0, 4)
	start := 0
	cut := func(end int) {
		if end > start && len(ws) < maxWords {
			ws = append(ws, strings.ToLower(name[start:end]))
		}
		start = end
	}
	for i := range len(name) {
		switch {
		case !ascii.IsAlnum(name[i]):
			cut(i)
			start = i + 1
		case i > start && ascii.IsUpper(name[i]) && startsWord(name, i):
			cut(i)
		}
	}
	cut(len(name))
	return ws
}

// startsWord says whether the capital at i begins a word: after a lower-case
// letter or digit, or before a lower-case letter (the P of DBPassword).
func startsWord(name string, i int) bool {
	if !ascii.IsUpper(name[i-1]) {
		return true
	}
	return i+1 < len(name) && ascii.IsLower(name[i+1])
}

// NameParts are the parts of key names by which a scan of a text finds the names
// that are worth judging. It is read only.
var NameParts = []string{
	"pass", "pwd", "secret", "token", "key", "cred", "auth", "commun", "psk",
	"bearer", "hook", "salt", "cookie", "pw", "login", "team", "slack_api", "ping_url", "encrypt", "pepper", "mnemonic",
	"licen", "phrase", "cleartext", "clear-text", "clear_text", "parol", "wachtw", "losen", "haslo", "heslo", "lozinka", "jelszo", "salasana", "signing", "senha", "clave", "kennwort", "jwt", "otp", "pin", "seed",
}

// HashPrefixes begin a password hash. It is read only.
var HashPrefixes = []string{
	"$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$7$", "$y$", "$gy$", "$apr1$",
	"$argon2", "$pbkdf2", "$scrypt", "{ssha", "{sha}", "{smd5}", "{crypt}",
	"{plain}", "{md5}", "{hex}", "$8$", "$9$", "$14$", "$sha", "$bcrypt", "{ssha512}", "{ssha256}", "{sha512-crypt}", "{sha256-crypt}", "{blf-crypt}", "{argon2", "{cram-md5}", "{bcrypt}", "-pbkdf2-", "{pbkdf2", "scram-sha-256$", "grub.pbkdf2", "pbkdf2_sha256$",
}

// IsOpen says whether a name is that of something public by nature: checksum.
func IsOpen(name string) bool { return anyIn(splitWords(name), names.open) }

// IsSecretAlone says whether the name is nothing but one word that names a secret.
func IsSecretAlone(name string) bool { return names.secret[name] }

// Names judges names, remembering the judgements. It belongs to one goroutine.
type Names struct {
	classes map[string]Suspicion
	paths   map[inside]Suspicion
	open    map[string]bool
}

// inside is a name and that of the key further out, by which a path is judged.
type inside struct{ parent, own string }

// maxClasses bounds the memory of judged names.
const maxClasses = 4096

// NewNames returns a Names that remembers nothing yet.
func NewNames() *Names {
	return &Names{make(map[string]Suspicion), make(map[inside]Suspicion), make(map[string]bool)}
}

// Class judges one name.
func (n *Names) Class(name []byte) Suspicion {
	if c, ok := n.classes[string(name)]; ok {
		return c
	}
	c := Classify(string(name))
	if len(n.classes) < maxClasses {
		n.classes[string(name)] = c
	}
	return c
}

// IsOpen says whether a name is that of something public by nature: checksum.
func (n *Names) IsOpen(name []byte) bool {
	if is, ok := n.open[string(name)]; ok {
		return is
	}
	is := IsOpen(string(name))
	if len(n.open) < maxClasses {
		n.open[string(name)] = is
	}
	return is
}

// EndsInKey says whether what stands before a value ends in a name for a key.
func EndsInKey(before []byte) bool {
	low := strings.ToLower(strings.TrimRight(string(before), " \t=:\"'>"))
	return strings.HasSuffix(low, "key") && !strings.HasSuffix(low, "primarykey") && !strings.HasSuffix(low, "_id_key")
}
