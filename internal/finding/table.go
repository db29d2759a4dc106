package finding

import (
	"slices"

	"github.com/stele-log/stele/verify"
)

// Who can stand accused beside the parties of a verdict.
const (
	Store  verify.Party = "store"  // files of a store beside the record
	Server verify.Party = "server" // what a host was told by it
	Host   verify.Party = "host"   // the machine that is watched
	Nobody verify.Party = ""
)

// Codes beside those of package verify.
const (
	// Found on a store.
	Damaged       verify.Code = "damaged"
	IndexMismatch verify.Code = "index-mismatch"
	UnsafeStore   verify.Code = "unsafe-store"

	// Found by a server about those who speak with it.
	ClonedKey        verify.Code = "cloned-key"
	Enrolled         verify.Code = "enrolled"
	Flood            verify.Code = "flood"
	RefusedEnrolment verify.Code = "refused-enrolment"
	SilentSource     verify.Code = "silent-source"

	// Found by a server in what is recorded.
	SecretRecorded verify.Code = "secret-recorded"

	// Found by a watcher about its server.
	BadAnswer        verify.Code = "bad-answer"
	BadReceipt       verify.Code = "bad-receipt"
	CannotTell       verify.Code = "cannot-tell"
	MissingInclusion verify.Code = "missing-inclusion"
	NoAnswer         verify.Code = "no-answer"
	NoReceipt        verify.Code = "no-receipt"
	Refused          verify.Code = "refused"

	// Found by a watcher about its own machine.
	CaptureLate  verify.Code = "capture-late"
	CaptureLost  verify.Code = "capture-lost"
	Churn        verify.Code = "churn"
	Drift        verify.Code = "drift"
	SpoolDamaged verify.Code = "spool-damaged"
	SpoolFull    verify.Code = "spool-full"
)

// Kind is what is to be known of a code.
type Kind struct {
	Code     verify.Code
	Accused  verify.Party
	Severity Severity
	Meaning  string // one sentence, without a full stop
	Do       string // what to do next, likewise
}

