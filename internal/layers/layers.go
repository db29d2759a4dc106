// Package layers is empty: its test holds the architecture.
package layers
