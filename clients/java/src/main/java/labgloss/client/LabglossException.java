package labgloss.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import labgloss.client.wire.BadRequest;
import labgloss.client.wire.ErrorInfo;
import labgloss.client.wire.RetryInfo;
import labgloss.v1.ErrorReason;
import labgloss.v1.ViolationReason;

/**
 * A call without an answer. No text of it repeats a value of the panel. A result that cannot be judged is no error: the
 * report refuses it, with a reason. The exception of gRPC is the cause.
 */
public final class LabglossException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final String DOMAIN = "labgloss";
  private static final Metadata.Key<byte[]> DETAILS =
      Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);
  /** Before the words of gRPC itself, which come without a reason. */
  private static final Map<Status.Code, String> HINTS =
      Map.of(
          Status.Code.UNAVAILABLE, "the service was not reached, or reports that it does not serve: ",
          Status.Code.DEADLINE_EXCEEDED, "no answer before the deadline: the service is slow or was not reached: ");

  private final Status.Code code;
  private final transient ErrorInfo info;
  private final transient BadRequest badRequest;
  private final transient RetryInfo retry;
  private final transient List<Any> details;
  private final boolean throttled;

  private LabglossException(
      String message,
      Status.Code code,
      ErrorInfo info,
      BadRequest badRequest,
      RetryInfo retry,
      List<Any> details,
      boolean throttled,
      Throwable cause) {
    super(message, cause);
    this.code = code;
    this.info = info;
    this.badRequest = badRequest;
    this.retry = retry;
    this.details = details;
    this.throttled = throttled;
  }

  /** The status code of gRPC. */
  public Status.Code code() {
    return code;
  }

  /** Why, from the closed list; UNSPECIFIED when gRPC itself or something on the way failed. */
  public ErrorReason reason() {
    return named(ErrorReason.class, "ERROR_REASON_", info.getReason(), ErrorReason.ERROR_REASON_UNSPECIFIED);
  }

  /** Every bad field of the request. Empty unless the reason is INVALID_FIELDS. */
  public List<Violation> violations() {
    return badRequest.getFieldViolationsList().stream().map(Violation::new).collect(Collectors.toList());
  }

  /** What error_reason.proto says of the reason, such as "loaded_version", "limit_bytes", "error_id", "cause". */
  public Map<String, String> metadata() {
    return info.getMetadataMap();
  }

  /** After so long the service asks to be tried again. Empty: it did not say. */
  public Optional<Duration> retryAfter() {
    return retry.hasRetryDelay()
        ? Optional.of(Duration.ofSeconds(retry.getRetryDelay().getSeconds(), retry.getRetryDelay().getNanos()))
        : Optional.empty();
  }

  /** The details of the status as they came. */
  public List<Any> details() {
    return details;
  }

  /** Whether the call was not made, because the service refuses most calls just now. */
  public boolean throttled() {
    return throttled;
  }

  /** The message, and every violation in a line of its own. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(getMessage());
    for (Violation bad : violations()) {
      text.append("\n  ").append(bad.field()).append(": ").append(bad.description());
    }
    return text.toString();
  }

  /** One bad field: its path, why, what is allowed and how to mend it. */
  public static final class Violation {
    private final labgloss.client.wire.Violation sent;

    private Violation(labgloss.client.wire.Violation sent) {
      this.sent = sent;
    }

    public String field() {
      return sent.getField();
    }

    /** UNSPECIFIED where a later service sent a reason that this client does not know. */
    public ViolationReason reason() {
      ViolationReason unknown = ViolationReason.VIOLATION_REASON_UNSPECIFIED;
      return named(ViolationReason.class, "VIOLATION_REASON_", sent.getReason(), unknown);
    }

    public String description() {
      return sent.getDescription();
    }
  }

  /** The exception for one of gRPC. */
  static LabglossException of(Throwable failure) {
    Status status = Status.fromThrowable(failure);
    String text = status.getDescription() == null ? status.getCode().name() : status.getDescription();
    Metadata trailers = Status.trailersFromThrowable(failure);
    byte[] sent = trailers == null ? null : trailers.get(DETAILS);
    List<Any> details = List.of();
    ErrorInfo info = ErrorInfo.getDefaultInstance();
    BadRequest badRequest = BadRequest.getDefaultInstance();
    RetryInfo retry = RetryInfo.getDefaultInstance();
    try {
      if (sent != null) {
        details = labgloss.client.wire.Status.parseFrom(sent).getDetailsList();
      }
      for (Any detail : details) {
        switch (detail.getTypeUrl().substring(detail.getTypeUrl().lastIndexOf('/') + 1)) {
          case "google.rpc.ErrorInfo":
            info = ErrorInfo.parseFrom(detail.getValue());
            break;
          case "google.rpc.BadRequest":
            badRequest = BadRequest.parseFrom(detail.getValue());
            break;
          case "google.rpc.RetryInfo":
            retry = RetryInfo.parseFrom(detail.getValue());
            break;
          default:
        }
      }
    } catch (InvalidProtocolBufferException garbled) {
      // Something on the way garbled them; code and text still stand.
      info = ErrorInfo.getDefaultInstance();
    }
    if (!info.getDomain().equals(DOMAIN)) {
      info = ErrorInfo.getDefaultInstance();
      badRequest = BadRequest.getDefaultInstance();
      retry = RetryInfo.getDefaultInstance();
      text = HINTS.getOrDefault(status.getCode(), "") + text;
    }
    return new LabglossException(text, status.getCode(), info, badRequest, retry, details, false, failure);
  }

  /** The exception for an answer that is not the answer to what was asked. */
  static LabglossException defect(String message) {
    return of(Status.INTERNAL.withDescription(message).asRuntimeException());
  }

  /** The exception for a call that is not made. */
  static LabglossException notMade(String message, Duration retryAfter) {
    com.google.protobuf.Duration delay =
        com.google.protobuf.Duration.newBuilder().setSeconds(retryAfter.toSeconds()).build();
    RetryInfo retry = RetryInfo.newBuilder().setRetryDelay(delay).build();
    BadRequest none = BadRequest.getDefaultInstance();
    ErrorInfo info = ErrorInfo.getDefaultInstance();
    return new LabglossException(message, Status.Code.RESOURCE_EXHAUSTED, info, none, retry, List.of(), true, null);
  }

  private static <E extends Enum<E>> E named(Class<E> list, String prefix, String name, E unknown) {
    try {
      return Enum.valueOf(list, prefix + name);
    } catch (IllegalArgumentException later) {
      return unknown;
    }
  }
}
