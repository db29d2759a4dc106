// Package render puts entries and verdicts into words: lines for a terminal, and
// the objects that --json prints. Recorded text is hostile; whatever is written here
// for people is escaped.
package render
