/** A deal raised by 1234.00 in the source is in its owner's figure, by exactly that, after "Sync now". */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { amountsOf, assertNoTroubles, eventually, launch, openPage, screenshot, signIn, USERS } from "../harness.mjs";
import { connect, openLeadOf, raise } from "../odoo.mjs";

const RISE = 1234;
const SYNC_MS = 120_000;

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** Presses "Sync now" of the source (SIM_SOURCE, or the first) and waits until the run has ended. */
async function syncNow(page) {
  const name = process.env.SIM_SOURCE;
  const card = name ? page.getByTestId(`source-${name}`) : page.locator('[data-testid^="source-"]').first();
  const idle = () => card.getAttribute("data-running");
  await card.waitFor();
  await eventually("the run before", idle, (running) => running === "false", SYNC_MS);
  const history = () => page.locator("tr[data-run]").evaluateAll((rows) => rows.map((row) => [row.dataset.run, row.dataset.state]));
  const before = new Set((await history()).map(([run]) => run));
  await card.getByRole("button", { name: /Sync now/ }).click();
  const runs = await eventually(
    "the run in the history",
    history,
    (rows) => rows.some(([run, state]) => !before.has(run) && state !== "running" && state !== "queued"),
    SYNC_MS,
  );
  const [, state] = runs.find(([run]) => !before.has(run));
  assert.equal(state, "succeeded");
}

test("a deal changed in the source arrives in its owner's figures", async () => {
  const odoo = await connect();
  const admin = await openPage(browser);
  const krishna = await openPage(browser);
  await signIn(admin.page, USERS.superadmin, "/data-lake");
  // Whatever was changed before this test is in the figures before it begins.
  await syncNow(admin.page);
  await signIn(krishna.page, USERS.krishna);
  const fresh = () => krishna.page.locator('[data-testid="freshness"] [data-projected]').first().getAttribute("data-projected");
  await eventually("all read records in the figures", fresh, (projected) => projected === "true");
  const before = await amountsOf(krishna.page, "open_pipeline");

  const lead = await openLeadOf(odoo, USERS.krishna.email);
  await raise(odoo, lead, RISE);
  await syncNow(admin.page);
  await screenshot(admin.page, "sync-finished");

  const rises = (now) => Object.keys({ ...before, ...now }).map((code) => (now[code] ?? 0) - (before[code] ?? 0));
  const changed = (now) => rises(now).some((rise) => rise !== 0);
  const now = await eventually("krishna's open pipeline", () => amountsOf(krishna.page, "open_pipeline"), changed);
  assert.deepEqual(rises(now).filter((rise) => rise !== 0), [RISE * 100], `${JSON.stringify(before)} -> ${JSON.stringify(now)}`);
  await screenshot(krishna.page, "change-arrived");
  assertNoTroubles([...admin.troubles, ...krishna.troubles]);
});
