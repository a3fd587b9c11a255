/**
 * What every spec needs: a browser, a signed-in page, figures read exactly, and a record of everything that went wrong.
 * Specs wait for conditions with a deadline and never sleep. Environment: BASE_URL, CHROMIUM (path of the browser).
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const BASE_URL = (process.env.BASE_URL ?? "http://127.0.0.1:8080").replace(/\/$/, "");
export const DEADLINE_MS = 20_000;

export const USERS = {
  superadmin: { email: "superadmin@salescommand.com", password: "demo123", scope: "all" },
  manager: { email: "am1@salescommand.com", password: "demo123", scope: "team" },
  krishna: { email: "krishna@securado.net", password: "password", scope: "own" },
};

const ARTIFACTS = fileURLToPath(new URL("./artifacts/", import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WCAG_2_2_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** One browser for a spec file; `after(() => browser.close())` is the spec's. */
export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
}

/** A page of its own (cookies, storage) that records console errors, page errors and failed requests. */
export async function openPage(browser, { width = 1280, height = 860, colorScheme = "light" } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, baseURL: BASE_URL });
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(`page error: ${error.message}`));
  page.on("console", (message) => {
    const { url } = message.location();
    if (message.type() === "error") troubles.push(`console: ${message.text()} ${url}`);
  });
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText ?? "";
    // A call given up because the page went elsewhere has not failed.
    if (!reason.includes("ERR_ABORTED")) troubles.push(`request: ${request.method()} ${request.url()} ${reason}`);
  });
  return { page, context, troubles };
}

/** Fails when anything went wrong that the spec did not provoke itself. */
export function assertNoTroubles(troubles, provoked = []) {
  const unexpected = troubles.filter((trouble) => !provoked.some((pattern) => pattern.test(trouble)));
  assert.deepEqual(unexpected, []);
}

export async function fillIn(page, { email, password }) {
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Signs in on the way to `path`, and waits until it is there. */
export async function signIn(page, user, path = "/overview") {
  await page.goto(path);
  await fillIn(page, user);
  await page.waitForURL((url) => url.pathname === path.split("?")[0]);
  await page.getByRole("heading", { level: 1 }).waitFor();
}

/** The amounts of a figure as the server sent them: { USD: minor units }. */
export async function amountsOf(page, metric) {
  const tile = page.locator(`[data-metric="${metric}"]`).first();
  await tile.waitFor();
  const pairs = await tile
    .locator("[data-currency]")
    .evaluateAll((nodes) => nodes.map((node) => [node.dataset.currency, Number(node.dataset.minor)]));
  return Object.fromEntries(pairs);
}

/** WCAG 2.2 AA violations, one readable line each. */
async function axeViolations(page) {
  await page.evaluate(AXE);
  return page.evaluate(async (tags) => {
    const { violations } = await globalThis.axe.run(document, { runOnly: tags });
    return violations.map(({ id, help, nodes }) => `${id}: ${help} at ${nodes.map((n) => n.target.join(" ")).join(", ")}`);
  }, WCAG_2_2_AA);
}

/** How far the page could be scrolled sideways; must be 0. */
function sidewaysOverflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

export async function screenshot(page, name) {
  mkdirSync(ARTIFACTS, { recursive: true });
  await page.screenshot({ path: `${ARTIFACTS}${name}.png`, fullPage: true });
}

/** Polls `read` until `done` accepts what it gave; fails with the last value. */
export async function eventually(what, read, done, deadlineMs = 60_000) {
  const end = Date.now() + deadlineMs;
  let last = await read();
  while (!done(last)) {
    assert.ok(Date.now() < end, `${what}: still ${JSON.stringify(last)} after ${deadlineMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 250));
    last = await read();
  }
  return last;
}

/** Waits until fonts are there and nothing fades or moves any more, but what goes on for ever, such as a spinner. */
async function atRest(page) {
  await page.evaluate(() => document.fonts.ready);
  await page.waitForFunction(
    () =>
      !document.querySelector("[data-starting-style], [data-ending-style]") &&
      document
        .getAnimations()
        .every(({ effect, playState }) => playState !== "running" || effect?.getComputedTiming().endTime === Infinity),
  );
}

/** A picture of the page at rest, which neither scrolls sideways nor has a barrier. */
export async function inspect(page, label) {
  await atRest(page);
  await screenshot(page, label);
  assert.equal(await sidewaysOverflow(page), 0, `${label} scrolls sideways`);
  assert.deepEqual(await axeViolations(page), [], label);
}
