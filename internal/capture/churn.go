package capture

import "fmt"

// maxDirectories bounds the directories that are watched of one user other than
// root: each costs the kernel and this process memory, and every scan time.
const maxDirectories = 1 << 14

// maxFiles bounds the files that are followed of one user other than root, for the
// same reason.
const maxFiles = 1 << 17

// follows reports whether a path is followed, or there is room for one more of this
// loop's user.
func (l *loop) follows(path string) bool {
	if l.uid == 0 || len(l.recorded)+len(l.pending) < l.most || l.pending[path] != nil {
		return true
	}
	if _, known := l.recorded[path]; known {
		return true
	}
	detail := fmt.Sprintf("user %d has more than %d files in watched places: %s and others are not followed", l.uid, l.most, path)
	if !l.packed {
		l.packed = true
		l.readable(path, errorText(detail))
		l.c.cfg.Tell(Trouble{Kind: Churn, Layer: l.user() + " files", Detail: detail})
	}
	return false
}

// unpacked tells that it is over, once there is room for a part.
func (l *loop) unpacked() {
	if l.packed && len(l.recorded) < l.most-l.most/8 {
		l.packed = false
		l.c.cfg.Tell(Trouble{Kind: Churn, Layer: l.user() + " files", Over: true})
	}
}

// room reports whether one more directory of this loop's user is watched.
func (l *loop) room(dir string) bool {
	if l.uid == 0 || l.dirs < maxDirectories {
		l.dirs++
		return true
	}
	if l.dirs == maxDirectories {
		l.dirs++
		l.crowded(dir)
	}
	return false
}

// crowded: a user has more directories in watched places than are watched.
func (l *loop) crowded(dir string) {
	l.crowd = true
	detail := fmt.Sprintf("user %d has more than %d directories in watched places: those from %s on are not watched", l.uid, maxDirectories, dir)
	l.readable(dir, errorText(detail))
	l.tellCrowd(Trouble{Kind: Churn, Layer: l.user() + " directories", Detail: detail})
}

// roomy tells that it is over, where the last scan met no more and there is room.
func (l *loop) roomy() {
	if l.crowdTold && !l.crowd && l.shares.room(l.uid) {
		l.tellCrowd(Trouble{Kind: Churn, Layer: l.user() + " directories", Over: true})
	}
}

func (l *loop) tellCrowd(t Trouble) {
	if l.crowdTold == t.Over {
		l.crowdTold = !t.Over
		l.c.cfg.Tell(t)
	}
}

// churned: a user changed more than this loop could follow. What stands now is
// found by a scan; what came and went in between was not seen, and that is told.
func (l *loop) churned(missed uint64) {
	l.c.count(func(s *Status) { s.Counters.Churned += missed })
	l.reconcile(causeChurn)
	l.tellGap(l.scan)
	l.tellChurn(fmt.Sprintf("%d notifications about files that user %d keeps came faster than they could be looked at", missed, l.uid))
}

func (l *loop) tellChurn(detail string) {
	l.churning = true
	l.c.cfg.Tell(Trouble{Kind: Churn, Layer: l.user(), Detail: detail})
}

// calm tells that it is over, where the last scan found nothing of the kind.
func (l *loop) calm(before bool) {
	if before && !l.churning {
		l.c.cfg.Tell(Trouble{Kind: Churn, Layer: l.user(), Over: true})
	}
}

func (l *loop) user() string { return fmt.Sprintf("user %d", l.uid) }

type errorText string

func (e errorText) Error() string { return string(e) }
