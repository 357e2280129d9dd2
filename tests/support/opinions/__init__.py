"""Second opinions beside the auditor, on a part each: they share no code with what they check."""
