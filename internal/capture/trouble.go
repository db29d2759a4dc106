package capture

// Trouble is something wrong with the capture itself, or no longer wrong.
type Trouble struct {
	Kind   TroubleKind
	Layer  string // Lost: which one, of the kernel's means or of ours
	Detail string
	Over   bool
}

// TroubleKind is what can be wrong.
type TroubleKind int

// The kinds of trouble.
const (
	Churn TroubleKind = iota // a user changes more than can be followed
	Late                     // notifications are read late; nothing is lost by that
	Lost                     // a layer of capture is missing
)
