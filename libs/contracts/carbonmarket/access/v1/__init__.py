"""Generated from proto/carbonmarket/access/v1 by scripts/generate; never edited."""
