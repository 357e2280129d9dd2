"""The `carbonmarket` command line: one module per noun, each with its commands and the screens they show."""
