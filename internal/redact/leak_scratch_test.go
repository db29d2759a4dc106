package redact
import ("testing";"fmt";"bytes";"math/rand";"strings")
func TestScratchLeak(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	const abc = "abcdefghijkABCDEFGHIJK0123456789!#%^*()_+.~?@-,;:=&$/|[]{}<>"
	seen := map[string]int{}
	for i := 0; i < 60000; i++ {
		n := 8 + rnd.Intn(16)
		b := make([]byte, n)
		for j := range b { b[j] = abc[rnd.Intn(len(abc))] }
		s := string(b)
		for f, ps := range settings {
			for _, p := range ps {
				if strings.Contains(p, "://") || f == "xml" && strings.ContainsAny(s, "<>") || rnd.Intn(25) > 0 { continue }
				if (p == "a: {password: %s}\n") { continue }
				if isPlain([]byte(s)) { continue }
				res := sharedRedactor.Text([]byte(fmt.Sprintf(p, s)), Source{Format: f})
				out := strings.ReplaceAll(string(res.Text), Mark, "")
				base := strings.ReplaceAll(p, "%s", "")
				if len(out) > len(base) && !bytes.Equal([]byte(out), []byte(base)) {
					k := f + p; seen[k]++
					if seen[k] <= 4 { t.Errorf("%s %q: %q -> %q", f, p, s, res.Text) }
				}
			}
		}
	}
	t.Log(seen)
}
