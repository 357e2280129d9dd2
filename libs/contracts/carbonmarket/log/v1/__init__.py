"""Generated from proto/carbonmarket/log/v1 by scripts/generate; never edited."""
