"""The wire: messages of labgloss.v1 to the domain and back, errors to statuses. Knows no transport."""
