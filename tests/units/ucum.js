// Answers for tests/units from ucum-lhc, an implementation of UCUM that this project has no part in.
// Standard input, JSON: expressions [text], conversions [{from, to, molarMass, charge}].
// Standard output, JSON: valid [true or false], factors [number, or null where ucum-lhc converts nothing].
const fs = require("node:fs");

// The library reports what it cannot parse on standard output, where only the answer may stand.
console.log = console.error;
const ucum = require("@lhncbc/ucum-lhc").UcumLhcUtils.getInstance();

function factor({ from, to, molarMass, charge }) {
  const answer = ucum.convertUnitTo(from, 1, to, { molecularWeight: molarMass, charge });
  return answer.status === "succeeded" ? answer.toVal : null;
}

const asked = JSON.parse(fs.readFileSync(0, "utf8"));
const answer = {
  valid: asked.expressions.map((text) => ucum.validateUnitString(text).status === "valid"),
  factors: asked.conversions.map(factor),
};
process.stdout.write(JSON.stringify(answer));
