"""FHIR R4 Bundles: read into the canonical request, and the report written as resources."""
