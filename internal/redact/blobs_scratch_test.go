package redact

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"
)

func TestScratchBlobs(t *testing.T) {
	type info struct{ f, p string }
	seen := map[string]info{}
	file, err := os.Open("/tmp/d/changes.ndjson")
	if err != nil {
		t.Skip()
	}
	sc := bufio.NewScanner(file)
	sc.Buffer(nil, 1<<24)
	for sc.Scan() {
		var d struct {
			Path, Format string
			After        *string `json:"after_sha256"`
			Before       *string `json:"before_sha256"`
		}
		if json.Unmarshal(sc.Bytes(), &d) != nil {
			continue
		}
		for _, h := range []*string{d.After, d.Before} {
			if h != nil {
				seen[*h] = info{d.Format, d.Path}
			}
		}
	}
	r := New(Config{})
	out, _ := os.Create("/tmp/h/redact_blobs.txt")
	defer out.Close()
	w := bufio.NewWriter(out)
	defer w.Flush()
	changed, n, total, unp := 0, 0, 0, 0
	perf := map[string]int{}
	var dur, worst time.Duration
	var worstP string
	for h, i := range seen {
		b, err := os.ReadFile("/tmp/d/blobs/blobs/" + h[:2] + "/" + h)
		if err != nil {
			continue
		}
		n++
		total += len(b)
		t0 := time.Now()
		res := r.Text(b, Source{Format: i.f})
		d := time.Since(t0)
		dur += d
		if d > worst {
			worst = d
			worstP = fmt.Sprint(i, len(b))
		}
		if res.Unparsed {
			unp++
		}
		if len(res.Spans) > 0 {
			changed++
			perf[i.f]++
			for _, s := range res.Spans {
				ls := bytes.LastIndexByte(b[:s.Start], '\n') + 1
				le := bytes.IndexByte(b[s.End:], '\n')
				if le < 0 {
					le = len(b) - s.End
				}
				fmt.Fprintf(w, "%s\t%s\t%q\t%q\n", i.f, i.p, b[s.Start:min(s.End, s.Start+100)], b[max(ls, s.Start-100):min(s.End+le, s.End+60)])
			}
		}
	}
	t.Logf("%d blobs, %d changed (%.2f%% same), %v, unparsed %d; %d bytes in %v = %.1f MB/s; worst %v %s", n, changed, 100-100*float64(changed)/float64(n), perf, unp, total, dur, float64(total)/1e6/dur.Seconds(), worst, worstP)
}
