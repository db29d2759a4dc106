package bench

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"
)

var (
	full    = flag.Bool("bench-table", false, "measure in full and print the table")
	entries = flag.Int("bench-entries", 0, "entries of the large store (0: 1,000,000 with -bench-table, else 1,000)")
	keep    = flag.String("bench-store", "", "build the large store in this `directory` and leave it there, or measure the one that a run before has built")
)

// sizes says how much is done for each row.
type sizes struct {
	entries int           // of the large store
	fleet   int           // hosts in it
	hosts   int           // of the stores that are only appended to
	known   int           // texts of each file that are stored beforehand
	single  int           // entries with one change
	sets    int           // entries with 100 changes
	machine time.Duration // for each limit of the machine
	repeats int           // of a query; the median is shown

	sources  []int // that send requests at the same time, one row for each
	requests []int // of all of them, row by row
	streams  int   // sources that send on streams
	streamed int   // entries they send
	writes   int   // of a watched file, one after the other
	watched  int   // files of an idle watcher
	idle     time.Duration

	fleetHosts int           // that take part in rollouts
	fleetPace  time.Duration // in which ten minutes of them happen
}

func sized() sizes {
	s := sizes{
		entries: 1_000, fleet: 8, hosts: 4, known: 5, single: 300, sets: 10, machine: 5 * time.Millisecond, repeats: 3,
		sources: []int{1, 4}, requests: []int{8, 40}, streams: 4, streamed: 400, writes: 2, watched: 50, idle: 200 * time.Millisecond,
		fleetHosts: 200, fleetPace: time.Second,
	}
	if *full {
		s = sizes{
			entries: 1_000_000, fleet: 1_000, hosts: 64, known: 50, single: 40_000, sets: 4_000, machine: time.Second, repeats: 5,
			sources: []int{1, 16, 64, 256}, requests: []int{200, 3_200, 6_400, 6_400}, streams: 64, streamed: 20_000, writes: 50, watched: 10_000, idle: 20 * time.Second,
			fleetHosts: 10_000, fleetPace: time.Minute,
		}
	}
	s.entries = cmp.Or(*entries, s.entries)
	return s
}

// TestTable measures every row. Rows can be picked as subtests:
// -run TestTable/append.
func TestTable(t *testing.T) {
	n := sized()
	tab := &table{}
	t.Run("machine", func(t *testing.T) { machine(t, tab, n) })
	t.Run("append", func(t *testing.T) { appendSingle(t, tab, n) })
	t.Run("sets", func(t *testing.T) { appendSets(t, tab, n) })
	t.Run("wire", func(t *testing.T) { overWire(t, tab, n) })
	t.Run("fleet", func(t *testing.T) { rolledOut(t, tab, n) })
	t.Run("large", func(t *testing.T) { large(t, tab, n) })
	if *full {
		if err := tab.print(os.Stdout); err != nil {
			t.Fatal(err)
		}
	}
}

// large builds one store and reads it in every way.
func large(t *testing.T, tab *table, n sizes) {
	s := largeStore(t, tab, n)
	t.Run("verify", func(t *testing.T) { verifyLarge(t, tab, n, s) })
	t.Run("read", func(t *testing.T) { readLarge(t, tab, n, s) })
}

// table is what is printed in the end.
type table struct{ rows []row }

// row is one line of the table.
type row struct {
	what     string
	measured quantity
	cpu      time.Duration // of all cores, for one unit of what is measured; 0: not told
	peer     string        // what it is held against; empty: nothing
	beside   quantity
	aim      aim
	limit    string // what limits it
	detail   string // what else was measured
}

// quantity is something measured. The zero quantity is nothing.
type quantity struct {
	n    float64
	unit string
}

// aim is what a row should reach. The zero aim is none.
type aim struct {
	least float64 // of what is measured
	most  float64 // of what is measured
	ratio float64 // to the peer, at least
	times float64 // to the peer, at most
}

func (t *table) add(r row) { t.rows = append(t.rows, r) }

