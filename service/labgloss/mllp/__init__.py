"""HL7 v2 over MLLP: listens for messages, asks the gRPC service, keeps each answer on disk before it acknowledges."""
