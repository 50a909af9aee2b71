/**
 * When a call is made again. An interpretation has no side effect and the same panel gives the same report, so that
 * UNAVAILABLE may always be retried; nothing else is. The numbers are those of the service config in clients/README.md.
 */
import { setTimeout as pause } from "node:timers/promises";

import { Code } from "@connectrpc/connect";

import { isNotReached, type LabglossError } from "./errors.js";

const MAX_ATTEMPTS = 4;
const INITIAL_BACKOFF_MS = 20;
const MAX_BACKOFF_MS = 500;
const MAX_TOKENS = 10;
const TOKEN_RATIO = 0.1;

/** What all calls of a client share: retries end while most calls fail, so that they cannot make an outage worse. */
export class RetryBudget {
  #tokens = MAX_TOKENS;

  get left(): boolean {
    return this.#tokens > MAX_TOKENS / 2;
  }

  succeeded(): void {
    this.#tokens = Math.min(this.#tokens + TOKEN_RATIO, MAX_TOKENS);
  }

  failed(): void {
    this.#tokens = Math.max(this.#tokens - 1, 0);
  }
}

/** How often one call may still be made, and how long each attempt may take. */
export class Attempts {
  readonly #until: number;
  readonly #budget: RetryBudget;
  #made = 0;
  #pauses = 0;

  constructor(allowedMs: number, budget: RetryBudget) {
    this.#until = performance.now() + allowedMs;
    this.#budget = budget;
  }

  /** Milliseconds that are left of those allowed, whole ones, as gRPC writes them. */
  get leftMs(): number {
    return Math.max(Math.ceil(this.#until - performance.now()), 0);
  }

  /** Whether to make the call again, after the pause that is due. */
  async again(error: LabglossError): Promise<boolean> {
    if (error.code !== Code.Unavailable) return false;
    // A service that is starting is waited for until the deadline; that is no attempt.
    if (!isNotReached(error)) {
      this.#made += 1;
      this.#budget.failed();
      if (this.#made >= MAX_ATTEMPTS || !this.#budget.left) return false;
    }
    const pauseMs = Math.random() * Math.min(INITIAL_BACKOFF_MS * 2 ** this.#pauses, MAX_BACKOFF_MS);
    this.#pauses += 1;
    if (pauseMs >= this.leftMs) return false;
    await pause(pauseMs);
    return true;
  }
}
