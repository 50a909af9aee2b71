package labgloss.client;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.AbstractStub;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import labgloss.client.wire.HealthCheckRequest;
import labgloss.client.wire.HealthCheckResponse;
import labgloss.client.wire.HealthGrpc;
import labgloss.v1.Analyte;
import labgloss.v1.BatchInterpretPanelsRequest;
import labgloss.v1.FhirServiceGrpc;
import labgloss.v1.GetReleaseRequest;
import labgloss.v1.GetRuleRequest;
import labgloss.v1.InterpretBundleRequest;
import labgloss.v1.InterpretBundleResponse;
import labgloss.v1.InterpretPanelRequest;
import labgloss.v1.InterpretPanelResponse;
import labgloss.v1.InterpretationServiceGrpc;
import labgloss.v1.KnowledgeServiceGrpc;
import labgloss.v1.ListAnalytesRequest;
import labgloss.v1.ListAnalytesResponse;
import labgloss.v1.ListReferenceIntervalsRequest;
import labgloss.v1.ListReferenceIntervalsResponse;
import labgloss.v1.ListRulesRequest;
import labgloss.v1.ListRulesResponse;
import labgloss.v1.ListSourcesRequest;
import labgloss.v1.ListSourcesResponse;
import labgloss.v1.ListSymptomsRequest;
import labgloss.v1.ListSymptomsResponse;
import labgloss.v1.Panel;
import labgloss.v1.PanelOutcome;
import labgloss.v1.ReferenceInterval;
import labgloss.v1.Release;
import labgloss.v1.Report;
import labgloss.v1.Rule;
import labgloss.v1.RuleKind;
import labgloss.v1.Source;
import labgloss.v1.StreamInterpretPanelsRequest;
import labgloss.v1.StreamInterpretPanelsResponse;
import labgloss.v1.VocabularySymptom;

/**
 * A connection to the service, for any number of threads. Every method throws a {@link LabglossException}.
 *
 * <pre>{@code
 * try (Client client = new Client("127.0.0.1:50051", new Options())) {
 *   Report report = client.interpret(panel);
 * }
 * }</pre>
 *
 * Panels and reports are the messages of {@code labgloss.v1}; every field is commented in proto/labgloss/v1.
 */
public final class Client implements AutoCloseable {
  private static final String SERVICE = InterpretationServiceGrpc.SERVICE_NAME;
  /** Retries are those of RetryBudget. Where gRPC's health library is missing, health is not asked for. */
  private static final Map<String, ?> SERVICE_CONFIG =
      Map.of(
          "loadBalancingConfig", List.of(Map.of("round_robin", Map.of())),
          "healthCheckConfig", Map.of("serviceName", SERVICE));

  private static final int RECEIVE_LIMIT_BYTES = 4 * 1024 * 1024;
  /** What the service takes in one message of a batch or stream. */
  private static final int PANELS_LIMIT = 100;

  private static final int MESSAGE_LIMIT_BYTES = 1024 * 1024;
  /** Tag and length of one panel in the message, at most. */
  private static final int PANEL_FRAME_BYTES = 6;

  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
  /** What a service that does not serve, or that nobody reaches, answers to the question whether it serves. */
  private static final Set<Status.Code> NOT_SERVING =
      EnumSet.of(
          Status.Code.UNAVAILABLE, Status.Code.DEADLINE_EXCEEDED, Status.Code.NOT_FOUND, Status.Code.CANCELLED);

  private final ManagedChannel channel;
  private final Options options;
  private final RetryBudget budget = new RetryBudget();
  private final Throttle throttle;

  /**
   * Connects when it is first asked.
   *
   * @param target as gRPC writes it: "host:port", "dns:///host:port". Where it names several backends, calls go to them
   *     in turn.
   * @throws IllegalArgumentException when panels or a token would travel in the clear to another machine.
   */
  public Client(String target, Options options) {
    options.check(target);
    this.options = options;
    this.throttle = options.throttled ? new Throttle() : null;
    ChannelCredentials credentials =
        options.credentials == null ? InsecureChannelCredentials.create() : options.credentials;
    ManagedChannelBuilder<?> builder =
        Grpc.newChannelBuilder(target, credentials)
            .defaultServiceConfig(SERVICE_CONFIG)
            // The configuration above counts, not one that a name server hands out.
            .disableServiceConfigLookUp()
            .disableRetry()
            .maxInboundMessageSize(RECEIVE_LIMIT_BYTES)
            // The service closes connections that are pinged more often than every 10 s.
            .keepAliveTime(60, TimeUnit.SECONDS)
            .keepAliveTimeout(5, TimeUnit.SECONDS);
    if (options.credentials == null) {
      // Otherwise a proxy of the system would get panels in the clear.
      builder.proxyDetector(address -> null);
    }
    this.channel = builder.build();
  }

