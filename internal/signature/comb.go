package signature

import (
	"sync"

	"filippo.io/edwards25519"
)

// A scalar is read as the teeth of a comb: tooth t has the bits from t·columns
// on. One column of the comb, a bit of each tooth, picks a multiple from a table
// of all sums of teeth; going from column to column doubles. 253 bits take 50
// doublings in place of 252.
const (
	scalarBits = 253
	keyTeeth   = 5
	baseTeeth  = 8
)

// multiples is a point times every number whose bits stand where teeth begin.
type multiples struct {
	columns int
	sums    []*edwards25519.Point // by the teeth in it; the first, of none, is not used
}

func multiplesOf(p *edwards25519.Point, teeth int) *multiples {
	m := &multiples{columns: (scalarBits + teeth - 1) / teeth, sums: make([]*edwards25519.Point, 1<<teeth)}
	points := make([]edwards25519.Point, 1<<teeth) // together, to be found quickly
	tooth := new(edwards25519.Point).Set(p)
	for i := 1; i < len(points); i++ {
		m.sums[i] = &points[i]
		if rest := i & (i - 1); rest != 0 {
			points[i].Add(&points[rest], &points[i^rest])
			continue
		}
		if i > 1 {
			for range m.columns {
				tooth.Double(tooth)
			}
		}
		points[i].Set(tooth)
	}
	return m
}

// at is the multiple that a column of the comb picks, nil for none.
func (m *multiples) at(scalar *[32]byte, column int) *edwards25519.Point {
	pick := 0
	for bit, tooth := column, 0; bit < 256; bit, tooth = bit+m.columns, tooth+1 {
		pick |= int(scalar[bit/8]>>(bit%8)&1) << tooth
	}
	return m.sums[pick]
}

// ofBase are the multiples of the base point, which every signature needs.
var ofBase = sync.OnceValue(func() *multiples { return multiplesOf(edwards25519.NewGeneratorPoint(), baseTeeth) })

// sum is [s]B + [k]P, for the point that m has the multiples of.
func sum(s, k *edwards25519.Scalar, m *multiples) *edwards25519.Point {
	base := ofBase()
	sBits, kBits := [32]byte(s.Bytes()), [32]byte(k.Bytes())
	p := edwards25519.NewIdentityPoint()
	for column := max(m.columns, base.columns) - 1; column >= 0; column-- {
		p.Double(p)
		if column < m.columns {
			add(p, m.at(&kBits, column))
		}
		if column < base.columns {
			add(p, base.at(&sBits, column))
		}
	}
	return p
}

func add(p, q *edwards25519.Point) {
	if q != nil {
		p.Add(p, q)
	}
}
