"""What the service knows: TOML files with sources, formed, checked and indexed as one immutable release."""
