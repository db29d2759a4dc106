package patience

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// ready is how long all threads of this process together were ready to run and
// waited for a processor: the second number of schedstat. A thread that has ended
// takes its share with it, so that the sum may fall. Where the kernel does not
// tell it is 0.
func ready() (sum time.Duration) {
	const tasks = "/proc/self/task/"
	dir, err := os.Open(tasks)
	if err != nil {
		return 0
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return 0
	}
	for _, name := range names {
		b, err := os.ReadFile(tasks + name + "/schedstat")
		if fields := bytes.Fields(b); err == nil && len(fields) > 1 {
			n, _ := strconv.ParseInt(string(fields[1]), 10, 64) // 0 where it is no number
			sum += time.Duration(n)
		}
	}
	return sum
}
