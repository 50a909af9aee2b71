"""What is kept of each call, for those who must prove, count or follow it: records, metrics, spans. No patient data."""
