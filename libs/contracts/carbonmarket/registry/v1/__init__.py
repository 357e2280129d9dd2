"""Generated from proto/carbonmarket/registry/v1 by scripts/generate; never edited."""
