"""The server: handlers over one release, and the gRPC adapter around them."""
