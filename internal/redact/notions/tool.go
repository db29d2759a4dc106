package notions

// Tool says which short options of a program carry secrets.
type Tool struct {
	Prefix   string   // of the program's base name
	Attached string   // -pSECRET
	Separate string   // -p SECRET, and attached unless blunt
	UserPass string   // -u user:SECRET
	Words    []string // options of one dash that are words, and SECRET behind them
	Follows  []string // words behind which SECRET stands; those with a + name it first
	Needs    string   // only with this word among the arguments
	Blunt    bool     // the options of separate are never attached
	Last     int      // so many words from the end are secrets, with needs
	Rest     bool     // words behind the second that are no option, drive or share are secrets
	Login    bool     // the first argument that is no option is user/SECRET@where
}

// Tools is read only. The first match counts.
var Tools = []Tool{
	// Plugins of monitoring.
	{Prefix: "check_snmp", Separate: "CAX"},
	{Prefix: "check_mysql", Separate: "p"},
	{Prefix: "check_pgsql", Separate: "p"},
	{Prefix: "check_postgres", Separate: "p"},
	{Prefix: "check_http", UserPass: "ab"},
	{Prefix: "check_ldap", Separate: "P"},
	{Prefix: "check_nrpe"},
	{Prefix: "check_disk"},
	{Prefix: "check_file"},
	{Prefix: "check_procs"},
	{Prefix: "check_tcp"},
	{Prefix: "check_ping"},
	{Prefix: "check_load"},
	{Prefix: "check_", Separate: "pPW", UserPass: "a", Blunt: true},
	// Databases.
	{Prefix: "mysqladmin", Attached: "p", Needs: "password", Last: 1},
	{Prefix: "mysql", Attached: "p"},
	{Prefix: "mariadb", Attached: "p"},
	{Prefix: "mydumper", Separate: "p"},
	{Prefix: "myloader", Separate: "p"},
	{Prefix: "innobackupex", Attached: "p"},
	{Prefix: "xtrabackup", Attached: "p"},
	{Prefix: "pt-", Separate: "p"},
	{Prefix: "mongo", Separate: "p"},
	{Prefix: "cqlsh", Separate: "p"},
	{Prefix: "nodetool", Separate: "", Words: []string{"-pw"}},
	{Prefix: "redis-cli", Separate: "a", Follows: []string{"requirepass", "masterauth", "AUTH", "auth"}},
	{Prefix: "valkey-cli", Separate: "a", Follows: []string{"requirepass", "AUTH"}},
	{Prefix: "redis-server", Follows: []string{"--requirepass", "--masterauth"}},
	{Prefix: "sqlcmd", Separate: "P", Blunt: true},
	{Prefix: "bcp", Separate: "P", Blunt: true},
	{Prefix: "tsql", Separate: "P", Blunt: true},
	{Prefix: "isql", Separate: "P", Blunt: true},
	{Prefix: "sqlplus", Login: true},
	{Prefix: "expdp", Login: true},
	{Prefix: "impdp", Login: true},
	{Prefix: "rman", Login: true},
	{Prefix: "sqlldr", Login: true},
	{Prefix: "influx", Separate: "pt", Words: []string{"-password"}, Blunt: true},
	{Prefix: "clickhouse-client", Words: []string{"--password"}},
	{Prefix: "arangosh", Words: []string{"--server.password"}},
	{Prefix: "cypher-shell", Separate: "p"},
	{Prefix: "couchbase-cli", Separate: "p"},
	{Prefix: "cbbackup", Separate: "p"},
	{Prefix: "dsmadmc", Words: []string{"-password"}},
	{Prefix: "steamcmd", Follows: []string{"+login+1"}},
	{Prefix: "ceph", Follows: []string{"ac-user-create+1"}},
	{Prefix: "virsh", Follows: []string{"secret-set-value+1"}},
	{Prefix: "gpg-preset-passphrase", Separate: "P"},
	{Prefix: "kdb5_", Separate: "P"},
	{Prefix: "condor_", Separate: "p"},
	{Prefix: "radosgw-admin", Follows: []string{"+"}},
	{Prefix: "snmpusm", Separate: "AX"},
	{Prefix: "cockroach", Follows: []string{"+"}},
	{Prefix: "wg ", Follows: nil},
	// The network.
	{Prefix: "curl", UserPass: "uU"},
	{Prefix: "http", UserPass: "a", Needs: "-a"},
	{Prefix: "xh", UserPass: "a"},
	{Prefix: "ab", UserPass: "AP", Needs: "-A"},
	{Prefix: "wget"},
	{Prefix: "trapsess", Separate: "cAX"},
	{Prefix: "snmp", Separate: "cAX"},
	{Prefix: "sshpass", Separate: "p"},
	{Prefix: "lftp", UserPass: "u"},
	{Prefix: "ncftp", Separate: "p"},
	{Prefix: "plink", Words: []string{"-pw"}},
	{Prefix: "pscp", Words: []string{"-pw"}},
	{Prefix: "psftp", Words: []string{"-pw"}},
	{Prefix: "svn", Words: []string{"--password"}},
	{Prefix: "p4", Separate: "P"},
	{Prefix: "ldappasswd", Separate: "sawW"},
	{Prefix: "ldap", Separate: "w"},
	{Prefix: "dsconf", Separate: "w"},
	{Prefix: "smbclient", UserPass: "U"},
	{Prefix: "rpcclient", UserPass: "U"},
	{Prefix: "smbget", UserPass: "U"},
	{Prefix: "net", UserPass: "U", Needs: "-U"},
	{Prefix: "net", Needs: "use", Rest: true},
	{Prefix: "psexec", Separate: "p"},
	{Prefix: "schtasks", Follows: []string{"/rp"}},
	{Prefix: "cmdkey"},
	{Prefix: "wmic", Follows: []string{"/password:"}},
	{Prefix: "wbinfo", UserPass: "a"},
	{Prefix: "samba-tool", UserPass: "U"},
	{Prefix: "winexe", UserPass: "U"},
	{Prefix: "evil-winrm", Separate: "p"},
	{Prefix: "crackmapexec", Separate: "p"},
	{Prefix: "impacket-", Login: true},
	{Prefix: "ipmitool", Separate: "P"},
	{Prefix: "racadm", Separate: "p"},
	{Prefix: "ipmipower", Separate: "p"},
	{Prefix: "ipmi-", Separate: "p"},
	{Prefix: "bmc", Separate: "p"},
	{Prefix: "mosquitto_passwd", Needs: "-b", Last: 1},
	{Prefix: "mosquitto", Separate: "P"},
	{Prefix: "kafkacat", Follows: nil},
	{Prefix: "nats", Words: []string{"--password"}},
	{Prefix: "nmcli", Follows: []string{"password", "802-11-wireless-security.psk", "wifi-sec.psk", "vpn.secrets"}},
	{Prefix: "wpa_passphrase", Needs: "wpa_passphrase2"},
	{Prefix: "iwconfig", Follows: []string{"key"}},
	{Prefix: "xfreerdp", Follows: []string{"/p:"}},
	{Prefix: "rdesktop", Separate: "p"},
	{Prefix: "x11vnc", Words: []string{"-passwd", "-viewpasswd"}},
	{Prefix: "vncpasswd"},
	{Prefix: "swaks", Words: []string{"-ap", "--auth-password"}},
	{Prefix: "sendemail", Words: []string{"-xp"}},
	{Prefix: "msmtp"},
	{Prefix: "chisel"},
	{Prefix: "ngrok", Follows: []string{"authtoken", "add-authtoken"}},
	{Prefix: "zabbix_", Follows: nil},
	// Accounts and files.
	{Prefix: "usermod", Separate: "p"},
	{Prefix: "useradd", Separate: "p"},
	{Prefix: "adduser", Separate: "p"},
	{Prefix: "chpasswd"},
	{Prefix: "htpasswd", Needs: "-b", Last: 1},
	{Prefix: "htpasswd", Needs: "-nb", Last: 1},
	{Prefix: "htpasswd", Needs: "-bc", Last: 1},
	{Prefix: "htpasswd", Needs: "-cb", Last: 1},
	{Prefix: "htpasswd", Needs: "-nbB", Last: 1},
	{Prefix: "htpasswd", Needs: "-Bb", Last: 1},
	{Prefix: "htpasswd", Needs: "-bB", Last: 1},
	{Prefix: "htpasswd", Needs: "-cbB", Last: 1},
	{Prefix: "crudini", Follows: []string{"+"}},
	{Prefix: "augtool", Follows: []string{"+"}},
	{Prefix: "git", Follows: []string{"+"}, Needs: "config"},
	{Prefix: "npm", Follows: []string{"+"}, Needs: "set"},
	{Prefix: "npm", Follows: []string{"+"}, Needs: "config"},
	{Prefix: "openssl", Separate: "kK", Words: []string{"-pass", "-passin", "-passout", "-passwd", "-password", "-srppass", "-psk", "-macopt"}, Blunt: true},
	{Prefix: "gpg", Words: []string{"--passphrase"}},
	{Prefix: "zip", Separate: "P"},
	{Prefix: "unzip", Separate: "P"},
	{Prefix: "7z", Attached: "p"},
	{Prefix: "rar", Attached: "p"},
	{Prefix: "unrar", Attached: "p"},
	{Prefix: "ssh-keygen", Separate: "NP"},
	{Prefix: "keytool", Words: []string{"-storepass", "-keypass", "-deststorepass", "-srcstorepass", "-new"}},
	{Prefix: "certutil", Separate: "w"},
	{Prefix: "pk12util", Separate: "WK"},
	{Prefix: "kadmin", Separate: "w", Words: []string{"-pw"}},
	{Prefix: "ipa", Separate: "wp", Words: []string{"--admin-password"}},
	{Prefix: "step", Words: []string{"--password"}},
	{Prefix: "cryptsetup"},
	{Prefix: "qpdf"},
	{Prefix: "rclone", Follows: []string{"obscure", "+"}},
	// Containers, clouds, services.
	{Prefix: "docker", Separate: "p", Needs: "login"},
	{Prefix: "podman", Separate: "p", Needs: "login"},
	{Prefix: "nerdctl", Separate: "p", Needs: "login"},
	{Prefix: "buildah", Separate: "p", Needs: "login"},
	{Prefix: "helm", Separate: "p", Needs: "login"},
	{Prefix: "crane", Separate: "p", Needs: "login"},
	{Prefix: "oras", Separate: "p", Needs: "login"},
	{Prefix: "skopeo"},
	{Prefix: "oc", Separate: "p", Needs: "login"},
	{Prefix: "cf", Separate: "p", Needs: "login"},
	{Prefix: "az", Separate: "p", Needs: "login"},
	{Prefix: "aws", Follows: []string{"+"}, Needs: "configure"},
	{Prefix: "mc", Needs: "alias", Last: 1},
	{Prefix: "mc", Needs: "add", Last: 1},
	{Prefix: "glab", Separate: "t", Needs: "login"},
	{Prefix: "gitlab-runner", Separate: "r", Needs: "register"},
	{Prefix: "cargo", Needs: "login", Last: 1},
	{Prefix: "vault", Needs: "login", Last: 1},
	{Prefix: "vault", Needs: "unseal", Last: 1},
	{Prefix: "etcdctl"},
	{Prefix: "twine", Separate: "p"},
	{Prefix: "grafana-cli", Needs: "reset-admin-password", Last: 1},
	{Prefix: "rabbitmqadmin", Separate: "p"},
	{Prefix: "rabbitmqctl", Needs: "add_user", Last: 1},
	{Prefix: "rabbitmqctl", Needs: "change_password", Last: 1},
	{Prefix: "rabbitmqctl", Needs: "authenticate_user", Last: 1},
	{Prefix: "occ", Follows: []string{"+"}},
	{Prefix: "heroku", Follows: []string{"+"}},
	{Prefix: "wrangler", Follows: []string{"+"}},
	{Prefix: "pulumi", Follows: []string{"+"}, Needs: "config"},
	{Prefix: "consul", Needs: "kv", Follows: []string{"+"}},
	{Prefix: "veracrypt", Separate: "p"},
	{Prefix: "sendxmpp", Separate: "p"},
	{Prefix: "upsc"},
	{Prefix: "upscmd", Separate: "p"},
	{Prefix: "upsrw", Separate: "p"},
	{Prefix: "mount.cifs"},
	{Prefix: "iscsiadm", Separate: "v", Needs: "node.session.auth.password"},
}

// ToolTriggers are beginnings of the names of programs by which a scan of a text
// finds commands. Those of two letters would be found everywhere: they are read
// where another trigger stands in their line.
var ToolTriggers = toolNames()

func toolNames() []string {
	var all []string
	seen := make(map[string]bool)
	for _, t := range Tools {
		name := t.Prefix
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
