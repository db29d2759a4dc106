package doors

import "testing"

func TestKind(t *testing.T) {
	root, jane := uint32(0), uint32(1000)
	for _, c := range []struct {
		exe  string
		uid  *uint32
		want string
	}{
		{"/usr/sbin/sshd", &root, SSH},
		{"/usr/lib/openssh/sshd-session", &root, SSH},
		{"/usr/sbin/cron", &root, Cron},
		{"/bin/login", &root, Console},
		{"/usr/sbin/sshd", &jane, ""}, // the end of it that has become hers
		{"/usr/sbin/sshd", nil, ""},
		{"/home/jane/sshd", &root, ""},
		{"/tmp/usr/sbin/cron", &root, ""},
		{"cron", &root, ""},
		{"/usr/local/sbin/dropbear", &root, SSH},
		{"/nix/store/abc-openssh/bin/sshd", &root, SSH},
		{"/usr/sbin/cron (deleted)", &root, Cron},
		{"/opt/cron", &root, ""},
		{"/usr/bin/bash", &root, ""},
		{"", &root, ""},
	} {
		if got := Kind(c.exe, c.uid); got != c.want {
			t.Errorf("%s: %q, want %q", c.exe, got, c.want)
		}
	}
}
