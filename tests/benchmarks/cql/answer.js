// Answers FHIR Bundles by an ELM library in cql-execution, and says what CPU that took. Lines of JSON in and out:
// {"library": ELM, "bundles": [text, ...]} once, answered by {"answers": [[text of each expression, ...], ...]};
// then {"round": true}, each answered by {"microseconds": CPU of this process for all Bundles}.
'use strict';

const readline = require('node:readline');
const { Executor, Library, Repository } = require('cql-execution');
const { PatientSource } = require('cql-exec-fhir');

// Read once: the model of FHIR takes longer to load than many Bundles to answer.
const source = PatientSource.FHIRv401();
let executor;
let bundles;
let names;

async function answers() {
  const found = [];
  for (const text of bundles) {
    source.loadBundles([JSON.parse(text)]);
    const results = await executor.exec(source);
    const [patient] = Object.values(results.patientResults);
    found.push(names.map((name) => patient[name]));
    source.reset();
  }
  return found;
}

async function take(line) {
  const told = JSON.parse(line);
  if (told.library) {
    const library = new Library(told.library, new Repository([]));
    names = told.library.library.statements.def.map((one) => one.name).filter((name) => name !== 'Patient');
    executor = new Executor(library);
    bundles = told.bundles;
    return { answers: await answers() };
  }
  const before = process.cpuUsage();
  await answers();
  const { user, system } = process.cpuUsage(before);
  return { microseconds: user + system };
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await take(line))}\n`);
  }
})().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