// Table is every code there is, by finder and then in the order of the checks.
var Table = []struct {
	Finder string
	Kinds  []Kind
}{
	{"A verifier, about the log as a whole", []Kind{
		{verify.BadCheckpoint, verify.TheLog, Critical, "the checkpoint is missing, malformed, of another log, or not signed with the log's key", "read the log from another copy; restore the checkpoint from the archive or a witness"},
		{verify.TreeMismatch, verify.TheLog, Critical, "entries or hashes of the log are not those that its checkpoint commits to", "restore the named file from a backup or the archive; treat the machine that keeps the log as owned"},
		{verify.Shrunk, verify.TheLog, Critical, "the log is shorter than a checkpoint believed before", "find out who put an older copy in place; the newer entries are with whoever believed that checkpoint"},
		{verify.Fork, verify.TheLog, Critical, "the log's key has signed two histories of the same size", "keep both checkpoints: together they prove it; treat the log's key and its operator as owned"},
	}},
	{"A verifier, about an entry the log should not hold", []Kind{
		{verify.Malformed, verify.TheLog, Critical, "a leaf is no entry of this format", "intake refuses such entries: something else wrote to the log"},
		{verify.BadGenesis, verify.TheLog, Critical, "entry 0 is not the beginning of this log, or another entry claims to be", "this is not the log that the key names"},
		{verify.BadKey, verify.TheLog, Critical, "an enrolment brings a key that Ed25519 must not use", "revoke that source; something else than intake wrote to the log"},
		{verify.UnknownKey, verify.TheLog, Critical, "an entry is of a source that no entry before it enrols; or, at a server, a stranger tried to speak", "in a log: something else than intake wrote to it; at a server: enrol the host, or find out who knocks"},
		{verify.BadSignature, verify.TheLog, Critical, "an entry is not signed with the key of its source", "the entry was altered or invented: compare it with what the host keeps"},
		{verify.WrongRole, verify.TheLog, Critical, "a source signed a kind of entry that its role may not sign", "revoke that source; something else than intake wrote to the log"},
		{verify.BadEnrolment, verify.TheLog, Critical, "a source is enrolled a second time by another entry", "something else than intake wrote to the log"},
	}},
	{"A verifier or a server, about what a source signed", []Kind{
		{verify.ForkedSource, verify.TheSource, High, "a source signed two entries with one number: it was rolled back, or its key is used twice", "see whether the host was restored from a snapshot; if not, revoke the source and enrol the host anew"},
		{verify.BadChain, verify.TheSource, High, "an entry does not follow the entry before it of its source", "see whether the host was restored from a snapshot; if not, revoke the source and enrol the host anew"},
		{verify.SequenceGap, verify.TheSource, High, "numbers of a source are missing: entries were dropped or never sent", "look on the host for what its spool still holds, and for who could delete it"},
		{verify.AfterRevoke, verify.TheSource, High, "an entry was signed after its source was revoked", "find out who still has the key"},
		{verify.SawFuture, verify.TheSource, High, "a source has seen a log longer than this one was when the entry came", "either the source lies, or the log was rolled back: verify with the checkpoint that the host keeps"},
		{verify.SawMismatch, verify.TheSource, High, "a source has seen another log of that size", "either the source lies, or the log was forked: verify with the checkpoint that the host keeps"},
		{verify.SawRollback, verify.TheSource, Medium, "a source has seen an older log than in its entry before", "see whether the host was restored from a snapshot"},
		{verify.ClockSkew, verify.TheSource, Medium, "the clock of a source is ahead of the log's", "set the clock of that host; times of its entries are its word alone"},
		{verify.UnknownReference, verify.TheSource, Medium, "an entry names another entry or source that does not stand before it", "ask whoever signed it what was meant"},
	}},
	{"A verifier, about what opens the seals", []Kind{
		{verify.MissingDisclosure, verify.TheVault, Critical, "nothing opens a seal, and no erasure is on the record", "restore the vault and the keyring from a backup of the same age"},
		{verify.SealMismatch, verify.TheVault, Critical, "a disclosure is not what was sealed", "restore the vault from a backup; treat the machine that keeps it as owned"},
		{verify.Unerased, verify.TheVault, High, "what was erased on the record still opens", "erase it again, and remove old copies of the keyring"},
		{verify.MalformedBody, verify.TheSource, Medium, "a source sealed something that is no body of this format", "update that source; the body is shown as bytes only"},
		{verify.BeforeMismatch, verify.TheSource, High, "a change does not name the change before it of the same path", "see whether two sources record that path, or one lies about its past"},
		{verify.BadRollCall, verify.TheSource, High, "a roll call says of a source what its signed heartbeats contradict", "the recorder, or who has its key, hides a silence or invents one"},
	}},
	{"`stele verify`, about a store", []Kind{
		{Damaged, Store, Critical, "a file of the store is not what was written there", "restore the named file from a backup"},
		{IndexMismatch, Store, Critical, "the index says something else than the log", "run `stele admin reindex`; find out who can write to the index"},
		{UnsafeStore, Store, Medium, "the record is true, but a file of the store is foreign, appended to, a link, or open to others", "do what the line says, then verify again"},
		{Drift, Host, High, "a file on disk is not what was recorded of it last", "see whether a watcher runs; `stele log --path` shows the file's history"},
	}},
	{"A server, about those who speak with it", []Kind{
		{ClonedKey, verify.TheSource, High, "two processes speak as one source", "revoke the source and enrol the host anew; find out who copied its key"},
		{Enrolled, Nobody, Info, "a source joined the log", "nothing, if you expected it; else `stele admin revoke`"},
		{Flood, verify.TheSource, Medium, "a source sends more than its share and is made to wait", "look at what changes on that host so often"},
		{RefusedEnrolment, Nobody, Medium, "somebody tried to join with a token that is used, expired, or for another host or role", "see who has the token; issue a new one if it was a mistake"},
		{SilentSource, Host, High, "a source has sent no heartbeat for 70 s or more", "see whether the host, its watcher and its network are up"},
	}},
	{"A server, about what is recorded", []Kind{
		{SecretRecorded, Nobody, High, "texts, commands or reasons hold what the rules of now would mask", "change those secrets where they are used; `stele admin rescan` lists the places"},
	}},
	{"A watcher, about its server", []Kind{
		{BadReceipt, Server, Critical, "the server sent a proof that proves nothing", "keep the host's spool; verify the log from elsewhere"},
		{MissingInclusion, Server, Critical, "the server accepted an entry, and its log does not hold it", "keep the host's spool: it still has the entry; verify the log from elsewhere"},
		{NoReceipt, Server, High, "the server accepted entries and has not proved in time that its log holds them", "see how the server does; the spool keeps the entries"},
		{BadAnswer, Server, High, "the server says of this source's own record what it cannot show", "verify the log from elsewhere"},
		{NoAnswer, Server, Medium, "the server cannot be reached, or takes nothing", "see whether the server runs and can be reached; the spool keeps the entries"},
		{Refused, Server, High, "the server refuses this source or an entry of it", "see `stele admin sources` on the server; the reason is in the detail"},
		{CannotTell, Nobody, Medium, "this machine was too busy, or stopped, to say whether the other side is late: a watcher of its server, a server of its sources", "see what loads or suspends this machine: somebody may hide something behind it"},
	}},
	{"A watcher, about its own machine", []Kind{
		{CaptureLate, Nobody, Medium, "a change that the watcher has made for itself was noticed more than two seconds late; nothing was lost by that, and the times of what was read late are intervals", "see what loads this machine: somebody may hide something behind it"},
		{CaptureLost, Host, High, "a layer of capture was taken away, or a change that the watcher has made for itself did not come through; what can be is set up again, and the time between is a gap", "find out who detached it, took the marks away or stopped the watcher"},
		{Churn, Host, Medium, "one user changes files, or has directories, in watched places in greater numbers than can be followed; others are not held up by it", "look at what that user does there, or watch less of it"},
		{SpoolDamaged, Host, High, "what was kept for the log is not what was put there", "the file is kept beside the spool; find out who wrote to it"},
		{SpoolFull, Host, Medium, "the spool has no room: the latest change of each path is kept in memory and the rest folded into a gap", "see why the server takes nothing, or give the spool more room"},
	}},
}

// Lookup returns what is to be known of a code; of an unknown one, the code
// alone.
func Lookup(code verify.Code) Kind {
	for _, g := range Table {
		if i := slices.IndexFunc(g.Kinds, func(k Kind) bool { return k.Code == code }); i >= 0 {
			return g.Kinds[i]
		}
	}
	return Kind{Code: code}
}
