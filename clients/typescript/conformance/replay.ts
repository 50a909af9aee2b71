/**
 * Replays exchanges: replay.js TARGET FOLDER [--ca FILE] [--certificate FILE --key FILE] [--token-file FILE]
 * [--timeout-ms N]. Prints a line for each exchange, what differed below it, and ends with 1 when anything did.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";

import {
  create,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
  type DescMessage,
  type JsonValue,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";

import * as labgloss from "../src/index.js";
import { Client, ErrorReason, LabglossError, ViolationReason, tokenFile } from "../src/index.js";

interface Exchange {
  method: string;
  requests: { json: JsonValue; bytes: string }[];
  responses?: { json: JsonValue; bytes?: string }[];
  error?: Record<string, unknown>;
}

/** How the client is asked: what it answered, written as bytes and JSON. */
type Replay = (client: Client, exchange: Exchange) => Promise<string[]>;

function replay<Request extends DescMessage, Response extends DescMessage>(
  request: Request,
  response: Response,
  ask: (client: Client, requests: MessageShape<Request>[]) => Promise<MessageInitShape<Response>[]>,
): Replay {
  return async (client, exchange) => {
    const differences: string[] = [];
    const requests = exchange.requests.map((recorded) => {
      const message = fromBinary(request, Buffer.from(recorded.bytes, "base64"));
      if (encoded(request, fromJson(request, recorded.json)) !== encoded(request, message)) {
        differences.push("request: its JSON is another message than its bytes");
      }
      return message;
    });
    try {
      const responses = await ask(client, requests);
      if (!exchange.responses) return [...differences, "answered, where an error was recorded"];
      if (responses.length !== exchange.responses.length) differences.push("another number of messages was answered");
      exchange.responses.forEach((recorded, index) => {
        const message = create(response, responses[index]);
        differences.push(...messageDifferences(response, message, recorded));
      });
    } catch (error) {
      if (!(error instanceof LabglossError)) throw error;
      differences.push(...errorDifferences(error, exchange.error));
    }
    return differences;
  };
}

const METHODS: Record<string, Replay> = {
  InterpretPanel: replay(
    labgloss.InterpretPanelRequestSchema,
    labgloss.InterpretPanelResponseSchema,
    async (client, [asked]) => [{ report: await client.interpret(asked!.panel!) }],
  ),
  BatchInterpretPanels: replay(
    labgloss.BatchInterpretPanelsRequestSchema,
    labgloss.BatchInterpretPanelsResponseSchema,
    async (client, [asked]) => [{ outcomes: await client.interpretBatch(asked!.panels) }],
  ),
  StreamInterpretPanels: replay(
    labgloss.StreamInterpretPanelsRequestSchema,
    labgloss.StreamInterpretPanelsResponseSchema,
    async (client, asked) => {
      const panels = asked.flatMap((message) => message.panels);
      const outcomes = await all(client.interpretStream(panels, { panelsPerMessage: 2 }));
      return asked.map(({ panels }) => ({ outcomes: outcomes.splice(0, panels.length) }));
    },
  ),
  InterpretBundle: replay(
    labgloss.InterpretBundleRequestSchema,
    labgloss.InterpretBundleResponseSchema,
    async (client, [asked]) => [await client.interpretBundle(asked!)],
  ),
  GetRelease: replay(labgloss.GetReleaseRequestSchema, labgloss.GetReleaseResponseSchema, async (client) => [
    { release: await client.release() },
  ]),
  GetRule: replay(labgloss.GetRuleRequestSchema, labgloss.GetRuleResponseSchema, async (client, [asked]) => [
    { rule: await client.rule(asked!.id) },
  ]),
  ListReferenceIntervals: replay(
    labgloss.ListReferenceIntervalsRequestSchema,
    labgloss.ListReferenceIntervalsResponseSchema,
    async (client, [asked]) => [{ intervals: await all(client.referenceIntervals(asked!)) }],
  ),
  ListAnalytes: replay(labgloss.ListAnalytesRequestSchema, labgloss.ListAnalytesResponseSchema, async (client) => [
    { analytes: await all(client.analytes()) },
  ]),
  ListSymptoms: replay(labgloss.ListSymptomsRequestSchema, labgloss.ListSymptomsResponseSchema, async (client) => [
    { symptoms: await all(client.symptoms()) },
  ]),
  ListSources: replay(labgloss.ListSourcesRequestSchema, labgloss.ListSourcesResponseSchema, async (client) => [
    { sources: await all(client.sources()) },
  ]),
  ListRules: replay(labgloss.ListRulesRequestSchema, labgloss.ListRulesResponseSchema, async (client, [asked]) => [
    { rules: await all(client.rules(asked!)) },
  ]),
};

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function encoded<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string {
  return Buffer.from(toBinary(schema, message)).toString("base64");
}

function messageDifferences<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  recorded: { json: JsonValue; bytes?: string },
): string[] {
  const differences: string[] = [];
  const { bytes } = recorded;
  if (bytes !== undefined && encoded(schema, message) !== bytes) differences.push("response: other bytes");
  if (!isDeepStrictEqual(toJson(schema, message), recorded.json)) {
    differences.push("response: other JSON");
  }
  return differences;
}

/** Words of gRPC itself differ from language to language: what is not recorded is not compared. */
function errorDifferences(error: LabglossError, recorded: Record<string, unknown> | undefined): string[] {
  if (!recorded) return [`failed, where an answer was recorded: ${error.message}`];
  const got: Record<string, unknown> = {
    code: error.code,
    message: error.message.split("\n")[0],
    reason: error.reason === ErrorReason.UNSPECIFIED ? "" : ErrorReason[error.reason],
    metadata: error.metadata,
    violations: error.violations.map((bad) => ({ ...bad, reason: ViolationReason[bad.reason] })),
    retryAfterMs: error.retryAfterMs ?? null,
    details: error.details.map(({ type, value }) => ({ type, bytes: Buffer.from(value).toString("base64") })),
  };
  return Object.entries(recorded)
    .filter(([key, expected]) => !isDeepStrictEqual(got[key], expected))
    .map(([key]) => `error: other ${key}: ${JSON.stringify(got[key])}`);
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    ca: { type: "string" },
    certificate: { type: "string" },
    key: { type: "string" },
    "token-file": { type: "string" },
    "timeout-ms": { type: "string", default: "10000" },
  },
});
const [target = "", folder = ""] = positionals;
const pem = { ca: values.ca, cert: values.certificate, key: values.key };
const files = Object.entries(pem).flatMap(([name, file]) => (file ? [[name, readFileSync(file)]] : []));
const client = new Client(target, {
  timeoutMs: Number(values["timeout-ms"]),
  ...(values.ca ? { tls: Object.fromEntries(files) } : {}),
  ...(values["token-file"] ? { token: tokenFile(values["token-file"]) } : {}),
});
console.log((await client.healthy()) ? "healthy" : "not healthy");
for (const file of readdirSync(folder).filter((name) => name.endsWith(".json")).sort()) {
  const exchange = JSON.parse(readFileSync(join(folder, file), "utf8")) as Exchange;
  const differences = await METHODS[exchange.method.split("/")[1]!]!(client, exchange);
  const verdict = differences.length > 0 ? "differs" : "as recorded";
  console.log([`${basename(file, ".json")}: ${verdict}`, ...differences].join("\n  "));
  if (differences.length > 0) process.exitCode = 1;
}
client.close();
