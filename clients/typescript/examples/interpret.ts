/** Prints what a labgloss service says of one panel. Argument: where it is, 127.0.0.1:50051 when left out. */
import { Client, LabglossError, Sex, Urgency } from "../src/index.js";

const client = new Client(process.argv[2] ?? "127.0.0.1:50051");
try {
  const report = await client.interpret({
    id: "example",
    patient: { age: { case: "ageYears", value: 67 }, sex: Sex.FEMALE },
    results: [
      { analyte: "magnesium", value: "0.41", unit: "mmol/L" },
      { analyte: "potassium", value: "2.9", unit: "mmol/L" },
    ],
    symptoms: [{ text: "cramps in both calves" }],
  });
  console.log(`${Urgency[report.urgency]}: ${report.summary}`);
  for (const result of report.results) console.log(`- ${result.explanation}`);
  for (const step of report.recommendations) console.log(`* ${step.text} (${step.timeFrame})`);
} catch (error) {
  if (!(error instanceof LabglossError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  client.close();
}
