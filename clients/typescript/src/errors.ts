/** The one error of this client, and how it is made from a status of gRPC. */
import { fromBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/labgloss/client/v1/details_pb.js";
import { ErrorReason, ViolationReason } from "./gen/labgloss/v1/error_reason_pb.js";

const DOMAIN = "labgloss";
/** Node's codes for an address where nothing answers, which may come up, and for a connection that broke. */
const NOT_REACHED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"]);

/** Before the words of gRPC itself, which come without a reason. */
const HINTS = new Map([
  [Code.Unavailable, "the service was not reached, or reports that it does not serve: "],
  [Code.DeadlineExceeded, "no answer before the deadline: the service is slow or was not reached: "],
]);

/** One bad field: its path, why, what is allowed and how to mend it. */
export interface Violation {
  readonly field: string;
  /** UNSPECIFIED where a later service sent a reason that this client does not know. */
  readonly reason: ViolationReason;
  readonly description: string;
}

/** One detail of a status, as it came: the name of its type, and its bytes. */
export interface Detail {
  readonly type: string;
  readonly value: Uint8Array;
}

/**
 * A call without an answer. No text of it repeats a value of the panel. A result that cannot be judged is no error: the
 * report refuses it, with a reason.
 */
export class LabglossError extends Error {
  override readonly name = "LabglossError";

  constructor(
    message: string,
    /** The status code of gRPC. */
    readonly code: Code,
    /** Why, from the closed list; UNSPECIFIED when gRPC itself or something on the way failed. */
    readonly reason: ErrorReason = ErrorReason.UNSPECIFIED,
    /** Every bad field of the request. Empty unless the reason is INVALID_FIELDS. */
    readonly violations: readonly Violation[] = [],
    /** What `error_reason.proto` says of the reason, such as "loaded_version", "limit_bytes", "error_id", "cause". */
    readonly metadata: Readonly<Record<string, string>> = {},
    /** Milliseconds after which the service asks to be tried again. Undefined: it did not say. */
    readonly retryAfterMs?: number,
    /** The details as they came. */
    readonly details: readonly Detail[] = [],
    /** True: the call was not made, because the service refuses most calls just now. */
    readonly throttled: boolean = false,
    options?: ErrorOptions,
  ) {
    super([message, ...violations.map(({ field, description }) => `${field}: ${description}`)].join("\n  "), options);
  }
}

/** The error for whatever a call threw. */
export function errorOf(thrown: unknown): LabglossError {
  if (thrown instanceof LabglossError) return thrown;
  const failure = ConnectError.from(thrown);
  const details = failure.details.filter((detail) => "type" in detail);
  const options = { cause: thrown };
  const info = found(details, "google.rpc.ErrorInfo", ErrorInfoSchema);
  if (info?.domain !== DOMAIN) {
    const code = codeOf(failure);
    const hint = HINTS.get(code) ?? "";
    return new LabglossError(hint + failure.rawMessage, code, undefined, [], {}, undefined, details, false, options);
  }
  const violations = found(details, "google.rpc.BadRequest", BadRequestSchema)?.fieldViolations ?? [];
  const delay = found(details, "google.rpc.RetryInfo", RetryInfoSchema)?.retryDelay;
  return new LabglossError(
    failure.rawMessage,
    failure.code,
    named(ErrorReason, info.reason),
    violations.map((bad) => ({
      field: bad.field,
      reason: named(ViolationReason, bad.reason),
      description: bad.description,
    })),
    info.metadata,
    delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6,
    details,
    false,
    options,
  );
}

/** The error for an answer that is not the answer to what was asked. */
export function defect(message: string): LabglossError {
  return new LabglossError(message, Code.Internal);
}

/** Whether no connection could be made, where one may be possible later. */
export function isNotReached(error: LabglossError): boolean {
  return nodeCodes(error.cause).some((code) => NOT_REACHED.has(code));
}

/**
 * gRPC's code for what Connect says. A connection that breaks under a call is ABORTED, CANCELLED or without a status to
 * Connect, and whatever the system or TLS says of a connection INTERNAL: in gRPC each is UNAVAILABLE.
 */
function codeOf(failure: ConnectError): Code {
  if (failure.metadata.has("grpc-status")) return failure.code;
  const broke =
    failure.code === Code.Aborted ||
    failure.code === Code.Canceled ||
    (failure.code === Code.Internal && failure.rawMessage.endsWith("missing status")) ||
    nodeCodes(failure.cause).length > 0;
  return broke ? Code.Unavailable : failure.code;
}

function nodeCodes(cause: unknown): string[] {
  const codes: string[] = [];
  for (let error = cause; error instanceof Error; error = error.cause) {
    if ("code" in error && typeof error.code === "string") codes.push(error.code);
  }
  return codes;
}

function found<Desc extends DescMessage>(
  details: readonly Detail[],
  type: string,
  schema: Desc,
): MessageShape<Desc> | undefined {
  const detail = details.find((each) => each.type === type);
  try {
    return detail && fromBinary(schema, detail.value);
  } catch {
    // Something on the way garbled it; code and text still stand.
    return undefined;
  }
}

/** The member of a closed list; that of number 0 for a name that it does not hold. */
function named<Member extends number>(list: Record<string, string | Member>, name: string): Member {
  const member = list[name];
  return typeof member === "number" ? member : (0 as Member);
}
