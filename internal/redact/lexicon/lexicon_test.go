package lexicon

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	n := NewNames()
	for want, names := range map[Suspicion]string{
		Strong: `salt password_salt icesecretread sslPassPhrase passsha256 password DBPassword db_password api-key apiKey passwd2 secret.value Authorization proxy-authorization client_secret smtp.pass`,
		Weak:   `key cookie_b password_board hash`,
		None:   `host password_file token_ttl min_password public_key checksum nopass gpg_key secretName row_key monkey`,
	} {
		for name := range strings.FieldsSeq(names) {
			for range 2 { // judged, and remembered
				if got := n.Class([]byte(name)); got != want {
					t.Errorf("%s: %d, want %d", name, got, want)
				}
			}
		}
	}
}

func TestPath(t *testing.T) {
	n := NewNames()
	for path, want := range map[string]Suspicion{
		"":                       None,
		"a/password":             Strong,
		"basic_auth_users/bob":   Strong,
		"secrets/db":             Likely,
		"jwt/key":                Strong,
		"sort/key":               Weak,
		"secureJsonData/x":       Strong,
		"secrets/namespace":      Weak,
		"external_secrets/db":    Weak,
		"headers/x-board":        Weak,
		"password/value":         Strong,
		"password/length":        None,
		"api_token/board":        Weak,
		"a/b":                    None,
		"imagePullSecrets/board": Weak,
	} {
		names := strings.Split(path, "/")
		if path == "" {
			names = nil
		}
		if got := n.Path(names); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	for name, want := range map[string][2]bool{"passwords": {true, true}, "api_tokens": {true, true}, "min_passwords": {false, true}, "host": {}, "-": {}} {
		is, only := ListName([]string{name})
		if got := [2]bool{is, only}; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		judge    func([]byte) bool
		name     string
		yes, not []string
	}{
		{
			IsPlain, "plain",
			[]string{"", " ", "true", "${A}", "{{ a }}", "/etc/x/pw", "vault:secret/db", "<password>", "changeme_here", "https://a.example/b", "get_secret('db')", "# none", "{", Mark, "Bearer ${T}"},
			[]string{"hunter2", "${A:-hunter2}", "{{ a | default('hunter2') }}", "pa$word", "/Qx7Kd93mVt2LpZ8w", "Tiger$4377"},
		},
		{
			LooksRandom, "random",
			[]string{"9f86d081884c7d659a2feaa0c55ad015", "ghp_4FBhju4brKKjrOzruofEmxJqJdjea5WtQfal"},
			[]string{"short1A", "deployment.environment", "4da058a7-27ac-3b97-baef-a52219195f33", "sha256:9f86d081884c7d659a2feaa0c55ad015", "123456789012"},
		},
		{LooksChosen, "chosen", []string{"Ginger#3425", "Hunter2x", "monit77!"}, []string{"monit77", "hunter", "a b C 1 2", "x1", "name-of-host"}},
		{IsUUID, "UUID", []string{"4da058a7-27ac-3b97-baef-a52219195f33"}, []string{"", "4da058a7-27ac-3b97-baef-a52219195f3", "4da058a7+27ac-3b97-baef-a52219195f33"}},
		{IsScheme, "scheme", []string{"Bearer", "basic"}, []string{"", "bearers"}},
		{IsReference, "reference", []string{"vault:kv/x", "!Vault |", "env:DB_PW", "var.db_password", "vault:secret/data/db#pw"}, []string{"vault:", "password", "vault:x", "vault.2024pass", "local.admin1", "file:hunter2", "node[1]"}},
	} {
		for _, v := range c.yes {
			if !c.judge([]byte(v)) {
				t.Errorf("%q is not %s", v, c.name)
			}
		}
		for _, v := range c.not {
			if c.judge([]byte(v)) {
				t.Errorf("%q is %s", v, c.name)
			}
		}
	}
	if n := SchemeLen([]byte("Bearer  abc")); n != len("Bearer  ") {
		t.Errorf("a scheme of %d bytes", n)
	}
	if n := GuardedHost([]byte("Hooks.Slack.com/services/T1")); n != len("hooks.slack.com/services/") {
		t.Errorf("a guarded host of %d bytes", n)
	}
}

func TestIsAccessKeyID(t *testing.T) {
	for v, want := range map[string]bool{"AKIAIOSFODNN7EXAMPLE": true, "ASIAIOSFODNN7EXAMPLE": true, "AKIAIOSFODNN7EXAMPL": false, "AKIAIOSFODNN7example": false, "AGPAIOSFODNN7EXAMPLE": false, "": false} {
		if IsAccessKeyID([]byte(v)) != want {
			t.Errorf("%q names an access key: %v", v, !want)
		}
	}
}

// FuzzJudge finds values that no judgement can be passed on.
func FuzzJudge(f *testing.F) {
	f.Add([]byte("${a:-b}"))
	f.Add([]byte("{{ a | default('b') }}"))
	f.Add([]byte("$x"))
	f.Fuzz(func(t *testing.T, v []byte) {
		if rest, any := StripReferences(v); !any && string(rest) != string(v) {
			t.Errorf("%q without references is %q", v, rest)
		}
		if n := SchemeLen(v); n > len(v) {
			t.Errorf("%q: a scheme of %d bytes", v, n)
		}
		if n := GuardedHost(v); n > len(v) {
			t.Errorf("%q: a host of %d bytes", v, n)
		}
		IsPlain(v)
		LooksChosen(v)
		if c := NewNames().Class(v); c > Strong {
			t.Errorf("%q: %d", v, c)
		}
		NewNames().Path([]string{string(v), string(v)})
	})
}
