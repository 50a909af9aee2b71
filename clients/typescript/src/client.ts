/** The client. */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, createClient, type CallOptions, type Client as Stub } from "@connectrpc/connect";

import { Attempts, RetryBudget } from "./attempts.js";
import { connection, type ClientOptions, type Connection } from "./connection.js";
import { defect, errorOf, type LabglossError } from "./errors.js";
import { Health, HealthCheckResponse_ServingStatus } from "./gen/grpc/health/v1/health_pb.js";
import {
  FhirService,
  InterpretBundleRequestSchema,
  type InterpretBundleResponse,
} from "./gen/labgloss/v1/fhir_pb.js";
import { InterpretationService, PanelOutcomeSchema, type PanelOutcome } from "./gen/labgloss/v1/interpretation_pb.js";
import {
  KnowledgeService,
  RuleKind,
  type Analyte,
  type ReferenceInterval,
  type Release,
  type Rule,
  type Source,
  type VocabularySymptom,
} from "./gen/labgloss/v1/knowledge_pb.js";
import { PanelSchema, type Panel } from "./gen/labgloss/v1/panel_pb.js";
import type { Report } from "./gen/labgloss/v1/report_pb.js";
import { Throttle } from "./throttle.js";

const TIMEOUT_MS = 1_000;
const BATCH_TIMEOUT_MS = 10_000;
/** What the service takes in one message of a batch or stream. */
const PANELS_LIMIT = 100;
const MESSAGE_LIMIT_BYTES = 1024 * 1024;
/** Tag and length of one panel in the message, at most. */
const PANEL_FRAME_BYTES = 6;
/** What a service that does not serve, or that nobody reaches, answers to the question whether it serves. */
const NOT_SERVING = new Set([Code.Unavailable, Code.DeadlineExceeded, Code.NotFound, Code.Canceled]);

/** A panel, or its fields as an object literal. What is left out is unknown, never normal and never denied. */
export type PanelInit = MessageInitShape<typeof PanelSchema>;

/** A FHIR R4 Bundle as JSON, with what else is to be said of it. */
export type BundleInit = MessageInitShape<typeof InterpretBundleRequestSchema>;

export interface Bounds {
  /** Milliseconds allowed, connecting and retries included. Left out: as the client was told. */
  readonly timeoutMs?: number;
}

export interface StreamOptions extends Bounds {
  /** 1 to 100. Left out: 50. */
  readonly panelsPerMessage?: number;
  /** So many messages are sent ahead of the outcomes. Left out: 4. */
  readonly messagesUnderWay?: number;
}

/**
 * A connection to the service. Every method rejects with a `LabglossError`.
 *
 * Args: the target as "host:port"; where several services answer for one name, put a proxy before them, since this
 * client keeps to one connection. Throws a TypeError when panels or a token would travel in the clear elsewhere.
 */
export class Client {
  readonly #connection: Connection;
  readonly #interpretation: Stub<typeof InterpretationService>;
  readonly #fhir: Stub<typeof FhirService>;
  readonly #knowledge: Stub<typeof KnowledgeService>;
  readonly #health: Stub<typeof Health>;
  readonly #timeoutMs: number;
  readonly #batchTimeoutMs: number;
  readonly #budget = new RetryBudget();
  readonly #throttle: Throttle | undefined;
  #closed = false;

  constructor(target: string, options: ClientOptions = {}) {
    this.#connection = connection(target, options);
    this.#interpretation = createClient(InterpretationService, this.#connection.transport);
    this.#fhir = createClient(FhirService, this.#connection.transport);
    this.#knowledge = createClient(KnowledgeService, this.#connection.transport);
    this.#health = createClient(Health, this.#connection.transport);
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#batchTimeoutMs = options.batchTimeoutMs ?? BATCH_TIMEOUT_MS;
    this.#throttle = (options.throttled ?? true) ? new Throttle() : undefined;
  }

  /** Ends the connection; an open one keeps Node running. Calls under way are rejected. */
  close(): void {
    this.#closed = true;
    this.#connection.close();
  }

  /** The report on one panel. */
  async interpret(panel: PanelInit, bounds: Bounds = {}): Promise<Report> {
    const sent = create(PanelSchema, panel);
    const request = { panel: sent };
    const { report } = await this.#call((options) => this.#interpretation.interpretPanel(request, options), bounds);
    if (!report) throw defect("the service answered without a report");
    checkSame(sent, report.panelId);
    return report;
  }

