package watcher

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/stop"
)

// Behind systemd stands the one systemctl that waits for an end of this service, or
// nobody; what anybody calls systemctl is none.
func TestCallerOfSystemd(t *testing.T) {
	for _, c := range []struct {
		name  string
		procs map[int]string // exe, then arguments; from 1000 on they are a user's
		want  int
	}{
		{"nobody", map[int]string{10: "/usr/bin/sleep 60"}, 0},
		{"stop", map[int]string{10: "/usr/bin/systemctl stop stele-watch", 11: "/usr/bin/sleep 60"}, 10},
		{"restart with an option", map[int]string{12: "/usr/bin/systemctl --no-block restart stele-watch.service"}, 12},
		{"reboot", map[int]string{13: "/bin/systemctl reboot"}, 13},
		{"another service at the same time", map[int]string{10: "/usr/bin/systemctl stop cron", 11: "/usr/bin/systemctl stop stele-watch"}, 11},
		{"two of the kind", map[int]string{10: "/usr/bin/systemctl stop stele-watch", 11: "/usr/bin/systemctl restart stele-watch"}, 0},
		{"status", map[int]string{10: "/usr/bin/systemctl status stele-watch"}, 0},
		{"a user's", map[int]string{1010: "/usr/bin/systemctl stop stele-watch"}, 1010},
		{"a user's that waits, and root's", map[int]string{1010: "/usr/bin/systemctl stop stele-watch", 11: "/usr/bin/systemctl stop stele-watch"}, 11},
		{"a user's that waits, and a reboot", map[int]string{1010: "/usr/bin/systemctl stop stele-watch", 11: "/usr/bin/systemctl reboot"}, 0},
		{"a user's of another service, and a reboot", map[int]string{1010: "/usr/bin/systemctl stop cron", 11: "/usr/bin/systemctl reboot"}, 11},
		{"a program that is called so", map[int]string{10: "/home/eve/systemctl stop stele-watch"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			proc := t.TempDir()
			for pid, text := range c.procs {
				args := strings.Fields(text)
				dir := filepath.Join(proc, strconv.Itoa(pid))
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(args[0], dir+"/exe"); err != nil {
					t.Fatal(err)
				}
				status := fmt.Sprintf("Name:\tsystemctl\nUid:\t%d\t%[1]d\t%[1]d\t%[1]d\nGid:\t0\n", pid/1000*1000)
				if err := os.WriteFile(dir+"/status", []byte(status), 0o644); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(dir+"/cmdline", []byte(strings.Join(args, "\x00")+"\x00"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got := callerOfSystemd(proc); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

// Who sent a signal is described as far as he lives and is whom the kernel named;
// else his number and user stand alone, and those are certain.
func TestSenderOf(t *testing.T) {
	uid := uint32(os.Getuid())
	if by := senderOf(&stop.Signal{PID: os.Getpid(), UID: uid}); by.Who == nil || by.Who.Exe == "" || by.Confidence != body.Likely {
		t.Errorf("this process: %+v", by)
	}
	if by := senderOf(&stop.Signal{PID: os.Getpid(), UID: uid + 1}); by.Who == nil || by.Who.Exe != "" || *by.Who.UID != uid+1 || by.Confidence != body.Certain {
		t.Errorf("a process of another user that had this number: %+v", by)
	}
	if by := senderOf(&stop.Signal{}); by.Who != nil {
		t.Errorf("the kernel: %+v", by)
	}
}
