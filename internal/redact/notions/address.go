package notions

import (
	"bytes"
	"strings"
)

// forges are hosts whose paths are full of digests. Read only.
var forges = []string{"github", "gitlab", "bitbucket", "gitea", "codeberg", "sourceforge", "debian.org", "kernel.org", "docker.io", "quay.io", "ghcr.io", "gravatar", "npmjs", "pypi"}

// IsForge says whether a host serves code, packages or images.
func IsForge(host []byte) bool {
	for _, f := range forges {
		if bytes.Contains(host, []byte(f)) {
			return true
		}
	}
	return false
}

// permitLeads stand in a path before an element that is a permission. Read only.
var permitLeads = setOf(`t token tokens key k secret s hook hooks webhook webhooks auth access passkey apikey api_key a share push ping in ingest input notify uplink invite join feed private p bot collect`)

// IsPermitLead says whether the element of a path behind one of that name is a
// permission.
func IsPermitLead(name string) bool { return permitLeads[strings.ToLower(name)] }

// grants are names in a query whose values are permissions. Read only.
var grants = setOf(`k key sig signature pin code auth token t passkey pass pwd pw secret apikey api_key access_token token_auth authkey sign hmac hash_key sas s h sid session otp ticket uid_token`)

// IsGrant says whether a name in a query is that of a permission.
func IsGrant(name string) bool { return grants[name] }

// digestNames are names in a query whose values look random and open nothing. Read
// only.
var digestNames = setOf(`v ver version rev revision commit sha sha1 sha256 ref id ids uuid hash checksum digest integrity etag build tag branch file name path pubkey public fingerprint branch_name client_id app_id tid`)

// IsDigestName says whether a value of that name in a query opens nothing.
func IsDigestName(name string) bool { return digestNames[name] }

// addressSchemes stand before a colon and are no accounts. Read only.
var addressSchemes = setOf(`mailto sip sips tel xmpp acct http https ssh git ftp sftp email mail to from cc bcc image uses user users host hosts owner author admin contact by maintainer group uid cn dn url uri docker oci ref
	package pkg name label tag version smtp ldap irc file data tcp udp ws wss amqp redis nick`)

// IsScheme says whether a word before a colon is no account.
func IsScheme(w string) bool { return addressSchemes[strings.ToLower(w)] }
