// Package histories is empty: its tests let many watchers and one server live
// through histories that one seed decides, and hold what is recorded at the end
// against what happened.
//
// In a history the watchers are real, with their spools on disk; the server is
// a process of its own that can be killed; they meet over mutual TLS. Only the
// capture is scripted, so that the test knows what each file ever said. The
// network loses, repeats and delays; the server crashes, lies and is put back
// to an older copy of itself; hosts crash, are put back to snapshots, lose their
// spools, run out of room and have wrong clocks.
//
// A history that ends badly names its seed:
//
//	go test ./internal/histories -run TestHistories -seed N
package histories
