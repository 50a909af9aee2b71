// A client that knows nothing of labgloss but its address: the schema comes by reflection (grpc-js-reflection-client,
// over @grpc/grpc-js). Argument: host:port. Standard input, JSON: a panel.
// Standard output, JSON: its report, and the whole answer as it came, in base64.
const fs = require("node:fs");
const grpc = require("@grpc/grpc-js");
const { GrpcReflection } = require("grpc-js-reflection-client");

const SERVICE = "labgloss.v1.InterpretationService";
// Fields are named as in the .proto files, in panels and reports.
const AS_TEXT = { longs: String, enums: String, bytes: String };

const target = process.argv[2];
const plaintext = grpc.credentials.createInsecure();

async function interpretPanel() {
  const schema = await new GrpcReflection(target, plaintext).getDescriptorBySymbol(SERVICE);
  const { service } = schema.getPackageObject(AS_TEXT).labgloss.v1.InterpretationService;
  return service.InterpretPanel;
}

function call(client, method, panel) {
  const asItCame = (bytes) => bytes;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(method.path, method.requestSerialize, asItCame, { panel }, (error, bytes) =>
      error ? reject(error) : resolve({ ...method.responseDeserialize(bytes), bytes: bytes.toString("base64") }),
    );
  });
}

async function main() {
  const panel = JSON.parse(fs.readFileSync(0, "utf8"));
  const answer = await call(new grpc.Client(target, plaintext), await interpretPanel(), panel);
  process.stdout.write(JSON.stringify(answer));
}

// The connections would keep the process alive: it ends when the answer is written, or says why there is none.
main().then(
  () => process.stdout.end(() => process.exit(0)),
  (error) => {
    console.error(error.message);
    process.exit(1);
  },
);
