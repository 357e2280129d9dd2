"""Generated from proto/carbonmarket/registry by scripts/generate; never edited."""
