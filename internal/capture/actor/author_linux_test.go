package actor

import (
	"slices"
	"testing"

	"github.com/stele-log/stele/internal/capture/bpf"
)

// Who made a file what it is: times stand for processes.
func TestAuthorOf(t *testing.T) {
	touched := func(ns ...int64) (all []bpf.Touch) {
		for _, n := range ns {
			all = append(all, bpf.Touch{PID: int(n), CtimeNs: n})
		}
		return all
	}
	from := func(parent uint64, ns ...int64) []bpf.Touch {
		all := touched(ns...)
		all[0].Parent = parent
		return all
	}
	tick := []bpf.Touch{{PID: 2, CtimeNs: 5}, {PID: 1, CtimeNs: 5}}
	for name, c := range map[string]struct {
		file    File
		touches []bpf.Touch
		pid     int
		sure    bool
	}{
		"nobody":                         {File{CtimeNs: 5, MtimeNs: 5}, nil, 0, false},
		"one":                            {File{CtimeNs: 5, MtimeNs: 5}, touched(5), 5, true},
		"with times of an archive":       {File{CtimeNs: 5, MtimeNs: 1}, touched(5), 5, true},
		"another changed the mode":       {File{CtimeNs: 7, MtimeNs: 5}, touched(7, 5), 5, false},
		"another changed it in the tick": {File{CtimeNs: 5, MtimeNs: 5}, tick, 1, false},
		"another wrote more":             {File{CtimeNs: 7, MtimeNs: 7}, touched(7, 5), 7, false},
		"it was changed since":           {File{CtimeNs: 5, MtimeNs: 5}, touched(9, 5), 5, true},
		"a change was not told of":       {File{CtimeNs: 8, MtimeNs: 5}, touched(5), 0, false},
		"the number was another's":       {File{CtimeNs: 5, MtimeNs: 5, Since: 5}, touched(5, 3), 5, true},
		"changed since it was known":     {File{CtimeNs: 7, MtimeNs: 5, Since: 6}, touched(7, 5), 7, true},
		"brought by another":             {File{CtimeNs: 7, MtimeNs: 5, Parent: 1}, from(2, 7, 5), 7, true},
		"written where it is":            {File{CtimeNs: 7, MtimeNs: 5, Parent: 2}, from(2, 7, 5), 5, false},
		"gone":                           {File{CtimeNs: 5, MtimeNs: 5, Gone: true}, touched(9, 5), 9, false},
		"gone, and nobody touched it":    {File{CtimeNs: 5, MtimeNs: 5, Gone: true}, touched(5), 0, false},
		"gone, and nobody is remembered": {File{CtimeNs: 5, MtimeNs: 5, Gone: true}, nil, 0, false},
	} {
		if by, sure := c.file.author(slices.Clone(c.touches), true); by.PID != c.pid || sure != c.sure {
			t.Errorf("%s: %d, sure %v; want %d, %v", name, by.PID, sure, c.pid, c.sure)
		}
	}
}

// The kernel's record of a file may have been forgotten meanwhile, and begun anew with
// somebody who only changed its mode: it is sure where the record goes back far enough.
func TestAuthorOfForgotten(t *testing.T) {
	one, two := []bpf.Touch{{PID: 7, CtimeNs: 7}}, []bpf.Touch{{PID: 7, CtimeNs: 7}, {PID: 5, CtimeNs: 5}}
	brought := []bpf.Touch{{PID: 7, CtimeNs: 7, Parent: 2}}
	for name, c := range map[string]struct {
		file    File
		touches []bpf.Touch
		whole   bool
		sure    bool
	}{
		"all who touched it":                 {File{CtimeNs: 7, MtimeNs: 7}, one, true, true},
		"another may have written it":        {File{CtimeNs: 7, MtimeNs: 5}, one, false, false},
		"it seems to have written it":        {File{CtimeNs: 7, MtimeNs: 7}, one, false, false},
		"known before, another may have":     {File{CtimeNs: 7, MtimeNs: 5, Since: 6}, one, false, false},
		"known before, back to then":         {File{CtimeNs: 7, MtimeNs: 5, Since: 6}, two, false, true},
		"brought here":                       {File{CtimeNs: 7, MtimeNs: 5, Parent: 1, Links: 1}, brought, false, true},
		"in the directory of its other name": {File{CtimeNs: 7, MtimeNs: 5, Parent: 1, Links: 2}, brought, true, false},
	} {
		if by, sure := c.file.author(slices.Clone(c.touches), c.whole); by.PID != 7 || sure != c.sure {
			t.Errorf("%s: %d, sure %v; want 7, %v", name, by.PID, sure, c.sure)
		}
	}
}
