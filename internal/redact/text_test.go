package redact

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/internal/redact/fingerprint"
)

// testKey is not secret.
var testKey = mustKey([]byte{1, 2, 3})

func newTest() *Redactor { return New(Config{Key: testKey}) }

// In these tables «…» encloses what must be masked; nothing else may be.
var textCases = []struct {
	name, format string
	paths        []string
	text         string
}{
	{name: "yaml plain", format: "yaml", text: "password: «hunter2»\nuser: bob\n"},
	{name: "yaml comment stays", format: "yaml", text: "password: «hunter2» # rotate in May\n"},
	{name: "yaml blanks", format: "yaml", text: "passphrase: «correct horse battery staple»\n"},
	{name: "yaml number", format: "yaml", text: "password: «12345678»\n"},
	{name: "yaml hash sign inside", format: "yaml", text: "password: «a#b»\n"},
	{name: "yaml double quoted", format: "yaml", text: "password: \"«a\\\"b»\"\n"},
	{name: "yaml single quoted", format: "yaml", text: "password: '«it''s»'\n"},
	{name: "yaml literal block", format: "yaml", text: "a:\n  secret: |\n    «line one\n    line two»\n  next: 1\n"},
	{name: "yaml folded block in list", format: "yaml", text: "tokens:\n- token: >-\n    «abc def»\n  next: 1\n"},
	{name: "yaml double quoted over lines", format: "yaml", text: "a:\n  password: \"«one\n    two»\"\n  b: 2\n"},
	{name: "yaml plain over lines", format: "yaml", text: "a:\n  password:\n    «hunter2»\n  b: 2\n"},
	{name: "yaml flow", format: "yaml", text: "a: {user: bob, password: «hunter2», port: 1}\n"},
	{name: "yaml flow over lines", format: "yaml", text: "a: {\n  user: bob,\n  password: «hunter2»\n}\nb: c\n"},
	{name: "yaml list under plural", format: "yaml", text: "api_keys:\n  - «a8f5f167f44f4964e6c998dee827110c»\n"},
	{name: "yaml crlf", format: "yaml", text: "password: «hunter2»\r\nuser: bob\r\n"},
	{name: "yaml name and value", format: "yaml", text: "env:\n- name: DB_PASSWORD\n  value: «hunter2»\n- name: HOST\n  value: db1\n"},
	{name: "yaml value and name", format: "yaml", text: "env:\n- value: «hunter2»\n  name: DB_PASSWORD\n"},
	{name: "yaml kubernetes secret", format: "yaml", text: "kind: Secret\nmetadata:\n  name: x\ndata:\n  anything: «Zm9vYmFy»\n---\nkind: ConfigMap\ndata:\n  anything: always\n"},
	{name: "yaml option in list", format: "yaml", text: "args:\n  - --password\n  - «hunter2»\n  - --verbose\n"},
	{name: "yaml command in list", format: "yaml", text: "command:\n- /usr/bin/mysql\n- -u\n- root\n- -p«hunter2»\n- db\n"},
	{name: "yaml command in quotes in list", format: "yaml", text: "a:\n  - \"curl\" # why\n  - '-u'\n  - \"bob:«hunter2»\"\n  - http://x\n  b:\n  - -u\n  - bob:x\n"},
	{name: "yaml command after another in list", format: "yaml", text: "  - sudo\r\n  - redis-cli\r\n  - -a\r\n  - «hunter2»\r\n  - ping\r\n"},
	{name: "yaml option in list, crlf", format: "yaml", text: "args:\r\n  - --password\r\n  - «hunter2»\r\n"},
	{name: "command list in another format", text: "command:\n  - curl\n  - --user\n  - bob:«hunter2»\n"},
	{name: "option on the next line", text: "tool --api-token \\\n  «velvet» --x\ntool --api-token \\\n  \"«velvet lemon»\" \\\n  --x\n"},
	{name: "option on the next line, crlf", format: "env", text: "tool --api-token \\\r\n  «velvet»\r\n"},
	{name: "command over lines", text: "mysql -u root \\\n  -p«velvet» \\\n  db\ncurl \\\n  -u \\\n  bob:«velvet» http://x/\n-u bob:x\n"},
	{name: "yaml declared", format: "yaml", paths: []string{"remote_write[].basic_auth.shift"}, text: "remote_write:\n  - url: http://x\n    basic_auth:\n      shift: «1234»\nbasic_auth:\n  shift: 1234\n"},
	{name: "yaml declared star", format: "yaml", paths: []string{"outputs.*.(door|gate)"}, text: "outputs:\n  a:\n    b:\n      door: «open»\n    gate: «shut»\n    other: x\n"},
	{name: "yaml declared subtree", format: "yaml", paths: []string{"mcpServers.*.env.*"}, text: "mcpServers:\n  x:\n    env:\n      A: «one»\n      B: ${TWO}\n    args: [three]\n"},
	{name: "yaml dotted key", format: "yaml", paths: []string{"output.elasticsearch.pin"}, text: "output.elasticsearch:\n  pin: «1234»\n"},
	{name: "yaml template", format: "yaml", text: "{{- if .x }}\npassword: «hunter2»\ntoken: {{ .Values.token }}\n{{- end }}\n"},

	{name: "json", format: "json", text: `{"a": {"password": "«hunter2»", "n": 1, "token": ""}}`},
	{name: "json number", format: "json", text: `{"password":«12345678»,"port":5432}`},
	{name: "json minified", format: "json", text: `{"user":"bob","api_key":"«k1»","list":["a","b"]}`},
	{name: "json escaped json", format: "json", text: `{"body":"{\"user\":\"bob\",\"password\":\"«hunter2»\"}"}`},
	{name: "jsonc", format: "jsonc", text: "{\n  // token: the one from ops\n  \"token\": \"«hunter2»\",\n}\n"},
	{name: "json list under secret name", format: "json", text: `{"passwords": ["«Ginger#3425»", "«Walnut#7050»"]}`},
	{name: "json args", format: "json", text: `{"args": ["-y", "--api-key", "«hunter2»", "--port", "80"]}`},
	{name: "json headers", format: "json", text: `{"headers": {"X-Custom": "«9f86d081884c7d659a2feaa0c55ad015»", "Accept": "text/html"}}`},
	{name: "json escaped key", format: "json", text: `{"pass\u0077ord": "«velvet»", "\u0068ost": "db1", "e": [{"name": "\u0074oken", "value": "«velvet»"}]}`},
	{name: "yaml map of secrets", format: "yaml", text: "secrets:\n  alpha: «velvet»\n  cookie: «lemon»\n  beta: ${BETA}\ndb_credentials:\n  user: bob\n  region: eu-west-1\n  main: «lemon»\nbasic_auth_users:\n  bob: «velvet»\n  email: «lemon»\nother:\n  alpha: always\n"},
	{name: "yaml list under secret", format: "yaml", text: "secret:\n- name: a\n  x: «velvet»\n- name: b\n  file: lemon\n"},
	{name: "json list under secret", format: "json", text: `{"secret": [{"id": "a", "alpha": "«velvet»"}], "credentials": {"alpha": "«lemon»"}}`},
	{name: "toml table of secrets", format: "toml", text: "[secrets]\nalpha = \"«velvet»\"\nenabled = true\n[agent]\nalpha = \"always\"\n"},
	{name: "block of unknown format", text: "a:\n  password: |\n    «velvet\n\n    lemon»\n  host: |\n    db1\ntoken: >- # why\n  «velvet»\nb: c\n"},
	{name: "block of a template", format: "erb", text: "<% if a %>\nsecret: |-\r\n  «velvet»\r\n<% end %>\n"},
	{name: "yaml explicit key", format: "yaml", text: "a:\n  ? password # why\n  : «velvet»\n  ? \"token\"\n  : |\n    «lemon»\n  ? host\n  : db1\nb: c\n"},
	{name: "yaml escaped key", format: "yaml", text: "\"pass\\u0077ord\": «velvet»\n\"\\x74oken\": «velvet»\n\"\\u00e9\": x\n"},
	{name: "toml escaped key", format: "toml", text: "\"\\U00000070assword\" = \"«velvet»\"\n\"\\u00zz\" = 1\n"},
	{name: "json declared", format: "json", paths: []string{"a.b[].c"}, text: `{"a": {"b": [{"c": "«x»"}, {"c": «7», "d": 7}]}}`},

	{name: "toml", format: "toml", text: "[a]\npassword = \"«hunter2»\" # why\nport = 1\n"},
	{name: "toml literal", format: "toml", text: "password = '«a\\b»'\n"},
	{name: "toml over lines", format: "toml", text: "password = \"\"\"\n«one\ntwo»\n\"\"\"\nport = 1\n"},
	{name: "toml inline table", format: "toml", text: "http_headers = { \"X-Thing\" = \"«9f86d081884c7d659a2feaa0c55ad015»\", \"A\" = \"b\" }\n"},
	{name: "toml declared", format: "toml", paths: []string{"outputs.*.(token|door)"}, text: "[[outputs.influxdb_v2]]\n  door = \"«open»\"\n[[inputs.cpu]]\n  door = \"open\"\n"},
	{name: "toml commented setting", format: "toml", text: "  # password = \"«Ginger#3425»\"\n  # token = \"your token\"\n"},
	{name: "toml dsn", format: "toml", text: "address = \"host=db user=root password=«hunter2» dbname=x\"\n"},

	{name: "ini", format: "ini", text: "[a]\npassword = «hunter2»\nport = 1\n"},
	{name: "ini sign inside", format: "ini", text: "password = «a ;b #c»\n"},
	{name: "ini continued", format: "ini", text: "password = «one\\\n  two»\nport = 1\n"},
	{name: "ini list below", format: "ini", text: "[a]\npasswords =\n  «velvet»\n  # old\n  «lemon=»\nhosts =\n  db1\n  db2\n"},
	{name: "ini list on a line", format: "ini", text: "passwords = «velvet»\n\n  «lemon»\nmin_passwords = 3\n"},
	{name: "ini section of secrets", format: "ini", text: "[secrets]\nalpha = «velvet»\nregion = eu\nbeta = ${BETA}\n[agent]\nalpha = always\n"},
	{name: "sql plugin of a function", text: "CREATE USER a IDENTIFIED VIA mysql_native_password USING PASSWORD('«velvet»');\n"},
	{name: "ini value below", format: "ini", text: "password =\n    «velvet lemon»\nport = 1\n"},
	{name: "ini list goes on", format: "ini", text: "password = «velvet»\n  «lemon»\nport = 1\n"},
	{name: "conf list below", format: "conf", text: "  passwords =\n    «velvet»\n  port\n"},
	{name: "conf two words", format: "conf", text: "[OUTPUT]\n    HTTP_Passwd «velvet lemon»\n    Host x\n  password «a b» # why\n  secret «#ab» # why\n"},
	{name: "ini declared", format: "ini", paths: []string{"stream.door"}, text: "[stream]\ndoor = «open»\n[other]\ndoor = open\n"},
	{name: "ini two words", format: "ini", text: "[stream]\napi key = «11111111-2222-3333-4444-555555555555»\n"},
	{name: "unit file", format: "ini", text: "Environment=A_TOKEN=«hunter2» B=c\nEnvironment=\"B_TOKEN=«two words»\"\n"},
	{name: "conf blank", format: "conf", text: "bindpw «hunter2»\nrocommunity «s3cret» 10.0.0.0/8\n"},
	{name: "conf cisco", format: "conf", text: "password 7 «0822455D0A16»\n"},
	{name: "conf semicolon", format: "conf", text: "secret \"«c2VjcmV0»\";\nalgorithm hmac-sha256;\n"},
	{name: "conf block", format: "conf", paths: []string{"filter.door"}, text: "filter {\n  door => \"«open»\"\n}\n"},
	{name: "conf arrow", format: "conf", text: "  password => '«hunter2»',\n  user => 'bob',\n"},
	{name: "conf header", format: "conf", text: "proxy_set_header Authorization \"Bearer «hunter2hunter2»\";\n"},
	{name: "netrc", format: "conf", text: "machine a.example login bob password «hunter2»\n"},
	{name: "cron", format: "crontab", text: "0 4 * * * root mysqldump -u b -p«hunter2» --all | gzip > /b\n"},
	{name: "cron curl", format: "crontab", text: "0 4 * * * root curl -u bob:«hunter2» https://x.example/\n"},
	{name: "env", format: "env", text: "export A_TOKEN=«hunter2»\nB_PASSWORD=\"«two words»\"\nC=d\n"},
	{name: "xml element", format: "xml", text: "<a><password>«hunter2»</password><b>c</b></a>\n"},
	{name: "xml element over lines", format: "xml", text: "<a><password>\n  «hunter2»\n</password></a>\n"},
	{name: "xml attribute", format: "xml", text: "<a password=\"«hunter2»\" b=\"c\"/>\n"},
	{name: "xml property", format: "xml", text: "<p name=\"db.password\" value=\"«hunter2»\"/><p name=\"host\" value=\"db1\"/>\n"},
	{name: "xml siblings", format: "xml", text: "<c>\n<property>\n  <name>db.password</name>\n  <value>«velvet»</value>\n</property>\n<property><name>host</name><value>db1</value></property></c>\n"},
	{name: "xml siblings, turned", format: "xml", text: "<c><property><value>«velvet»</value><final>true</final><name>db.password</name></property></c>\n"},
	{name: "xml parameters", format: "xml", text: "<w><init-param><param-name>secretKey</param-name><param-value>«velvet»</param-value></init-param></w>\n"},
	{name: "xml entry", format: "xml", text: "<p><entry key=\"password\">«velvet»</entry><entry key=\"host\">db1</entry></p>\n"},
	{name: "xml property with a value below", format: "xml", text: "<b><property name=\"password\"><value>«velvet»</value></property><property name=\"host\"><value>db1</value></property></b>\n"},
	{name: "xml of unknown format", text: "<?xml version=\"1.0\"?>\n<p><entry key=\"password\">«velvet»</entry><property name=\"password\" value=\"«velvet»\"/>\n<q><name>db.password</name><value>«lemon»</value></q></p>\n"},
	{name: "xml cdata", format: "xml", text: "<token><![CDATA[«hunter2»]]></token>\n"},
	{name: "xml with attribute", format: "xml", text: "<password enc=\"no\">«hunter2»</password>\n"},

	{name: "url", text: "url = https://bob:«p@ss»@db.example:80/x\n"},
	{name: "url without user", text: "redis://:«hunter2»@db/0\n"},
	{name: "url unescaped slash", text: "postgres://bob:«a/b»@db/x\n"},
	{name: "url query", text: "https://x.example/sse?api_key=«hunter2»&v=1\n"},
	{name: "rsyslog output", format: "rsyslog", text: "*.* :ommysql:db1,syslog,writer,«velvet»\n"},
	{name: "rsyslog output, template", format: "rsyslog", text: "*.info  :ompgsql:db1,syslog,writer,«vel,vet»;StdSQLFormat\n"},
	{name: "rsyslog output of old", format: "rsyslog", text: "*.*  >db1,syslog,writer,«velvet»\n"},
	{name: "rsyslog output in a comment", format: "rsyslog", text: "# *.* :ommysql:db1,syslog,writer,«Ginger#3425»\n"},
	{name: "rsyslog action over lines", format: "rsyslog", text: "action(type=\"ommysql\"\n  server=\"db1\"\n  pwd=\"«velvet»\")\n"},
	{name: "sql", text: "CREATE USER bob IDENTIFIED BY '«velvet»';\nALTER USER bob IDENTIFIED WITH mysql_native_password BY '«velvet»' PASSWORD EXPIRE NEVER;\n"},
	{name: "sql lower case", text: "create user 'bob'@'%'\n  identified by \"«velvet»\";\n"},
	{name: "sql grant", text: "GRANT ALL ON *.* TO 'u'@'h' IDENTIFIED BY PASSWORD '«*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19»';\n"},
	{name: "sql without quotes", text: "alter user scott identified by «Tiger4377»;\n"},
	{name: "sql role", text: "ALTER ROLE bob WITH LOGIN ENCRYPTED PASSWORD '«velvet»' VALID UNTIL 'infinity';\n"},
	{name: "sql in yaml", format: "yaml", text: "init:\n  - CREATE ROLE bob PASSWORD '«velvet»'\n  - \"CREATE USER bob IDENTIFIED BY '«velvet»'\"\n"},
	{name: "sql in json", format: "json", text: `{"init": "ALTER USER bob IDENTIFIED BY \"«velvet»\"; ALTER ROLE bob PASSWORD '«velvet»'", "x": "y"}`},
	{name: "go dsn", text: "servers = [\"bob:«hunter2»@tcp(db:3306)/x\"]\n"},
	{name: "ado dsn", text: "cs = \"Server=db;User Id=bob;Password=«hunter2»;App=x\"\n"},
	{name: "pem", text: "key:\n  «-----BEGIN EC PRIVATE KEY-----\n  MHcCAQEEIA\n  -----END EC PRIVATE KEY-----»\nnext: 1\n"},
	{name: "pem in a string", text: `{"k": "«-----BEGIN PRIVATE KEY-----\nMHcCAQEEIA\n-----END PRIVATE KEY-----»\n"}` + "\n"},
	{name: "pem without end", text: "«-----BEGIN PRIVATE KEY-----\nMHcCAQEEIA»\n# other\n"},
	{name: "putty", text: "PuTTY-User-Key-File-2: ssh-rsa\nPublic-Lines: 1\nAAAAB3Nz\nPrivate-Lines: 2\n«AAABAQCxAAABAQCx\nqqqq==»\nPrivate-MAC: «0123456789abcdef0123456789abcdef01234567»\n"},
	{name: "putty in yaml", format: "yaml", text: "a:\n  key: |\n    PuTTY-User-Key-File-3: ssh-ed25519\n    Private-Lines: 1\n    «AAABAQCxAAABAQCx»\n    Private-MAC: «0123456789abcdef0123456789abcdef01234567»\nb: c\n"},
	{name: "putty in a string", format: "json", text: `{"k": "Private-Lines: 2\r\n«AAABAQCx\r\nqqqq»\r\nPrivate-MAC: «0123456789abcdef0123456789abcdef»\r\n"}` + "\n"},
	{name: "vault of ansible", format: "yaml", text: "password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  «6238\n  6139»\nnext: 1\n"},
	{name: "hash", text: "bob:«$6$y.fjeqyX$7C3WuUgSisJuedEWslfrReo»:19000:0:99999:7:::\n"},
	{name: "basic", text: "x = \"Basic «Ym9iOmh1bnRlcjI=»\"\n"},
	{name: "token shape", text: "x: «ghp_4FBhju4brKKjrOzruofEmxJqJdjea5WtQfal»\n"},
	{name: "jwt", text: "x: «eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiAiSldYbnN0eFciLCAiaWF0.tpU4r16H1UrLqE9oNTJIyJEyFzf»\n"},
	{name: "webhook", text: "url: «https://hooks.slack.com/services/T00000001/B00000001/abcdefghijklmnop12345678»\n"},
	{name: "default of a reference", text: "password: «${PW:-hunter2}»\n"},
	{name: "default of a template", text: "password: \"«{{ pw | default('hunter2') }}»\"\n"},
	{name: "mark in the input", text: "note «" + Mark + "» here\n"},
	{name: "binary", text: "«a\x00password»"},
}

