// Package bench measures what Stele costs, beside what the machine and the
// libraries below can do in the same minute.
//
// It is all in its tests: `make bench` prints one table, and without the flag
// -bench-table a small run of every row keeps the table from rotting. Whatever
// is measured is also checked: every entry accepted, every verdict clean, every
// answer complete. No speed is asserted: a row says what it was aimed at, what
// came of it, and what limits it.
package bench
