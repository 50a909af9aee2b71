/**
 * Asks a labgloss service to explain laboratory panels.
 *
 *     const client = new Client("127.0.0.1:50051");
 *     const report = await client.interpret({ results: [{ analyte: "magnesium", value: "0.41", unit: "mmol/L" }] });
 *
 * Panels and reports are the messages of `labgloss.v1`; every field is commented in `proto/labgloss/v1`.
 */
export { Client, type Bounds, type BundleInit, type PanelInit, type StreamOptions } from "./client.js";
export { isLoopback, tokenFile, type ClientOptions, type Tls } from "./connection.js";
export { LabglossError, type Detail, type Violation } from "./errors.js";
export { Code } from "@connectrpc/connect";
export * from "./gen/labgloss/v1/error_reason_pb.js";
export * from "./gen/labgloss/v1/fhir_pb.js";
export * from "./gen/labgloss/v1/interpretation_pb.js";
export * from "./gen/labgloss/v1/knowledge_pb.js";
export * from "./gen/labgloss/v1/panel_pb.js";
export * from "./gen/labgloss/v1/report_pb.js";