  /** Ends the connection and the calls under way. */
  @Override
  public void close() {
    channel.shutdownNow();
  }

  /** The report on one panel. */
  public Report interpret(Panel panel) {
    return interpret(panel, options.timeout);
  }

  /** The report on one panel, within a time of its own. */
  public Report interpret(Panel panel, Duration timeout) {
    InterpretPanelRequest request = InterpretPanelRequest.newBuilder().setPanel(panel).build();
    InterpretPanelResponse response = call(timeout, left -> interpretation(left).interpretPanel(request));
    if (!response.hasReport()) {
      throw LabglossException.defect("the service answered without a report");
    }
    checkSame(panel, response.getReport().getPanelId());
    return response.getReport();
  }

  /** One outcome, report or error, for each of up to 100 panels, in their order; one bad panel spoils no other. */
  public List<PanelOutcome> interpretBatch(List<Panel> panels) {
    return interpretBatch(panels, options.batchTimeout);
  }

  /** The same, within a time of its own. */
  public List<PanelOutcome> interpretBatch(List<Panel> panels, Duration timeout) {
    BatchInterpretPanelsRequest request = BatchInterpretPanelsRequest.newBuilder().addAllPanels(panels).build();
    List<PanelOutcome> outcomes =
        call(timeout, left -> interpretation(left).batchInterpretPanels(request)).getOutcomesList();
    checkOutcomes(panels, outcomes);
    return outcomes;
  }

  /** The same as below, with 50 panels a message, 4 messages under way, and no deadline. */
  public void interpretStream(Iterator<Panel> panels, Consumer<PanelOutcome> each) {
    interpretStream(panels, each, 50, 4, null);
  }

