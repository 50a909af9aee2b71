"""What is proved of a release: over every combination of facts that any rule reads, not over a sample."""
