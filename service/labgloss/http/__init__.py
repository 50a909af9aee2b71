"""What EHRs and scripts ask over HTTP: CDS Hooks and JSON. A client of the gRPC service, which alone interprets."""
