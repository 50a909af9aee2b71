package labgloss.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Any;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.BiFunction;
import labgloss.client.Client;
import labgloss.client.LabglossException;
import labgloss.client.Options;
import labgloss.v1.BatchInterpretPanelsRequest;
import labgloss.v1.BatchInterpretPanelsResponse;
import labgloss.v1.ErrorReason;
import labgloss.v1.GetReleaseRequest;
import labgloss.v1.GetReleaseResponse;
import labgloss.v1.GetRuleRequest;
import labgloss.v1.GetRuleResponse;
import labgloss.v1.InterpretBundleRequest;
import labgloss.v1.InterpretPanelRequest;
import labgloss.v1.InterpretPanelResponse;
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
import labgloss.v1.StreamInterpretPanelsRequest;
import labgloss.v1.StreamInterpretPanelsResponse;

/**
 * Replays exchanges: Replay TARGET FOLDER [--ca FILE] [--certificate FILE --key FILE] [--token-file FILE] [--timeout-ms
 * N]. Prints a line for each exchange, what differed below it, and ends with 1 when anything did.
 */
final class Replay {
  /** How the client is asked: the message of a request, and what it answered. */
  private static final class Method {
    final Message request;
    final BiFunction<Client, List<Message>, List<Message>> ask;

    Method(Message request, BiFunction<Client, List<Message>, List<Message>> ask) {
      this.request = request;
      this.ask = ask;
    }
  }

  private static final Map<String, Method> METHODS = new HashMap<>();

  static {
    METHODS.put("InterpretPanel", new Method(InterpretPanelRequest.getDefaultInstance(), Replay::interpret));
    METHODS.put("BatchInterpretPanels", new Method(BatchInterpretPanelsRequest.getDefaultInstance(), Replay::batch));
    METHODS.put("StreamInterpretPanels", new Method(StreamInterpretPanelsRequest.getDefaultInstance(), Replay::stream));
    METHODS.put("InterpretBundle", new Method(InterpretBundleRequest.getDefaultInstance(), Replay::bundle));
    METHODS.put("GetRelease", new Method(GetReleaseRequest.getDefaultInstance(), Replay::release));
    METHODS.put("GetRule", new Method(GetRuleRequest.getDefaultInstance(), Replay::rule));
    METHODS.put("ListAnalytes", new Method(ListAnalytesRequest.getDefaultInstance(), Replay::analytes));
    METHODS.put("ListSymptoms", new Method(ListSymptomsRequest.getDefaultInstance(), Replay::symptoms));
    METHODS.put("ListSources", new Method(ListSourcesRequest.getDefaultInstance(), Replay::sources));
    METHODS.put("ListRules", new Method(ListRulesRequest.getDefaultInstance(), Replay::rules));
    METHODS.put(
        "ListReferenceIntervals", new Method(ListReferenceIntervalsRequest.getDefaultInstance(), Replay::intervals));
  }

  private Replay() {}

  private static List<Message> interpret(Client client, List<Message> asked) {
    Panel panel = ((InterpretPanelRequest) asked.get(0)).getPanel();
    return List.of(InterpretPanelResponse.newBuilder().setReport(client.interpret(panel)).build());
  }

  private static List<Message> batch(Client client, List<Message> asked) {
    List<Panel> panels = ((BatchInterpretPanelsRequest) asked.get(0)).getPanelsList();
    List<PanelOutcome> outcomes = client.interpretBatch(panels);
    return List.of(BatchInterpretPanelsResponse.newBuilder().addAllOutcomes(outcomes).build());
  }

  private static List<Message> stream(Client client, List<Message> asked) {
    List<Panel> panels = new ArrayList<>();
    List<StreamInterpretPanelsResponse.Builder> of = new ArrayList<>();
    TreeSet<Integer> ends = new TreeSet<>();
    for (Message message : asked) {
      StreamInterpretPanelsResponse.Builder response = StreamInterpretPanelsResponse.newBuilder();
      for (Panel panel : ((StreamInterpretPanelsRequest) message).getPanelsList()) {
        panels.add(panel);
        of.add(response);
      }
      ends.add(of.size() - 1);
    }
    List<PanelOutcome> outcomes = new ArrayList<>();
    client.interpretStream(panels.iterator(), outcomes::add, 2, 4, Duration.ofSeconds(10));
    for (int index = 0; index < outcomes.size(); index++) {
      of.get(index).addOutcomes(outcomes.get(index));
    }
    List<Message> answered = new ArrayList<>();
    ends.forEach(end -> answered.add(of.get(end).build()));
    return answered;
  }

