"""Generated from proto/carbonmarket/access by scripts/generate; never edited."""
