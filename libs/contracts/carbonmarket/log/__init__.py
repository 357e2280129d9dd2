"""Generated from proto/carbonmarket/log by scripts/generate; never edited."""
