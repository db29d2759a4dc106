package command

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMasks: the parts of a line that are secret, where they stand in it.
func TestMasks(t *testing.T) {
	for line, want := range map[string][]string{
		"mysql -u root -pmarigold db":                      {"marigold"},
		"mysql -p'fern osprey' db":                         {"fern osprey"},
		`"redis-cli", "-a", "thimble", "ping"`:             {"thimble"},
		"/usr/bin/curl -u bob:juniper https://x.example/":  {"juniper"},
		"x --user bob:walnut --token pebble --verbose":     {"walnut", "pebble"},
		"sqlplus scott/saffron@db":                         {"saffron"},
		"htpasswd -b /f bob bramble":                       {"bramble"},
		"openssl rsa -in k -passout pass:otter":            {"pass:otter"},
		"docker run -p 8080:80 x":                          nil,
		"x --password --verbose":                           nil,
		"x --password $PASSWORD":                           nil,
		"sshpass -p cinder \\\n ssh h":                     {"cinder"},
		"net use z: //h/share velvet /user:bob":            {"velvet"},
		"aws configure set aws_secret_access_key dormouse": {"dormouse"},
	} {
		const before = 7 // where the line stands
		ws := Split([]byte(line), before)
		masks := Masks(ws)
		var got []string
		for i, w := range ws {
			if m := masks[i]; m != nil {
				got = append(got, line[w.Start-before+m.Start:w.Start-before+m.End])
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	}
}

func TestIsOption(t *testing.T) {
	for word, want := range map[string]bool{
		"-p": true, "--pass=x": true, "--a-b": true, "-p'x'": true,
		"": false, "-": false, "--": false, "---x": false, "-1": false, "p": false, "-a.b/c": false,
	} {
		if got := IsOption([]byte(word)); got != want {
			t.Errorf("%q: %v", word, got)
		}
	}
}
