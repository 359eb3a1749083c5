// node mock/main.mjs [PORT] [--setup] [--empty]: the mock, serving dist/ as well.
import { kKey, startMock } from "./server.mjs";

const flags = process.argv.slice(2);
const port = Number(flags.find((one) => /^\d+$/.test(one)) ?? 8099);
const mock = await startMock(port, { setup: flags.includes("--setup"), empty: flags.includes("--empty") });
console.log(`${mock.base}  user anna, password "correct horse"; key ${kKey}`);