// planted returns the text without its brackets, and the spans between them.
func planted(marked string) (text string, spans []Span) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(marked, "«")
		b.WriteString(before)
		if !found {
			return b.String(), spans
		}
		if strings.HasPrefix(rest, Mark) {
			rest = strings.TrimPrefix(rest, Mark+"»")
			spans = append(spans, Span{b.Len(), b.Len() + len(Mark)})
			b.WriteString(Mark)
			marked = rest
			continue
		}
		secret, after, _ := strings.Cut(rest, "»")
		spans = append(spans, Span{b.Len(), b.Len() + len(secret)})
		b.WriteString(secret)
		marked = after
	}
}

func TestTextMasksPlantedSecrets(t *testing.T) {
	r := newTest()
	for _, c := range textCases {
		t.Run(c.name, func(t *testing.T) {
			text, want := planted(c.text)
			got := r.Text([]byte(text), Source{Format: c.format, SecretPaths: c.paths})
			if diff := cmp.Diff(want, got.Spans); diff != "" {
				t.Errorf("spans of %q (-want +got):\n%s\ntext: %q", text, diff, got.Text)
			}
		})
	}
}

// innocent texts mention secrets without holding any.
var innocent = []struct{ format, text string }{
	{"yaml", "password: ${DB_PASSWORD}\n"},
	{"yaml", "password: $DB_PASSWORD\n"},
	{"yaml", "password: ${env:DB_PASSWORD}\n"},
	{"yaml", "password: \"{{ lookup('env', 'PW') }}\"\n"},
	{"yaml", "password: \"{{ vault_pw }}\"\n"},
	{"yaml", "password: <%= @pw %>\n"},
	{"yaml", "password: ENC[AES256_GCM,data:Jmq+4C,iv:InW+w,tag:pFuz,type:str]\n"},
	{"yaml", "password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n"},
	{"yaml", "password: !secret db_password\n"},
	{"yaml", "password: vault:secret/data/db#pw\n"},
	{"yaml", "password: op://vault/item/field\n"},
	{"yaml", "password_file: /etc/x/pw\n"},
	{"yaml", "token: /var/run/secrets/token\n"},
	{"yaml", "password: \"\"\n"},
	{"yaml", "password:\n"},
	{"yaml", "password: null\n"},
	{"yaml", "token_ttl: 3600\npassword_min_length: 12\nmax_tokens: 4096\n"},
	{"yaml", "secretName: grafana-tls\nexistingSecret: grafana\n"},
	{"yaml", "secretKeyRef:\n  name: grafana\n  key: admin-password\n"},
	{"yaml", "- secretRef: {name: grafana}\n"},
	{"yaml", "checksum/secret: 35136ae8fb7f7f782747e878272e94d39aca31d965807d66ea3d9ea858a7e090\n"},
	{"yaml", "image: x@sha256:633a4cbd52cdd87097dcf08122dac65b39e9b49110476f66b552e5fb6b711c28\n"},
	{"yaml", "uid: 4da058a7-27ac-3b97-baef-a52219195f33\n"},
	{"yaml", "key: deployment.environment\n"},
	{"yaml", "summary: \"Password expires in {{ $value }} days\"\n"},
	{"yaml", "condition: proc.name in (passwd, chpasswd)\n"},
	{"yaml", "token: *anchor\n"},
	{"yaml", "password: <YOUR_PASSWORD>\n"},
	{"toml", "namepass = [\"token_*\"]\ntagpass = [\"x\"]\n"},
	{"toml", "token = \"@{vault:influx}\"\n"},
	{"toml", "bearer_token_env_var = \"FIGMA_TOKEN\"\n"},
	{"toml", "tls_key = \"/etc/x/key.pem\"\n"},
	{"json", `{"type": "promptString", "id": "api-key", "password": true}`},
	{"json", `{"maxTokens": 6963, "apiKeyHelper": "/usr/local/bin/get-key.sh"}`},
	{"json", `{"allow": ["Bash(gh auth token:*)", "Read(./secrets/**)"]}`},
	{"json", `{"integrity": "sha512-6OyQnsXxOTwd5PmIdi7Zcq0G7vVRzD+ORjmmzZwrjQj7BPl3hZbyhb3UlseBsr=="}`},
	{"rsyslog", "### *.* :ommysql:localhost,Syslog,rsyslog,password\n*.* :ommysql:db1,syslog,writer\n*.* :omusrmsg:*\n"},
	{"rsyslog", "if $msg contains 'a' then >b,c,d,e\n*.* /var/log/a,b,c,d\n"},
	{"yaml", "help: a target is identified by 'instance', a user identified by \"name\" or password 'reset'\n"},
	{"", "CREATE USER bob IDENTIFIED WITH auth_socket;\nALTER ROLE bob PASSWORD NULL;\nALTER ROLE bob SET search_path TO 'a';\n"},
	{"", "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nComment: bob\nPublic-Lines: 2\nAAAAB3NzaC1yc2EAAAAB\nAAAA\nPrivate-Lines: none\nPrivate-MAC: see below\n"},
	{"yaml", "packages:\n- mysql\n- curl\n- -u\n- name\n"},
	{"yaml", "a:\n- docker\n- -p\n- 8080:80\nb:\n  - curl -s http://x\n  - -u\n  - bob:hunter2\nc:\n- curl\n  - -u\n"},
	{"yaml", "args:\n- --password\n- --verbose\n- --token\nnext: x\n"},
	{"", "tool --api-token \\\n  --verbose \\\n  velvet\ntool --api-token-file \\\n  velvet\ntool --port \\\n  80\n"},
	{"ini", "[a]\npasswords =\nport =\n  80\npassword =\n  user = velvet\n  port=80\nmin_tokens =\n  5\n"},
	{"conf", "password requisite pam_unix.so use_authtok\npassword ${PW} lemon\nwith_password true lemon\n"},
	{"xml", "<c><p><name>host</name><value>db1</value></p><p><name>password.file</name><value>pw</value></p></c>\n"},
	{"xml", "<c><p><name>password</name><description>of the db</description></p><value>x</value><p name=\"password\"/><value>x</value></c>\n"},
	{"yaml", "? [password, x]\n: y\n? password\n? z\n: y\n: x\n"},
	{"yaml", "secrets:\n  db:\n    external: true\n    driver: vault\n    name: db1\n  web:\n    file: ./web\n"},
	{"yaml", "services:\n  a:\n    secrets:\n    - source: db\n      target: pw\n      uid: '103'\n      mode: 0440\n    - db\n"},
	{"yaml", "secrets:\n  create: true\n  namespace: web\n  storePath: kv/data\nimagePullSecrets:\n- name: regcred\nfilter_secrets:\n  alpha: velvet\nexternal-secrets:\n  board: main\nsecret:\n  name: grafana\n  key: admin-password\n"},
	{"yaml", "volumes:\n- name: a\n  secret:\n    secretName: tls\n    defaultMode: 420\n    optional: false\n    items:\n    - key: tls.crt\n      path: crt\n"},
	{"", "password: |\n  ${PASSWORD}\npassword: |\nhost: db1\npassword_policy: |\n  long\ntoken: ||\n  x\n"},
	{"rules", "-w /etc/shadow -p wa -k etcpasswd\n-a always,exit -F path=/usr/bin/passwd -k privileged-passwd\n"},
	{"sshd", "PasswordAuthentication no\nPermitEmptyPasswords no\nAuthorizedKeysFile .ssh/authorized_keys\nHostKey /etc/ssh/ssh_host_rsa_key\n"},
	{"sudoers", "Defaults passwd_tries=3\nbob ALL=(ALL) NOPASSWD: /sbin/reboot\nbob ALL=(ALL) NOPASSWD:ALL\n"},
	{"conf", "password requisite pam_pwquality.so retry=3\npassword [success=1 default=ignore] pam_unix.so\n"},
	{"conf", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIsn5u57mjI1/i1MYnBScldnRKm2EqCs+tGPGS5/v6CH0 bob@x\n"},
	{"conf", "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ2\n-----END CERTIFICATE-----\n"},
	{"conf", "# the password policy: at least 12 characters, rotated every 90 days\n"},
	{"conf", "failregex = ^.*authentication failure.*password.*<HOST>\n"},
	{"conf", "proxy_pass http://upstream_name;\nfastcgi_pass unix:/run/php.sock;\n"},
	{"conf", "pass in on eth0 proto tcp from any to any port 22\n"},
	{"xml", "<a><use_password>no</use_password><key>logall</key></a>\n"},
	{"env", "GIT_TOKEN_FILE=/run/token\nPWD=/root\nPATH=/usr/bin:/bin\n"},
	{"", "see https://example.com/a?page=2 and mailto:bob@example.com and git@github.com:x/y.git\n"},
	{"", "SELECT path FROM hash WHERE sha256 = '70794fa1afb41d97a0c4661eb911550968084c3673decb76b71b064bb934e19c';\n"},
}

func TestTextLeavesInnocentTextsAlone(t *testing.T) {
	r := newTest()
	for _, c := range innocent {
		got := r.Text([]byte(c.text), Source{Format: c.format})
		if string(got.Text) != c.text || len(got.Fingerprints) != 0 {
			t.Errorf("%s: masked %q in %q", c.format, got.Text, c.text)
		}
	}
}

// mustKey makes a key of the first bytes of b and zeros.
func mustKey(b []byte) Key {
	var full [fingerprint.KeySize]byte
	copy(full[:], b)
	k, err := NewKey(full[:])
	if err != nil {
		panic(err)
	}
	return k
}
