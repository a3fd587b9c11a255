// What a first visit of the overview loads: the gzipped size of the built JavaScript, against the budget.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET_KB = 240;
const ASSETS = "dist/assets";
const ROUTE_CHUNKS = /^(_app|overview)-/;

const chunks = readdirSync(ASSETS).filter((name) => name.endsWith(".js"));
const entries = [...readFileSync("dist/index.html", "utf8").matchAll(/assets\/([\w.-]+\.js)/g)].map(
  (m) => m[1],
);
const needed = new Set();

function need(name) {
  if (needed.has(name)) return;
  needed.add(name);
  const code = readFileSync(join(ASSETS, name), "utf8");
  for (const [, imported] of code.matchAll(/(?:from|import)\s*["'`]\.\/([\w.-]+\.js)["'`]/g)) need(imported);
}

for (const name of [...entries, ...chunks.filter((chunk) => ROUTE_CHUNKS.test(chunk))]) need(name);
const bytes = [...needed]
  .map((name) => gzipSync(readFileSync(join(ASSETS, name))).length)
  .reduce((a, b) => a + b, 0);
const kb = bytes / 1000;
process.stdout.write(
  `first load of the overview: ${kb.toFixed(1)} kB gzipped in ${needed.size} files, budget ${BUDGET_KB} kB\n`,
);
process.exitCode = kb > BUDGET_KB ? 1 : 0;
