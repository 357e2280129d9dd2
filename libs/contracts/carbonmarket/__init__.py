"""Generated from proto/carbonmarket by scripts/generate; never edited."""