func (t *table) print(w io.Writer) error {
	fmt.Fprintf(w, "\n%d cores, %s/%s, %s\n", runtime.GOMAXPROCS(0), runtime.GOOS, runtime.GOARCH, runtime.Version())
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "WHAT\tMEASURED\tCPU EACH\tPEER IN THE SAME RUN\tPEER\tRATIO\tAIM\tLIMITED BY\tDETAIL")
	for _, r := range t.rows {
		fmt.Fprintln(tw, strings.Join([]string{r.what, r.measured.String(), r.cpuText(), r.peer, r.beside.String(), r.ratioText(), r.aimText(), r.limit, r.detail}, "\t"))
	}
	return tw.Flush()
}

func (r row) cpuText() string {
	if r.cpu == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f µs", float64(r.cpu)/float64(time.Microsecond))
}

func (r row) ratio() float64 { return r.measured.n / r.beside.n }

func (r row) ratioText() string {
	if r.beside == (quantity{}) {
		return ""
	}
	return fmt.Sprintf("%.2f", r.ratio())
}

func (r row) aimText() string {
	switch a := r.aim; {
	case a.least > 0:
		return "≥ " + quantity{a.least, r.measured.unit}.String() + met(r.measured.n >= a.least)
	case a.most > 0:
		return "≤ " + quantity{a.most, r.measured.unit}.String() + met(r.measured.n <= a.most)
	case a.ratio > 0:
		return fmt.Sprintf("ratio ≥ %.2f", a.ratio) + met(r.ratio() >= a.ratio)
	case a.times > 0:
		return fmt.Sprintf("ratio ≤ %.2f", a.times) + met(r.ratio() <= a.times)
	}
	return ""
}

func met(ok bool) string {
	if ok {
		return ": met"
	}
	return ": missed"
}

// String renders q with its unit, small numbers with a decimal.
func (q quantity) String() string {
	switch {
	case q == quantity{}:
		return ""
	case q.n < 100:
		return fmt.Sprintf("%.1f %s", q.n, q.unit)
	}
	return thousands(int64(q.n+0.5)) + " " + q.unit
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// per is n units in d.
func per(n int, d time.Duration, unit string) quantity {
	return quantity{float64(n) / d.Seconds(), unit + "/s"}
}

// cost is what something took. On a machine with other work to do, cpu says
// more than wall.
type cost struct{ wall, cpu time.Duration }

func (c cost) plus(more cost) cost { return cost{c.wall + more.wall, c.cpu + more.cpu} }

// begin starts the clock; the function it returns reads it.
func begin() func() cost {
	wall, cpu := time.Now(), cpuTime()
	return func() cost { return cost{time.Since(wall), cpuTime() - cpu} }
}

// cpuTime is how long this process has kept processors busy.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // shown as not told
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestPrint(t *testing.T) {
	tab := &table{}
	tab.add(row{what: "alone", measured: quantity{1234567.6, "entries/s"}, cpu: 1500 * time.Nanosecond, aim: aim{least: 2e6}, limit: "nothing"})
	tab.add(row{what: "beside", measured: quantity{30, "ms"}, peer: "other", beside: quantity{60, "ms"}, aim: aim{ratio: 0.5}})
	tab.add(row{what: "slow", measured: quantity{250, "ms"}, aim: aim{most: 200}})
	var b strings.Builder
	if err := tab.print(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	want := []string{
		"alone 1,234,568 entries/s 1.5 µs ≥ 2,000,000 entries/s: missed nothing",
		"beside 30.0 ms other 60.0 ms 0.50 ratio ≥ 0.50: met",
		"slow 250 ms ≤ 200 ms: missed",
	}
	if len(lines) != 2+len(want) {
		t.Fatalf("printed %d lines:\n%s", len(lines), b.String())
	}
	for i, w := range want {
		if got := strings.Join(strings.Fields(lines[2+i]), " "); got != w {
			t.Errorf("line %d:\n got %s\nwant %s", i, got, w)
		}
	}
}
