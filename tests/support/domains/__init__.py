"""A service's domain played in memory, without a shell: what its unit and property tests share."""