  private static List<Message> bundle(Client client, List<Message> asked) {
    return List.of(client.interpretBundle((InterpretBundleRequest) asked.get(0)));
  }

  private static List<Message> release(Client client, List<Message> asked) {
    return List.of(GetReleaseResponse.newBuilder().setRelease(client.release()).build());
  }

  private static List<Message> rule(Client client, List<Message> asked) {
    String id = ((GetRuleRequest) asked.get(0)).getId();
    return List.of(GetRuleResponse.newBuilder().setRule(client.rule(id)).build());
  }

  private static List<Message> intervals(Client client, List<Message> asked) {
    ListReferenceIntervalsRequest only = (ListReferenceIntervalsRequest) asked.get(0);
    return List.of(
        ListReferenceIntervalsResponse.newBuilder()
            .addAllIntervals(client.referenceIntervals(only.getAnalyte(), only.getVariant()))
            .build());
  }

  private static List<Message> analytes(Client client, List<Message> asked) {
    return List.of(ListAnalytesResponse.newBuilder().addAllAnalytes(client.analytes()).build());
  }

  private static List<Message> symptoms(Client client, List<Message> asked) {
    return List.of(ListSymptomsResponse.newBuilder().addAllSymptoms(client.symptoms()).build());
  }

  private static List<Message> sources(Client client, List<Message> asked) {
    return List.of(ListSourcesResponse.newBuilder().addAllSources(client.sources()).build());
  }

  private static List<Message> rules(Client client, List<Message> asked) {
    ListRulesRequest only = (ListRulesRequest) asked.get(0);
    return List.of(ListRulesResponse.newBuilder().addAllRules(client.rules(only.getKind(), only.getAnalyte())).build());
  }

  /** What is not as it was recorded. */
  private static List<String> differences(Client client, JsonObject exchange) throws IOException {
    Method method = METHODS.get(exchange.get("method").getAsString().split("/")[1]);
    List<String> found = new ArrayList<>();
    List<Message> requests = new ArrayList<>();
    for (JsonElement recorded : exchange.getAsJsonArray("requests")) {
      Message request = method.request.newBuilderForType().mergeFrom(bytes(recorded)).build();
      Message.Builder spelled = method.request.newBuilderForType();
      JsonFormat.parser().merge(recorded.getAsJsonObject().get("json").toString(), spelled);
      if (!spelled.build().equals(request)) {
        found.add("request: its JSON is another message than its bytes");
      }
      requests.add(request);
    }
    List<Message> responses;
    try {
      responses = method.ask.apply(client, requests);
    } catch (LabglossException failure) {
      found.addAll(errorDifferences(failure, exchange.getAsJsonObject("error")));
      return found;
    }
    JsonArray recorded = exchange.getAsJsonArray("responses");
    if (recorded == null) {
      found.add("answered, where an error was recorded");
    } else if (recorded.size() != responses.size()) {
      found.add("another number of messages was answered");
    } else {
      for (int index = 0; index < responses.size(); index++) {
        found.addAll(messageDifferences(responses.get(index), recorded.get(index)));
      }
    }
    return found;
  }

  private static List<String> messageDifferences(Message message, JsonElement recorded) throws IOException {
    List<String> found = new ArrayList<>();
    JsonObject expected = recorded.getAsJsonObject();
    if (expected.has("bytes") && !Arrays.equals(message.toByteArray(), bytes(recorded))) {
      found.add("response: other bytes");
    }
    if (!JsonParser.parseString(JsonFormat.printer().print(message)).equals(expected.get("json"))) {
      found.add("response: other JSON");
    }
    return found;
  }

  private static byte[] bytes(JsonElement recorded) {
    return Base64.getDecoder().decode(recorded.getAsJsonObject().get("bytes").getAsString());
  }

