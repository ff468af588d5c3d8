// Runs an ONNX graph on CPU over rows of tokens, one text a call, as the worker does.
// node run-onnx.mjs GRAPH < rows.jsonl > outputs.jsonl   (row: {"ids": [...], "cases": [...]}; several rows: {"rows": [...]})
// Needs the npm package onnxruntime-node; NODE_PATH may say where it is.
import { createRequire } from "node:module";
import readline from "node:readline";
const ort = createRequire(import.meta.url)("onnxruntime-node");

const session = await ort.InferenceSession.create(process.argv[2], { intraOpNumThreads: 1, logSeverityLevel: 3 });
const tensor = (rows, columns, of) => {
  const values = new BigInt64Array(rows.length * columns);
  rows.forEach((row, r) => of(row).forEach((v, c) => { values[r * columns + c] = BigInt(v); }));
  return new ort.Tensor("int64", values, [rows.length, columns]);
};
// Warm, then timed: processor time, which other programs' load disturbs less than elapsed time does.
let rowsDone = 0, started;
for await (const line of readline.createInterface({ input: process.stdin })) {
  const parsed = JSON.parse(line);
  const rows = parsed.rows ?? [parsed];
  if (rowsDone++ === 50) started = process.cpuUsage();
  const columns = Math.max(...rows.map((row) => row.ids.length));
  const outputs = await session.run({
    input_ids: tensor(rows, columns, (row) => row.ids),
    attention_mask: tensor(rows, columns, (row) => row.ids.map(() => 1)),
    token_type_ids: tensor(rows, columns, (row) => row.cases),
  });
  const plain = Object.entries(outputs).map(([name, t]) => [name, { dims: t.dims, data: Array.from(t.data) }]);
  process.stdout.write(JSON.stringify(Object.fromEntries(plain)) + "\n");
}
if (started) {
  const { user, system } = process.cpuUsage(started);
  process.stderr.write(JSON.stringify({ rows: rowsDone - 50, cpuSeconds: (user + system) / 1e6 }) + "\n");
}
