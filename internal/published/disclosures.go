package published

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
)

// maxLine bounds a line of disclosures: a text of 16 MiB in base64 fits.
const maxLine = 32 << 20

// disclosures is a file of disclosures, indexed by the entry they open. What they
// say is read again when it is asked for.
type disclosures struct {
	file       *os.File
	at         map[place][]span
	passedOver []int // numbers of lines that are none
}

// place is the source and seq of an entry.
type place struct {
	source entry.Source
	seq    uint64
}

// span is where a line stands in the file.
type span struct {
	from int64
	size int
}

func openDisclosures(path string) (*disclosures, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open disclosures: %w", err)
	}
	d := &disclosures{file: f, at: make(map[place][]span)}
	if err := d.index(); err != nil {
		return nil, errors.Join(fmt.Errorf("read disclosures: %w", err), f.Close())
	}
	return d, nil
}

// Close closes the file.
func (d *disclosures) Close() error { return d.file.Close() }

// index reads the file once.
func (d *disclosures) index() error {
	r := bufio.NewReaderSize(d.file, 1<<20)
	var line []byte
	for number, from := 1, int64(0); ; number++ {
		size, err := readLine(r, &line)
		if size == 0 && err == io.EOF {
			return nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		var made seal.Disclosure
		if size > maxLine || made.UnmarshalJSON(line) != nil {
			d.passedOver = append(d.passedOver, number)
		} else {
			p := place{made.Source, made.Seq}
			d.at[p] = append(d.at[p], span{from, size})
		}
		from += int64(size)
	}
}

// readLine reads a line with its end, into the memory of line. Of one that is too
// long only its size is of use.
func readLine(r *bufio.Reader, line *[]byte) (size int, err error) {
	*line = (*line)[:0]
	for {
		part, err := r.ReadSlice('\n')
		if size += len(part); size <= maxLine {
			*line = append(*line, part...)
		}
		if err != bufio.ErrBufferFull {
			return size, err
		}
	}
}

// of returns what there is for an entry. It is called from several goroutines.
func (d *disclosures) of(_ uint64, e *entry.Entry) ([]seal.Disclosure, error) {
	var list []seal.Disclosure
	for _, s := range d.at[place{e.Source, e.Seq}] {
		line := make([]byte, s.size)
		if _, err := d.file.ReadAt(line, s.from); err != nil {
			return nil, fmt.Errorf("read disclosures again: %w", err)
		}
		var made seal.Disclosure
		if err := made.UnmarshalJSON(line); err != nil {
			return nil, fmt.Errorf("read disclosures again: %w", err)
		}
		list = append(list, made)
	}
	return list, nil
}
