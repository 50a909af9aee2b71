/**
 * Calls that are not even made while the service refuses most: a refusal costs it something too.
 *
 * Client-side throttling as in Google's SRE book ("Handling Overload"), with K = 2: as long as the service takes at
 * least every second call, all are made; beyond that so many that it refuses about one for each that it takes.
 */
import { Code } from "@connectrpc/connect";

import { LabglossError } from "./errors.js";
import { ErrorReason } from "./gen/labgloss/v1/error_reason_pb.js";

const K = 2;
/** So many refusals are chance. */
const FEW = 5;
/** After so long what was seen counts half. */
const HALF_LIFE_MS = 2_000;
const RETRY_AFTER_MS = 1_000;

/** What a client saw of late: calls, and those that the service took. */
export class Throttle {
  #calls = 0;
  #taken = 0;
  #at = performance.now();

  /** Throws where the call must not be made. */
  ask(): void {
    this.#forget();
    if (Math.random() >= (this.#calls - K * this.#taken - FEW) / (this.#calls + 1)) return;
    this.#calls += 1;
    const message =
      "This call was not made: the service refuses most calls just now, and this client makes fewer until it takes " +
      "them again. Call again later, or make fewer calls.";
    throw new LabglossError(message, Code.ResourceExhausted, undefined, [], {}, RETRY_AFTER_MS, [], true);
  }

  /** Told how a call that was made ended: whatever is no refusal for overload was taken. */
  ended(error?: LabglossError): void {
    // Too many streams at a time say nothing of other calls.
    const ours = error?.reason === ErrorReason.OVERLOADED || error?.reason === ErrorReason.UNSPECIFIED;
    this.#forget();
    this.#calls += 1;
    if (!(ours && error?.code === Code.ResourceExhausted)) this.#taken += 1;
  }

  #forget(): void {
    const now = performance.now();
    const kept = 0.5 ** ((now - this.#at) / HALF_LIFE_MS);
    this.#calls *= kept;
    this.#taken *= kept;
    this.#at = now;
  }
}
