package labgloss.client;

import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import labgloss.v1.ErrorReason;

/**
 * Calls that are not even made while the service refuses most: a refusal costs it something too.
 *
 * <p>Client-side throttling as in Google's SRE book ("Handling Overload"), with K = 2: as long as the service takes at
 * least every second call, all are made; beyond that so many that it refuses about one for each that it takes.
 */
final class Throttle {
  private static final double K = 2;
  /** So many refusals are chance. */
  private static final double FEW = 5;
  /** After so long what was seen counts half. */
  private static final double HALF_LIFE_NANOS = 2e9;

  private double calls;
  private double taken;
  private long at = System.nanoTime();

  /** Throws where the call must not be made. */
  synchronized void ask() {
    forget();
    if (ThreadLocalRandom.current().nextDouble() >= (calls - K * taken - FEW) / (calls + 1)) {
      return;
    }
    calls++;
    throw LabglossException.notMade(
        "This call was not made: the service refuses most calls just now, and this client makes fewer until it takes"
            + " them again. Call again later, or make fewer calls.",
        Duration.ofSeconds(1));
  }

  /** Told how a call that was made ended, null: well. Whatever is no refusal for overload was taken. */
  synchronized void ended(LabglossException failure) {
    forget();
    calls++;
    // Too many streams at a time say nothing of other calls.
    boolean refused =
        failure != null
            && failure.code() == Status.Code.RESOURCE_EXHAUSTED
            && (failure.reason() == ErrorReason.ERROR_REASON_OVERLOADED
                || failure.reason() == ErrorReason.ERROR_REASON_UNSPECIFIED);
    if (!refused) {
      taken++;
    }
  }

  private void forget() {
    long now = System.nanoTime();
    double kept = Math.pow(0.5, (now - at) / HALF_LIFE_NANOS);
    calls *= kept;
    taken *= kept;
    at = now;
  }
}
