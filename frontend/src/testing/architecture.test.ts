/** The import direction, and the size of components, as a test: ui/lib/api → features → routes → app; no feature imports another. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const SRC = resolve("src");
const FILES = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file));
const CODE = FILES.filter((file) => !/\.gen\.ts$|\.test\.tsx?$|^testing\//.test(file));
const LAYERS = ["api", "i18n", "lib", "components", "features", "routes", "app"];

const read = (file: string) => readFileSync(join(SRC, file), "utf8");
const importsOf = (file: string) =>
  [...read(file).matchAll(/from "@\/([^"]+)"/g)].map(([, path]) => path ?? "");

test.each(CODE)("%s imports only from its own layer or below", (file) => {
  const own = LAYERS.indexOf(file.split("/")[0] ?? "");
  const above = importsOf(file).filter((path) => LAYERS.indexOf(path.split("/")[0] ?? "") > own);
  expect(above).toEqual([]);
});

test.each(CODE.filter((file) => file.startsWith("features/")))("%s imports no other feature", (file) => {
  const feature = file.split("/").slice(0, 2).join("/");
  const others = importsOf(file).filter(
    (path) => path.startsWith("features/") && !path.startsWith(`${feature}/`),
  );
  expect(others).toEqual([]);
});

test.each(CODE.filter((file) => file.endsWith(".tsx")))("%s has at most 150 lines", (file) => {
  expect(read(file).split("\n").length).toBeLessThanOrEqual(151);
});