  /**
   * Gives one outcome for each panel, in their order, however many there are. Panels are taken only as they are needed.
   * Where the service refuses a message as a whole, that is the outcome of each of its panels. Nothing is retried: the
   * outcomes so far stand; send the rest again.
   *
   * @param panelsPerMessage 1 to 100.
   * @param messagesUnderWay so many messages are sent ahead of the outcomes.
   * @param timeout allowed for the whole stream; null: no deadline.
   */
  public void interpretStream(
      Iterator<Panel> panels,
      Consumer<PanelOutcome> each,
      int panelsPerMessage,
      int messagesUnderWay,
      Duration timeout) {
    if (panelsPerMessage < 1 || panelsPerMessage > PANELS_LIMIT || messagesUnderWay < 1) {
      throw new IllegalArgumentException(
          "panelsPerMessage is from 1 to " + PANELS_LIMIT + ", and messagesUnderWay 1 or more");
    }
    Arrivals arrivals = new Arrivals();
    InterpretationServiceGrpc.InterpretationServiceStub stub = withToken(InterpretationServiceGrpc.newStub(channel));
    if (timeout != null) {
      stub = stub.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS);
    }
    StreamObserver<StreamInterpretPanelsRequest> requests = stub.streamInterpretPanels(arrivals);
    Packing packing = new Packing(panels, panelsPerMessage);
    Queue<List<Panel>> underWay = new ArrayDeque<>();
    boolean over = false;
    try {
      while (packing.hasNext() || !underWay.isEmpty()) {
        if (packing.hasNext() && underWay.size() < messagesUnderWay) {
          List<Panel> message = packing.next();
          underWay.add(message);
          requests.onNext(StreamInterpretPanelsRequest.newBuilder().addAllPanels(message).build());
          continue;
        }
        if (!packing.hasNext() && !over) {
          over = true;
          requests.onCompleted();
        }
        StreamInterpretPanelsResponse response = arrivals.next();
        if (response == null) {
          throw LabglossException.defect("the stream ended with panels unanswered");
        }
        outcomes(underWay.remove(), response).forEach(each);
      }
      if (!over) {
        over = true;
        requests.onCompleted();
      }
      if (arrivals.next() != null) {
        throw LabglossException.defect("the service answered more messages than it was sent");
      }
    } catch (RuntimeException failure) {
      if (!over) {
        requests.onError(failure);
      }
      throw failure;
    }
  }

  /** The answer to a FHIR R4 Bundle: a Bundle, the report, the panel that was read, and what was not read. */
  public InterpretBundleResponse interpretBundle(InterpretBundleRequest request) {
    return interpretBundle(request, options.batchTimeout);
  }

  /** The same, within a time of its own. */
  public InterpretBundleResponse interpretBundle(InterpretBundleRequest request, Duration timeout) {
    InterpretBundleResponse response =
        call(timeout, left -> within(FhirServiceGrpc.newBlockingStub(channel), left).interpretBundle(request));
    if (!response.hasReport() || response.getBundle().isEmpty()) {
      throw LabglossException.defect("the service answered a Bundle without a report");
    }
    return response;
  }

  /** The release that is loaded: version, digest, scope, counts, choices. */
  public Release release() {
    return call(left -> knowledge(left).getRelease(GetReleaseRequest.getDefaultInstance())).getRelease();
  }

  /** The rule of this id, as a report names it; reason RULE_NOT_FOUND when there is none. */
  public Rule rule(String id) {
    GetRuleRequest request = GetRuleRequest.newBuilder().setId(id).build();
    return call(left -> knowledge(left).getRule(request)).getRule();
  }

  /** Every analyte, by id. */
  public List<Analyte> analytes() {
    return listed(
        (stub, token) -> stub.listAnalytes(ListAnalytesRequest.newBuilder().setPageToken(token).build()),
        ListAnalytesResponse::getAnalytesList,
        ListAnalytesResponse::getNextPageToken);
  }

  /** Every reference interval, by id; only those of one analyte or variant where it is not empty. */
  public List<ReferenceInterval> referenceIntervals(String analyte, String variant) {
    ListReferenceIntervalsRequest only =
        ListReferenceIntervalsRequest.newBuilder().setAnalyte(analyte).setVariant(variant).build();
    return listed(
        (stub, token) -> stub.listReferenceIntervals(only.toBuilder().setPageToken(token).build()),
        ListReferenceIntervalsResponse::getIntervalsList,
        ListReferenceIntervalsResponse::getNextPageToken);
  }

  /** Every rule, by id; only those of one kind or analyte where it is not unspecified or empty. */
  public List<Rule> rules(RuleKind kind, String analyte) {
    ListRulesRequest only = ListRulesRequest.newBuilder().setKind(kind).setAnalyte(analyte).build();
    return listed(
        (stub, token) -> stub.listRules(only.toBuilder().setPageToken(token).build()),
        ListRulesResponse::getRulesList,
        ListRulesResponse::getNextPageToken);
  }

  /** Every symptom of the vocabulary, by id. */
  public List<VocabularySymptom> symptoms() {
    return listed(
        (stub, token) -> stub.listSymptoms(ListSymptomsRequest.newBuilder().setPageToken(token).build()),
        ListSymptomsResponse::getSymptomsList,
        ListSymptomsResponse::getNextPageToken);
  }

  /** Every source, by id. */
  public List<Source> sources() {
    return listed(
        (stub, token) -> stub.listSources(ListSourcesRequest.newBuilder().setPageToken(token).build()),
        ListSourcesResponse::getSourcesList,
        ListSourcesResponse::getNextPageToken);
  }

  /** Whether the service says that it serves; false also when it is not reached. */
  public boolean healthy() {
    try {
      return withToken(HealthGrpc.newBlockingStub(channel))
              .withDeadlineAfter(options.timeout.toNanos(), TimeUnit.NANOSECONDS)
              .check(HealthCheckRequest.newBuilder().setService(SERVICE).build())
              .getStatus()
          == HealthCheckResponse.ServingStatus.SERVING;
    } catch (StatusRuntimeException thrown) {
      LabglossException failure = LabglossException.of(thrown);
      if (NOT_SERVING.contains(failure.code())) {
        return false;
      }
      throw failure;
    }
  }

  private InterpretationServiceGrpc.InterpretationServiceBlockingStub interpretation(long leftNanos) {
    return within(InterpretationServiceGrpc.newBlockingStub(channel), leftNanos);
  }

  private KnowledgeServiceGrpc.KnowledgeServiceBlockingStub knowledge(long leftNanos) {
    return within(KnowledgeServiceGrpc.newBlockingStub(channel), leftNanos);
  }

  private <S extends AbstractStub<S>> S within(S stub, long leftNanos) {
    return withToken(stub).withWaitForReady().withDeadlineAfter(leftNanos, TimeUnit.NANOSECONDS);
  }

  private <S extends AbstractStub<S>> S withToken(S stub) {
    if (options.token == null) {
      return stub;
    }
    Metadata headers = new Metadata();
    headers.put(AUTHORIZATION, "Bearer " + options.token.get());
    return stub.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  private <T> T call(Function<Long, T> made) {
    return call(options.timeout, made);
  }

  private <T> T call(Duration timeout, Function<Long, T> made) {
    if (throttle != null) {
      throttle.ask();
    }
    LabglossException failure = null;
    try {
      return budget.attempt(timeout.toNanos(), made::apply);
    } catch (LabglossException thrown) {
      failure = thrown;
      throw thrown;
    } finally {
      if (throttle != null) {
        throttle.ended(failure);
      }
    }
  }

  private <P, T> List<T> listed(
      BiFunction<KnowledgeServiceGrpc.KnowledgeServiceBlockingStub, String, P> call,
      Function<P, List<T>> items,
      Function<P, String> nextToken) {
    List<T> all = new ArrayList<>();
    String token = "";
    do {
      String asked = token;
      P page = call(left -> call.apply(knowledge(left), asked));
      all.addAll(items.apply(page));
      token = nextToken.apply(page);
    } while (!token.isEmpty());
    return all;
  }

  private static List<PanelOutcome> outcomes(List<Panel> panels, StreamInterpretPanelsResponse response) {
    List<PanelOutcome> outcomes = response.getOutcomesList();
    if (response.hasError()) {
      outcomes = new ArrayList<>();
      for (Panel panel : panels) {
        outcomes.add(PanelOutcome.newBuilder().setPanelId(panel.getId()).setError(response.getError()).build());
      }
    }
    checkOutcomes(panels, outcomes);
    return outcomes;
  }

  private static void checkOutcomes(List<Panel> panels, List<PanelOutcome> outcomes) {
    if (panels.size() != outcomes.size()) {
      throw LabglossException.defect("the service answered " + outcomes.size() + " of " + panels.size() + " panels");
    }
    for (int index = 0; index < panels.size(); index++) {
      PanelOutcome outcome = outcomes.get(index);
      checkSame(panels.get(index), outcome.getPanelId());
      if (outcome.hasReport()) {
        checkSame(panels.get(index), outcome.getReport().getPanelId());
      } else if (!outcome.hasError()) {
        throw LabglossException.defect("the service answered a panel with neither report nor error");
      }
    }
  }

  /** A report that reaches the wrong patient is the worst that can happen here, and the check costs nothing. */
  private static void checkSame(Panel panel, String answered) {
    if (!panel.getId().equals(answered)) {
      throw LabglossException.defect("the service answered for another panel than was asked: the ids differ");
    }
  }

  /** Panels gathered into messages of at most so many, none larger than the service takes. */
  private static final class Packing implements Iterator<List<Panel>> {
    private final Iterator<Panel> panels;
    private final int most;
    private Panel held;

    Packing(Iterator<Panel> panels, int most) {
      this.panels = panels;
      this.most = most;
    }

    @Override
    public boolean hasNext() {
      return held != null || panels.hasNext();
    }

    @Override
    public List<Panel> next() {
      List<Panel> message = new ArrayList<>();
      int size = 0;
      while (hasNext() && message.size() < most) {
        Panel panel = held == null ? panels.next() : held;
        held = null;
        int added = panel.getSerializedSize() + PANEL_FRAME_BYTES;
        if (!message.isEmpty() && size + added > MESSAGE_LIMIT_BYTES) {
          held = panel;
          break;
        }
        message.add(panel);
        size += added;
      }
      return message;
    }
  }

  /** What comes over a stream, for the thread that waits for it. */
  private static final class Arrivals implements StreamObserver<StreamInterpretPanelsResponse> {
    private final BlockingQueue<Object> came = new LinkedBlockingQueue<>();

    @Override
    public void onNext(StreamInterpretPanelsResponse response) {
      came.add(response);
    }

    @Override
    public void onError(Throwable failure) {
      came.add(failure);
    }

    @Override
    public void onCompleted() {
      came.add(Status.OK);
    }

    /** The next message, null at the end of the stream. */
    StreamInterpretPanelsResponse next() {
      try {
        Object next = came.take();
        if (next instanceof Throwable) {
          throw LabglossException.of((Throwable) next);
        }
        return next == Status.OK ? null : (StreamInterpretPanelsResponse) next;
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        throw LabglossException.of(Status.CANCELLED.withCause(interrupted).asRuntimeException());
      }
    }
  }
}
