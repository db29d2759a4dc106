package actor

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/stele-log/stele/body"
)

// accounts knows the names in /etc/passwd, read anew when the file changes. It
// asks no directory service: that could block, and take the word of a network.
type accounts struct {
	file  string
	mtime time.Time
	names map[uint32]string
}

func newAccounts(etc string) *accounts {
	return &accounts{file: filepath.Join(etc, "passwd")}
}

// user is the name of uid, or nothing.
func (a *accounts) user(uid uint32) string {
	fi, err := os.Stat(a.file)
	if err != nil {
		return a.names[uid]
	}
	if !fi.ModTime().Equal(a.mtime) {
		if b, err := os.ReadFile(a.file); err == nil {
			a.names, a.mtime = parsePasswd(string(b)), fi.ModTime()
		}
	}
	return a.names[uid]
}

// parsePasswd reads passwd(5); of two names for a number the first counts.
func parsePasswd(text string) map[uint32]string {
	names := map[uint32]string{}
	for line := range strings.Lines(text) {
		f := strings.Split(line, ":")
		if len(f) < 3 {
			continue
		}
		uid, err := strconv.ParseUint(f[2], 10, 32)
		if _, taken := names[uint32(uid)]; err == nil && !taken {
			names[uint32(uid)] = f[0]
		}
	}
	return names
}

// above are ancestors as they are recorded: those of another user than the process
// itself with that user's name.
func (a *accounts) above(chain []ancestor, uid uint32) []body.Process {
	var list []body.Process
	for _, p := range chain {
		if p.UID != nil && *p.UID != uid {
			p.User = a.user(*p.UID)
		}
		list = append(list, p.Process)
	}
	return list
}
