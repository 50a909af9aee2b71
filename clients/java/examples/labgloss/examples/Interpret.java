package labgloss.examples;

import java.time.Duration;
import labgloss.client.Client;
import labgloss.client.LabglossException;
import labgloss.client.Options;
import labgloss.v1.Panel;
import labgloss.v1.Patient;
import labgloss.v1.Recommendation;
import labgloss.v1.Report;
import labgloss.v1.Result;
import labgloss.v1.ResultInterpretation;
import labgloss.v1.Sex;
import labgloss.v1.Symptom;

/** Prints what a labgloss service says of one panel. Argument: where it is, 127.0.0.1:50051 when left out. */
final class Interpret {
  private Interpret() {}

  public static void main(String[] arguments) {
    Panel panel =
        Panel.newBuilder()
            .setId("example")
            .setPatient(Patient.newBuilder().setAgeYears(67).setSex(Sex.SEX_FEMALE))
            .addResults(result("magnesium", "0.41"))
            .addResults(result("potassium", "2.9"))
            .addSymptoms(Symptom.newBuilder().setText("cramps in both calves"))
            .build();
    String target = arguments.length > 0 ? arguments[0] : "127.0.0.1:50051";
    // The first call of a process also loads what it needs; later ones want no more than the second that is usual.
    Options options = new Options().timeout(Duration.ofSeconds(5));
    try (Client client = new Client(target, options)) {
      print(client.interpret(panel));
    } catch (LabglossException failure) {
      System.err.println(failure);
      System.exit(1);
    }
  }

  private static Result.Builder result(String analyte, String value) {
    return Result.newBuilder().setAnalyte(analyte).setValue(value).setUnit("mmol/L");
  }

  private static void print(Report report) {
    System.out.println(report.getUrgency().name().replace("URGENCY_", "") + ": " + report.getSummary());
    for (ResultInterpretation result : report.getResultsList()) {
      System.out.println("- " + result.getExplanation());
    }
    for (Recommendation step : report.getRecommendationsList()) {
      System.out.println("* " + step.getText() + " (" + step.getTimeFrame() + ")");
    }
  }
}
