package names

import (
	"slices"
	"testing"

	"github.com/stele-log/stele/internal/capture/fanotify"
)

// What happens to anything that a link leads over or to concerns the link, until it
// leads elsewhere.
func TestWiden(t *testing.T) {
	var b Behind
	if !b.Put("/w/x", []string{"/a/alt", "/b/c/file"}) || !b.Put("/w/y", []string{"/b/c/file"}) || b.Put("/w/y", []string{"/b/c/file"}) {
		t.Error("what is news is not told from what is none")
	}
	links := func(path string, k fanotify.Kind) (links []string) {
		for _, h := range b.Widen([]fanotify.Happening{{Path: path, From: "/from", Kind: k}})[1:] {
			if !h.Behind || h.From != "" || h.Kind != k {
				t.Errorf("%s: %+v", path, h)
			}
			links = append(links, h.Path)
		}
		return links
	}
	for path, want := range map[string][]string{
		"/b/c/file": {"/w/x", "/w/y"}, "/a/alt": {"/w/x"}, "/b/c": {"/w/x", "/w/y"}, "/a": {"/w/x"},
		"/b/c/fil": nil, "/w/x": nil, "/b/c/file/": nil,
	} {
		if got := links(path, fanotify.Directory); !slices.Equal(got, want) || b.Concerns(path) != (want != nil) {
			t.Errorf("%s: %q, concerns %v", path, got, b.Concerns(path))
		}
	}
	b.Put("/w/x", []string{"/d/file"})
	b.Put("/w/y", nil)
	if got := links("/d/file", fanotify.Written); !slices.Equal(got, []string{"/w/x"}) || b.Concerns("/b/c/file") || b.Concerns("/a") || !b.Concerns("/d") || b.Real("/w/x") != "/d/file" || b.Real("/w/y") != "" {
		t.Errorf("after: %q, %+v", got, &b)
	}
	b.Put("/w/x", nil)
	if len(b.ways)+len(b.on)+len(b.above) > 0 {
		t.Errorf("left: %v %v %v", b.ways, b.on, b.above)
	}
}
