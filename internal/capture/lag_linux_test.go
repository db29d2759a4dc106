package capture

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// P7: what one process edited and put back while nobody could look is told, as
// what it is: a change whose text was not read. So is what it made and removed.
func TestRevertedWithinTheLag(t *testing.T) {
	for _, a := range []struct {
		name, command string
		want          []string
	}{
		{"edit and revert", "echo evil > a.conf; sleep .3; printf one > a.conf", []string{"modify a.conf [unread]", "modify a.conf one"}},
		{"edit and revert by rename", "echo evil > n; mv n a.conf; sleep .3; printf one > n; mv n a.conf", []string{"modify a.conf [unread]", "rename a.conf from n one"}},
		{"make and remove", "echo evil > b.conf; sleep .3; exec rm b.conf", []string{"create b.conf [unread]", "delete b.conf"}},
		{"benign twin: a temporary file", "sed -i s/one/two/ a.conf", []string{"modify a.conf two"}},
		{"benign twin: a file that is read", "cat a.conf", nil},
	} {
		t.Run(a.name, func(t *testing.T) {
			c := newCaged(t, time.Minute)
			held := make(chan struct{})
			c.shares.of(0).in.Post(func() { <-held })
			run(t, c.dir, "sh", "-c", a.command+" && sleep .3")
			close(held)
			if diff := cmp.Diff(a.want, inOrder(c.settledConf())); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}

// inOrder writes observations down without their actors.
func inOrder(obs []Observation) (told []string) {
	for _, o := range obs {
		o.Who = nil
		told = append(told, line(o))
	}
	return told
}

// settledConf is settled of the subjects *.conf.
func (c *caged) settledConf() (got []Observation) {
	for _, o := range c.settled(c.dir) {
		if isConf(o.Path) {
			got = append(got, o)
		}
	}
	return got
}

// Benign twin: the same text written again, while somebody looks.
func TestSameTextWithoutLag(t *testing.T) {
	c := newCaged(t, time.Minute)
	run(t, c.dir, "sh", "-c", "printf one > a.conf")
	if got := c.settledConf(); len(got) > 0 {
		t.Errorf("told %s", show(got))
	}
}

// What is read late has an interval and not the moment of reading; what is read in
// time has none.
func TestReadLate(t *testing.T) {
	c := newCaged(t, time.Minute)
	held := make(chan struct{})
	c.actors.hold.Store(&held)
	c.eventually("the reader is held up", c.actors.held.Load) // by a canary
	before := time.Now()
	run(t, c.dir, "sh", "-c", "echo two > a.conf")
	after := time.Now()
	time.AfterFunc(lagTold+lagTold/2, func() { c.actors.hold.Store(nil); close(held) })
	o := c.next(1)[0]
	if o.Since.IsZero() || o.Since.After(after) || o.Since.Before(before.Add(-lagTold)) || o.Time.Sub(after) < lagTold/2 {
		t.Errorf("between %s and %s; it happened between %s and %s", o.Since, o.Time, before, after)
	}
	run(t, c.dir, "sh", "-c", "echo three > a.conf")
	if o := c.next(1)[0]; !o.Since.IsZero() {
		t.Errorf("read in time, and told to be of %s to %s", o.Since, o.Time)
	}
}