  /** One outcome, report or error, for each of up to 100 panels, in their order; one bad panel spoils no other. */
  async interpretBatch(panels: Iterable<PanelInit>, bounds: Bounds = {}): Promise<PanelOutcome[]> {
    const sent = Array.from(panels, (panel) => create(PanelSchema, panel));
    const { outcomes } = await this.#call(
      (options) => this.#interpretation.batchInterpretPanels({ panels: sent }, options),
      { timeoutMs: bounds.timeoutMs ?? this.#batchTimeoutMs },
    );
    return checked(sent, outcomes);
  }

  /**
   * One outcome for each panel, in their order, however many there are. Panels are read as they are needed. Where the
   * service refuses a message as a whole, that is the outcome of each of its panels. There is no deadline unless one is
   * given, and nothing is retried: the outcomes so far stand; send the rest again.
   */
  async *interpretStream(
    panels: Iterable<PanelInit> | AsyncIterable<PanelInit>,
    { panelsPerMessage = 50, messagesUnderWay = 4, timeoutMs }: StreamOptions = {},
  ): AsyncGenerator<PanelOutcome, void, undefined> {
    if (!(panelsPerMessage >= 1 && panelsPerMessage <= PANELS_LIMIT)) {
      throw new RangeError(`panelsPerMessage is from 1 to ${PANELS_LIMIT}, the most that the service takes`);
    }
    if (!(messagesUnderWay >= 1)) throw new RangeError("messagesUnderWay is 1 or more");
    const underWay: Panel[][] = [];
    const messages = packed(panels, panelsPerMessage);
    const over = new AbortController();
    let ofCaller: { thrown: unknown } | undefined;
    let answered: () => void = () => {};

    async function* requests(): AsyncGenerator<{ panels: Panel[] }> {
      try {
        for (;;) {
          while (underWay.length >= messagesUnderWay) await new Promise<void>((resolve) => (answered = resolve));
          const { done, value } = await messages.next();
          if (done) return;
          underWay.push(value);
          yield { panels: value };
        }
      } catch (thrown) {
        ofCaller = { thrown };
        over.abort();
        throw thrown;
      }
    }

    try {
      const options = { signal: over.signal, ...(timeoutMs === undefined ? {} : { timeoutMs: Math.ceil(timeoutMs) }) };
      for await (const { outcomes, error } of this.#interpretation.streamInterpretPanels(requests(), options)) {
        const sent = underWay.shift();
        answered();
        if (!sent) throw defect("the service answered more messages than it was sent");
        yield* error
          ? sent.map(({ id }) => create(PanelOutcomeSchema, { panelId: id, outcome: { case: "error", value: error } }))
          : checked(sent, outcomes);
      }
      if (underWay.length > 0) throw defect(`the stream ended with ${underWay.flat().length} panels unanswered`);
    } catch (thrown) {
      throw ofCaller ? ofCaller.thrown : errorOf(thrown);
    } finally {
      over.abort();
      answered();
    }
  }

