package labgloss.client;

import io.grpc.ChannelCredentials;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Supplier;

/** How the service is reached. Each method gives these options back, changed. */
public final class Options {
  ChannelCredentials credentials;
  boolean plaintext;
  Supplier<String> token;
  Duration timeout = Duration.ofSeconds(1);
  Duration batchTimeout = Duration.ofSeconds(10);
  boolean throttled = true;

  /**
   * Encrypts; needed for any other machine. {@code TlsChannelCredentials.create()}, or its builder with {@code
   * trustManager(ca)}, and {@code keyManager(certificate, key)} for mutual TLS.
   */
  public Options credentials(ChannelCredentials credentials) {
    this.credentials = credentials;
    return this;
  }

  /** Allows panels in the clear to another machine, where something else encrypts the way. */
  public Options plaintext() {
    this.plaintext = true;
    return this;
  }

  /** Gives the token that goes with each call, such as {@link #tokenFile}. Over TLS, or to this machine. */
  public Options token(Supplier<String> token) {
    this.token = token;
    return this;
  }

  /** Allowed for a call, connecting and retries included; 1 s where it is not called. */
  public Options timeout(Duration timeout) {
    this.timeout = timeout;
    return this;
  }

  /** Allowed for a batch; 10 s where it is not called. */
  public Options batchTimeout(Duration batchTimeout) {
    this.batchTimeout = batchTimeout;
    return this;
  }

  /** Makes every call, also while the service refuses most. */
  public Options unthrottled() {
    this.throttled = false;
    return this;
  }

  /** What gives the token that a file holds at each call, so that one that is renewed there is taken. */
  public static Supplier<String> tokenFile(Path file) {
    return () -> {
      try {
        String token = Files.readString(file).strip();
        // Its content is a secret, and is not repeated.
        if (!token.matches("[!-~]+")) {
          throw new IllegalStateException(file + " does not hold one token and nothing else");
        }
        return token;
      } catch (IOException failure) {
        throw new UncheckedIOException(failure);
      }
    };
  }

  /** Throws an IllegalArgumentException when panels or a token would travel in the clear to another machine. */
  void check(String target) {
    if (credentials != null && plaintext) {
      throw new IllegalArgumentException("credentials and plaintext contradict each other: give one of them");
    }
    if (credentials != null || isLoopback(target)) {
      return;
    }
    if (!plaintext) {
      throw new IllegalArgumentException(
          "the target " + target + " is not on this machine, and panels must not travel unencrypted: give credentials,"
              + " or plaintext where something else encrypts the way, such as a service mesh");
    }
    if (token != null) {
      throw new IllegalArgumentException(
          "the target " + target + " is not on this machine, and a token must not travel unencrypted: whoever reads it"
              + " can use it; give credentials");
    }
  }

  /** Whether a target is on this machine; a form that is not known here is not. */
  public static boolean isLoopback(String target) {
    String address = target.startsWith("dns:///") ? target.substring("dns:///".length()) : target;
    return address.matches("(localhost|127(\\.\\d{1,3}){3}|\\[::1\\])(:\\d+)?") || address.startsWith("unix:");
  }
}
