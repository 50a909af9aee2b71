package labgloss.client;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;

/**
 * What all calls of a client share: retries end while most calls fail, so that they cannot make an outage worse. The
 * numbers are those of the service config in clients/README.md.
 */
final class RetryBudget {
  private static final int MAX_ATTEMPTS = 4;
  private static final long INITIAL_BACKOFF_MS = 20;
  private static final long MAX_BACKOFF_MS = 500;
  private static final double MAX_TOKENS = 10;
  private static final double TOKEN_RATIO = 0.1;

  private double tokens = MAX_TOKENS;

  /**
   * What a call answers; it is given the nanoseconds that are left. An interpretation has no side effect and the same
   * panel gives the same report, so that UNAVAILABLE may always be retried; nothing else is. A service that is starting
   * is waited for within one attempt.
   */
  <T> T attempt(long allowedNanos, LongFunction<T> call) {
    long until = System.nanoTime() + allowedNanos;
    for (int attempt = 1; ; attempt++) {
      try {
        T answer = call.apply(Math.max(until - System.nanoTime(), 0));
        add(TOKEN_RATIO);
        return answer;
      } catch (StatusRuntimeException thrown) {
        LabglossException failure = LabglossException.of(thrown);
        boolean again =
            failure.code() == Status.Code.UNAVAILABLE && add(-1) > MAX_TOKENS / 2 && attempt < MAX_ATTEMPTS;
        long pause = pauseMs(attempt);
        if (!again || until - System.nanoTime() <= TimeUnit.MILLISECONDS.toNanos(pause)) {
          throw failure;
        }
        try {
          Thread.sleep(pause);
        } catch (InterruptedException interrupted) {
          Thread.currentThread().interrupt();
          throw failure;
        }
      }
    }
  }

  private synchronized double add(double more) {
    tokens = Math.max(0, Math.min(MAX_TOKENS, tokens + more));
    return tokens;
  }

  private static long pauseMs(int attempt) {
    return ThreadLocalRandom.current().nextLong(Math.min(INITIAL_BACKOFF_MS << (attempt - 1), MAX_BACKOFF_MS));
  }
}
