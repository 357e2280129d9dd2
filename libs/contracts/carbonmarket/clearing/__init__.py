"""Generated from proto/carbonmarket/clearing by scripts/generate; never edited."""
