package capture

// WithOwn returns cfg for a capture that keeps what this very process does too:
// for a process that watches and edits at once, as the demo does.
func WithOwn(cfg Config) Config {
	cfg.includeSelf = true
	return cfg
}