  /** Words of gRPC itself differ from language to language: what is not recorded is not compared. */
  private static List<String> errorDifferences(LabglossException failure, JsonObject recorded) {
    if (recorded == null) {
      return List.of("failed, where an answer was recorded: " + failure);
    }
    JsonObject metadata = new JsonObject();
    failure.metadata().forEach(metadata::addProperty);
    JsonArray violations = new JsonArray();
    for (LabglossException.Violation bad : failure.violations()) {
      JsonObject violation = new JsonObject();
      violation.addProperty("field", bad.field());
      violation.addProperty("reason", bad.reason().name().replace("VIOLATION_REASON_", ""));
      violation.addProperty("description", bad.description());
      violations.add(violation);
    }
    JsonArray details = new JsonArray();
    for (Any each : failure.details()) {
      JsonObject detail = new JsonObject();
      detail.addProperty("type", each.getTypeUrl().substring(each.getTypeUrl().lastIndexOf('/') + 1));
      detail.addProperty("bytes", Base64.getEncoder().encodeToString(each.getValue().toByteArray()));
      details.add(detail);
    }
    boolean given = failure.reason() != ErrorReason.ERROR_REASON_UNSPECIFIED;
    Map<String, JsonElement> got = new HashMap<>();
    got.put("code", number(failure.code().value()));
    got.put("message", new JsonPrimitive(failure.getMessage()));
    got.put("reason", new JsonPrimitive(given ? failure.reason().name().replace("ERROR_REASON_", "") : ""));
    got.put("metadata", metadata);
    got.put("violations", violations);
    got.put("details", details);
    got.put(
        "retryAfterMs",
        failure.retryAfter().<JsonElement>map(after -> number(after.toMillis())).orElse(JsonNull.INSTANCE));
    List<String> found = new ArrayList<>();
    for (Map.Entry<String, JsonElement> expected : recorded.entrySet()) {
      if (!expected.getValue().equals(got.get(expected.getKey()))) {
        found.add("error: other " + expected.getKey() + ": " + got.get(expected.getKey()));
      }
    }
    return found;
  }

  /** As it is read from a file, so that the two are equal. */
  private static JsonElement number(long value) {
    return JsonParser.parseString(Long.toString(value));
  }

  private static Options options(Map<String, String> flags) throws IOException {
    Options options = new Options();
    options.timeout(Duration.ofMillis(Long.parseLong(flags.getOrDefault("--timeout-ms", "10000"))));
    if (flags.containsKey("--token-file")) {
      options.token(Options.tokenFile(Path.of(flags.get("--token-file"))));
    }
    if (flags.containsKey("--ca")) {
      TlsChannelCredentials.Builder tls =
          TlsChannelCredentials.newBuilder().trustManager(Path.of(flags.get("--ca")).toFile());
      if (flags.containsKey("--certificate")) {
        tls.keyManager(Path.of(flags.get("--certificate")).toFile(), Path.of(flags.get("--key")).toFile());
      }
      options.credentials(tls.build());
    }
    return options;
  }

  public static void main(String[] arguments) throws IOException {
    Map<String, String> flags = new HashMap<>();
    for (int index = 2; index + 1 < arguments.length; index += 2) {
      flags.put(arguments[index], arguments[index + 1]);
    }
    int code = 0;
    try (Client client = new Client(arguments[0], options(flags));
        DirectoryStream<Path> files = Files.newDirectoryStream(Path.of(arguments[1]), "*.json")) {
      System.out.println(client.healthy() ? "healthy" : "not healthy");
      TreeSet<String> names = new TreeSet<>();
      files.forEach(file -> names.add(file.getFileName().toString()));
      for (String name : names) {
        String text = Files.readString(Path.of(arguments[1], name));
        List<String> lines = differences(client, JsonParser.parseString(text).getAsJsonObject());
        code = lines.isEmpty() ? code : 1;
        lines.add(0, name.replace(".json", "") + (lines.isEmpty() ? ": as recorded" : ": differs"));
        System.out.println(String.join("\n  ", lines));
      }
    }
    System.exit(code);
  }
}
