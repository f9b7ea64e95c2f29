// Compiles contracts/*.sol into build/contracts.json: {name: {abi, bytecode}}.
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const here = (...parts) => path.join(__dirname, ...parts);
const sources = {};
for (const file of fs.readdirSync(here("contracts")).sort()) {
  sources[file] = { content: fs.readFileSync(here("contracts", file), "utf8") };
}
const input = {
  language: "Solidity",
  sources,
  settings: {
    optimizer: { enabled: true, runs: 200 },
    outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
  },
};
const imported = (name) => {
  const file = here("node_modules", name);
  return fs.existsSync(file)
    ? { contents: fs.readFileSync(file, "utf8") }
    : { error: `${name} is not installed` };
};
const output = JSON.parse(solc.compile(JSON.stringify(input), { import: imported }));
const errors = (output.errors || []).filter((each) => each.severity === "error");
if (errors.length) {
  console.error(errors.map((each) => each.formattedMessage).join("\n"));
  process.exit(1);
}
const compiled = {};
for (const file of Object.keys(sources)) {
  for (const [name, contract] of Object.entries(output.contracts[file])) {
    compiled[name] = { abi: contract.abi, bytecode: "0x" + contract.evm.bytecode.object };
  }
}
fs.mkdirSync(here("build"), { recursive: true });
fs.writeFileSync(here("build", "contracts.json"), JSON.stringify(compiled));
