package bpf

import (
	"os/exec"
	"testing"
)

func TestTry(t *testing.T) {
	p, err := Open(0)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	defer p.Close()
	exec.Command("/bin/true", "a", "b").Run()
	p.Drain(func(r *Record) { t.Logf("%+v %s", r, r.Args) })
	t.Log(p.Check())
	t.Log(p.Lost())
}
