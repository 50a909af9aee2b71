"""Panel files: read, sent, compared with the reports, and the reports written for people."""
