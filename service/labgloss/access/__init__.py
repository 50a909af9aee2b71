"""Who may call, and how the way is encrypted: read from a site's files, for every server that answers callers."""
