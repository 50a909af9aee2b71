"""HL7 v2 ORU^R01: messages to panels of the API and reports to answers. Pure: bytes and messages in, the same out."""
