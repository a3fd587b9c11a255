/** No sentence without a reader: each key of the catalogue is used, literally or through a template. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { en } from "@/i18n/en";
import { enLater } from "@/i18n/en-later";

function keysOf(node: object, path = ""): string[] {
  return Object.entries(node).flatMap(([name, value]) => {
    const key = path ? `${path}.${name}` : name;
    return typeof value === "string" ? [key.replace(/_(one|other)$/, "")] : keysOf(value, key);
  });
}

const SRC = resolve("src");
const code = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((file) => /\.tsx?$/.test(file) && !/\.test\.|i18n/.test(file))
  .map((file) => readFileSync(join(SRC, file), "utf8"))
  .join("\n");

test("every key is used", () => {
  const unused = [...new Set(keysOf({ ...en, ...enLater }))].filter((key) => {
    const group = key.slice(0, key.lastIndexOf("."));
    return !code.includes(`"${key}"`) && !code.includes(`${group}.\${`);
  });
  expect(unused).toEqual([]);
});
