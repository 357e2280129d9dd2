"""Generated from proto/carbonmarket/trading by scripts/generate; never edited."""
