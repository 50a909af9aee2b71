"""Small faults put into the knowledge, and whether a case finds them."""
