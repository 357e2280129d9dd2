"""Generated from proto/carbonmarket/clearing/v1 by scripts/generate; never edited."""