  /** The answer to a FHIR R4 Bundle: a Bundle, the report, the panel that was read, and what was not read. */
  async interpretBundle(bundle: BundleInit, bounds: Bounds = {}): Promise<InterpretBundleResponse> {
    const answer = await this.#call((options) => this.#fhir.interpretBundle(bundle, options), {
      timeoutMs: bounds.timeoutMs ?? this.#batchTimeoutMs,
    });
    if (!answer.report || answer.bundle.length === 0) throw defect("the service answered a Bundle without a report");
    return answer;
  }

  /** The release that is loaded: version, digest, scope, counts, choices. */
  async release(): Promise<Release> {
    const { release } = await this.#call((options) => this.#knowledge.getRelease({}, options));
    if (!release) throw defect("the service answered without a release");
    return release;
  }

  /** The rule of this id, as a report names it; reason RULE_NOT_FOUND when there is none. */
  async rule(id: string): Promise<Rule> {
    const { rule } = await this.#call((options) => this.#knowledge.getRule({ id }, options));
    if (!rule) throw defect("the service answered without a rule");
    return rule;
  }

  /** Every analyte, by id. */
  analytes(): AsyncGenerator<Analyte> {
    return this.#listed((page, options) => this.#knowledge.listAnalytes(page, options), ({ analytes }) => analytes);
  }

  /** Every reference interval, by id; only those of one analyte or variant where it is given. */
  referenceIntervals(only: { analyte?: string; variant?: string } = {}): AsyncGenerator<ReferenceInterval> {
    return this.#listed(
      (page, options) => this.#knowledge.listReferenceIntervals({ ...only, ...page }, options),
      ({ intervals }) => intervals,
    );
  }

  /** Every rule, by id; only those of one kind or analyte where it is given. */
  rules(only: { kind?: RuleKind; analyte?: string } = {}): AsyncGenerator<Rule> {
    return this.#listed(
      (page, options) => this.#knowledge.listRules({ ...only, ...page }, options),
      ({ rules }) => rules,
    );
  }

  /** Every symptom of the vocabulary, by id. */
  symptoms(): AsyncGenerator<VocabularySymptom> {
    return this.#listed((page, options) => this.#knowledge.listSymptoms(page, options), ({ symptoms }) => symptoms);
  }

  /** Every source, by id. */
  sources(): AsyncGenerator<Source> {
    return this.#listed((page, options) => this.#knowledge.listSources(page, options), ({ sources }) => sources);
  }

  /** Whether the service says that it serves; false also when it is not reached. */
  async healthy({ timeoutMs = this.#timeoutMs }: Bounds = {}): Promise<boolean> {
    try {
      const request = { service: InterpretationService.typeName };
      const { status } = await this.#health.check(request, { timeoutMs: Math.ceil(timeoutMs) });
      return status === HealthCheckResponse_ServingStatus.SERVING;
    } catch (thrown) {
      const error = errorOf(thrown);
      if (NOT_SERVING.has(error.code)) return false;
      throw error;
    }
  }

  async #call<Answer>(call: (options: CallOptions) => Promise<Answer>, bounds: Bounds = {}): Promise<Answer> {
    const attempts = new Attempts(bounds.timeoutMs ?? this.#timeoutMs, this.#budget);
    this.#throttle?.ask();
    let error: LabglossError | undefined;
    try {
      for (;;) {
        try {
          const answer = await call({ timeoutMs: attempts.leftMs });
          this.#budget.succeeded();
          error = undefined;
          return answer;
        } catch (thrown) {
          error = errorOf(thrown);
          if (this.#closed || !(await attempts.again(error))) throw error;
        }
      }
    } finally {
      this.#throttle?.ended(error);
    }
  }

  async *#listed<Page extends { nextPageToken: string }, Item>(
    call: (page: { pageToken: string }, options: CallOptions) => Promise<Page>,
    items: (page: Page) => Item[],
  ): AsyncGenerator<Item> {
    let pageToken = "";
    do {
      const page = await this.#call((options) => call({ pageToken }, options));
      yield* items(page);
      pageToken = page.nextPageToken;
    } while (pageToken);
  }
}

/** Panels gathered into messages of at most so many, none larger than the service takes. */
async function* packed(
  panels: Iterable<PanelInit> | AsyncIterable<PanelInit>,
  most: number,
): AsyncGenerator<Panel[], void, undefined> {
  let message: Panel[] = [];
  let size = 0;
  for await (const each of panels) {
    const panel = create(PanelSchema, each);
    const added = toBinary(PanelSchema, panel).length + PANEL_FRAME_BYTES;
    if (message.length > 0 && size + added > MESSAGE_LIMIT_BYTES) {
      yield message;
      [message, size] = [[], 0];
    }
    message.push(panel);
    size += added;
    if (message.length >= most) {
      yield message;
      [message, size] = [[], 0];
    }
  }
  if (message.length > 0) yield message;
}

/** The outcomes; throws when they are not those of the panels. */
function checked(panels: readonly Panel[], outcomes: PanelOutcome[]): PanelOutcome[] {
  if (panels.length !== outcomes.length) {
    throw defect(`the service answered ${outcomes.length} of ${panels.length} panels`);
  }
  panels.forEach((panel, index) => {
    const { panelId, outcome } = outcomes[index]!;
    checkSame(panel, panelId);
    if (outcome.case === undefined) throw defect("the service answered a panel with neither report nor error");
    if (outcome.case === "report") checkSame(panel, outcome.value.panelId);
  });
  return outcomes;
}

/** A report that reaches the wrong patient is the worst that can happen here, and the check costs nothing. */
function checkSame(panel: Panel, answered: string): void {
  if (panel.id !== answered) throw defect("the service answered for another panel than was asked: the ids differ");
}
