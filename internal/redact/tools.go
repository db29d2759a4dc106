package redact

// tool says which short options of a program carry secrets.
type tool struct {
	prefix   string   // of the program's base name
	attached string   // -pSECRET
	separate string   // -p SECRET, and attached unless blunt
	userPass string   // -u user:SECRET
	words    []string // options of one dash that are words, and SECRET behind them
	follows  []string // words behind which SECRET stands; those with a + name it first
	needs    string   // only with this word among the arguments
	blunt    bool     // the options of separate are never attached
	last     int      // so many words from the end are secrets, with needs
	login    bool     // the first argument that is no option is user/SECRET@where
}

// tools is read only. The first match counts.
var tools = []tool{
	// Plugins of monitoring.
	{prefix: "check_snmp", separate: "CAX"},
	{prefix: "check_mysql", separate: "p"},
	{prefix: "check_pgsql", separate: "p"},
	{prefix: "check_postgres", separate: "p"},
	{prefix: "check_http", userPass: "ab"},
	{prefix: "check_ldap", separate: "P"},
	{prefix: "check_nrpe"},
	{prefix: "check_disk"},
	{prefix: "check_file"},
	{prefix: "check_procs"},
	{prefix: "check_tcp"},
	{prefix: "check_ping"},
	{prefix: "check_load"},
	{prefix: "check_", separate: "pPW", userPass: "a", blunt: true},
	// Databases.
	{prefix: "mysqladmin", attached: "p", needs: "password", last: 1},
	{prefix: "mysql", attached: "p"},
	{prefix: "mariadb", attached: "p"},
	{prefix: "mydumper", separate: "p"},
	{prefix: "myloader", separate: "p"},
	{prefix: "innobackupex", attached: "p"},
	{prefix: "xtrabackup", attached: "p"},
	{prefix: "pt-", separate: "p"},
	{prefix: "mongo", separate: "p"},
	{prefix: "cqlsh", separate: "p"},
	{prefix: "nodetool", separate: "", words: []string{"-pw"}},
	{prefix: "redis-cli", separate: "a", follows: []string{"requirepass", "masterauth", "AUTH", "auth"}},
	{prefix: "valkey-cli", separate: "a", follows: []string{"requirepass", "AUTH"}},
	{prefix: "redis-server", follows: []string{"--requirepass", "--masterauth"}},
	{prefix: "sqlcmd", separate: "P", blunt: true},
	{prefix: "bcp", separate: "P", blunt: true},
	{prefix: "tsql", separate: "P", blunt: true},
	{prefix: "isql", separate: "P", blunt: true},
	{prefix: "sqlplus", login: true},
	{prefix: "expdp", login: true},
	{prefix: "impdp", login: true},
	{prefix: "rman", login: true},
	{prefix: "sqlldr", login: true},
	{prefix: "influx", separate: "pt", words: []string{"-password"}, blunt: true},
	{prefix: "clickhouse-client", words: []string{"--password"}},
	{prefix: "arangosh", words: []string{"--server.password"}},
	{prefix: "cypher-shell", separate: "p"},
	{prefix: "couchbase-cli", separate: "p"},
	{prefix: "cbbackup", separate: "p"},
	{prefix: "dsmadmc", words: []string{"-password"}},
	// The network.
	{prefix: "curl", userPass: "uU"},
	{prefix: "http", userPass: "a", needs: "-a"},
	{prefix: "xh", userPass: "a"},
	{prefix: "ab", userPass: "AP", needs: "-A"},
	{prefix: "wget"},
	{prefix: "trapsess", separate: "cAX"},
	{prefix: "snmp", separate: "cAX"},
	{prefix: "sshpass", separate: "p"},
	{prefix: "lftp", userPass: "u"},
	{prefix: "ncftp", separate: "p"},
	{prefix: "plink", words: []string{"-pw"}},
	{prefix: "pscp", words: []string{"-pw"}},
	{prefix: "psftp", words: []string{"-pw"}},
	{prefix: "svn", words: []string{"--password"}},
	{prefix: "p4", separate: "P"},
	{prefix: "ldappasswd", separate: "sawW"},
	{prefix: "ldap", separate: "w"},
	{prefix: "dsconf", separate: "w"},
	{prefix: "smbclient", userPass: "U"},
	{prefix: "rpcclient", userPass: "U"},
	{prefix: "smbget", userPass: "U"},
	{prefix: "net", userPass: "U", needs: "-U"},
	{prefix: "wbinfo", userPass: "a"},
	{prefix: "samba-tool", userPass: "U"},
	{prefix: "winexe", userPass: "U"},
	{prefix: "evil-winrm", separate: "p"},
	{prefix: "crackmapexec", separate: "p"},
	{prefix: "impacket-", login: true},
	{prefix: "ipmitool", separate: "P"},
	{prefix: "racadm", separate: "p"},
	{prefix: "ipmipower", separate: "p"},
	{prefix: "ipmi-", separate: "p"},
	{prefix: "bmc", separate: "p"},
	{prefix: "mosquitto_passwd", needs: "-b", last: 1},
	{prefix: "mosquitto", separate: "P"},
	{prefix: "kafkacat", follows: nil},
	{prefix: "nats", words: []string{"--password"}},
	{prefix: "nmcli", follows: []string{"password", "802-11-wireless-security.psk", "wifi-sec.psk", "vpn.secrets"}},
	{prefix: "wpa_passphrase", needs: "wpa_passphrase2"},
	{prefix: "iwconfig", follows: []string{"key"}},
	{prefix: "xfreerdp"},
	{prefix: "rdesktop", separate: "p"},
	{prefix: "x11vnc", words: []string{"-passwd", "-viewpasswd"}},
	{prefix: "vncpasswd"},
	{prefix: "swaks", words: []string{"-ap", "--auth-password"}},
	{prefix: "sendemail", words: []string{"-xp"}},
	{prefix: "msmtp"},
	{prefix: "chisel"},
	{prefix: "ngrok", follows: []string{"authtoken", "add-authtoken"}},
	{prefix: "zabbix_", follows: nil},
	// Accounts and files.
	{prefix: "usermod", separate: "p"},
	{prefix: "useradd", separate: "p"},
	{prefix: "adduser", separate: "p"},
	{prefix: "chpasswd"},
	{prefix: "htpasswd", needs: "-b", last: 1},
	{prefix: "htpasswd", needs: "-nb", last: 1},
	{prefix: "htpasswd", needs: "-bc", last: 1},
	{prefix: "htpasswd", needs: "-cb", last: 1},
	{prefix: "htpasswd", needs: "-nbB", last: 1},
	{prefix: "htpasswd", needs: "-Bb", last: 1},
	{prefix: "htpasswd", needs: "-bB", last: 1},
	{prefix: "htpasswd", needs: "-cbB", last: 1},
	{prefix: "crudini", follows: []string{"+"}},
	{prefix: "augtool", follows: []string{"+"}},
	{prefix: "git", follows: []string{"+"}, needs: "config"},
	{prefix: "npm", follows: []string{"+"}, needs: "set"},
	{prefix: "npm", follows: []string{"+"}, needs: "config"},
	{prefix: "openssl", separate: "kK", words: []string{"-pass", "-passin", "-passout", "-passwd", "-password", "-srppass", "-psk", "-macopt"}, blunt: true},
	{prefix: "gpg", words: []string{"--passphrase"}},
	{prefix: "zip", separate: "P"},
	{prefix: "unzip", separate: "P"},
	{prefix: "7z", attached: "p"},
	{prefix: "rar", attached: "p"},
	{prefix: "unrar", attached: "p"},
	{prefix: "ssh-keygen", separate: "NP"},
	{prefix: "keytool", words: []string{"-storepass", "-keypass", "-deststorepass", "-srcstorepass", "-new"}},
	{prefix: "certutil", separate: "w"},
	{prefix: "pk12util", separate: "WK"},
	{prefix: "kadmin", separate: "w", words: []string{"-pw"}},
	{prefix: "ipa", separate: "wp", words: []string{"--admin-password"}},
	{prefix: "step", words: []string{"--password"}},
	{prefix: "cryptsetup"},
	{prefix: "qpdf"},
	{prefix: "rclone", follows: []string{"obscure", "+"}},
	// Containers, clouds, services.
	{prefix: "docker", separate: "p", needs: "login"},
	{prefix: "podman", separate: "p", needs: "login"},
	{prefix: "nerdctl", separate: "p", needs: "login"},
	{prefix: "buildah", separate: "p", needs: "login"},
	{prefix: "helm", separate: "p", needs: "login"},
	{prefix: "crane", separate: "p", needs: "login"},
	{prefix: "oras", separate: "p", needs: "login"},
	{prefix: "skopeo"},
	{prefix: "oc", separate: "p", needs: "login"},
	{prefix: "cf", separate: "p", needs: "login"},
	{prefix: "az", separate: "p", needs: "login"},
	{prefix: "aws", follows: []string{"+"}, needs: "configure"},
	{prefix: "mc", needs: "alias", last: 1},
	{prefix: "mc", needs: "add", last: 1},
	{prefix: "glab", separate: "t", needs: "login"},
	{prefix: "gitlab-runner", separate: "r", needs: "register"},
	{prefix: "cargo", needs: "login", last: 1},
	{prefix: "vault", needs: "login", last: 1},
	{prefix: "vault", needs: "unseal", last: 1},
	{prefix: "etcdctl"},
	{prefix: "twine", separate: "p"},
	{prefix: "grafana-cli", needs: "reset-admin-password", last: 1},
	{prefix: "rabbitmqadmin", separate: "p"},
	{prefix: "rabbitmqctl", needs: "add_user", last: 1},
	{prefix: "rabbitmqctl", needs: "change_password", last: 1},
	{prefix: "rabbitmqctl", needs: "authenticate_user", last: 1},
	{prefix: "occ", follows: []string{"+"}},
	{prefix: "heroku", follows: []string{"+"}},
	{prefix: "wrangler", follows: []string{"+"}},
	{prefix: "pulumi", follows: []string{"+"}, needs: "config"},
	{prefix: "consul", needs: "kv", follows: []string{"+"}},
	{prefix: "veracrypt", separate: "p"},
	{prefix: "sendxmpp", separate: "p"},
	{prefix: "upsc"},
	{prefix: "upscmd", separate: "p"},
	{prefix: "upsrw", separate: "p"},
	{prefix: "mount.cifs"},
	{prefix: "iscsiadm", separate: "v", needs: "node.session.auth.password"},
}

// toolTriggers are beginnings of the names of programs by which a scan of a text
// finds commands. Those of two letters would be found everywhere: they are read
// where another trigger stands in their line.
var toolTriggers = toolNames()

func toolNames() []string {
	var all []string
	seen := make(map[string]bool)
	for _, t := range tools {
		name := t.prefix
		if name == "check_" || len(name) > 6 && name[:6] == "check_" {
			name = "check_"
		}
		if len(name) == 2 || name == "net" || name == "git" || name == "ipa" || name == "http" || name == "step" || name == "nats" || name == "rar" || name == "zip" {
			name += " "
		}
		if !seen[name] {
			seen[name] = true
			all = append(all, name)
		}
	}
	return all
}
