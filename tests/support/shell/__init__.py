"""What tests of the chassis share: a domain that is as small as can be, calls, and a source that a test controls."""
