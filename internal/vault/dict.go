package vault

import "github.com/klauspost/compress/s2"

// bodyDict1 is what a compressed body may refer to: bodies as they usually
// look, the most usual last. It is part of the format of stored bodies: it never
// changes, a better one gets the next number.
const bodyDict1 = `{"code":"","detail":"","last_seen":"","reached":"","host":{"machine":"","name":"","os":"linux"},` +
	`"import":{"file":"","first":0,"rows":1000},"claimed":{"author_time":"20","commit":"","repository":"","time":"20` +
	`{"learnt":"explain","reason":"","ticket":"","learnt":"git","reason":"Merge pull request #","learnt":"run","reason":"update ` +
	`{"confidence":"imported","layer":"import","version":"0.{"confidence":"unknown","detail":"","layer":"scan","signals":["` +
	`{"confidence":"likely","layer":"fanotify","set":{"id":"2026-","of":2,"part":1},"version":"0.` +
	`{"confidence":"certain","layer":"fanotify","version":"0.` +
	`{"author":"","claimed":true,"user":"{"exe":"/usr/lib/systemd/systemd","pid":1}],"command":["/usr/bin/python3","ansible","puppet","agent",` +
	`"container":"","euid":0,"session":{"address":"10.0.0.","id":"","kind":"ssh"},"kind":"cron","kind":"console","kind":"service",` +
	`{"ancestors":[{"command":["-bash"],"exe":"/usr/bin/bash","pid":,"uid":1000},{"command":["sshd: ],"exe":"/usr/sbin/sshd","pid":` +
	`,{"command":["sudo","vim","/etc/"],"exe":"/usr/bin/sudo","pid":,"uid":0}],"command":["sed","-i","/usr/bin/vim","/etc/"],"exe":"/usr/bin/dpkg",` +
	`"gid":0,"login_uid":1000,"login_user":"","pid":,"started":"2026-","tty":"pts/0","uid":0,"unit":"user@1000.service","user":"root"}` +
	`{"action":"attributes","{"action":"rename","from":"/etc/","{"action":"baseline","after":"","{"action":"delete","agent":"` +
	`"host":"","format":"ini","format":"json","format":"toml","format":"conf","marks":["invalid","redacted","torn","unparsed"],"mode":"0640",` +
	`"observed":2,"secrets":["","owner":{"gid":0,"group":"root","uid":0,"user":"root"},"path":"/etc/prometheus/prometheus.yml",` +
	`"path":"/etc/telegraf/telegraf.d/","path":"/etc/audit/rules.d/","path":"/etc/nagios/nrpe.d/","path":"modules/files/templates/manifests/` +
	`{"action":"create","after":"=","agent":"` +
	`{"action":"modify","after":"=","agent":"telegraf","before":{"entry":"=","what":0},"format":"yaml","mode":"0644",` +
	`"owner":{"gid":0,"group":"root","uid":0,"user":"root"},"path":"/etc/","size":,"time":"2026-01-01T00:00:00.000000000Z"}`

// The dictionary is prepared once and never changed.
var bodyDict = s2.MakeDict([]byte(bodyDict1), nil)
