/**
 * An operator adds a source, is told what is wrong with it, mends it, looks at what it has, sets when it is read, lets the clock
 * read it, and forgets it. Nobody else is offered any of it.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  assertNoTroubles,
  inspect,
  launch,
  openPage,
  signIn,
  USERS,
} from "../harness.mjs";

/** The next minute, and the clock is looked at every few seconds. */
const CLOCK_MS = 90_000;
const { SIM_URL, SIM_DB, SIM_LOGIN, SIM_PASSWORD } = process.env;

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

async function choose(page, item) {
  await page.getByRole("button", { name: "More: Odoo (second)" }).click();
  await page.getByRole("menuitem", { name: item, exact: true }).click();
}

test("a source is added, mended, read by the clock, and forgotten", async () => {
  const { page, troubles } = await openPage(browser);
  await signIn(page, USERS.superadmin, "/data-lake");

  await page.getByRole("button", { name: "Add a source" }).click();
  const form = page.getByRole("dialog", { name: "Add a source" });
  await form.getByText("Microsoft 365", { exact: true }).click();
  await form.getByLabel("Directory (tenant) id").waitFor();
  await inspect(page, "source-form-microsoft-365");
  await form.getByText("Odoo", { exact: true }).click();
  await form.getByLabel("Name").fill("second");
  await form.getByLabel("Address").fill(SIM_URL);
  await form.getByLabel("Database").fill(SIM_DB);
  await form.getByLabel("Login of the API user").fill(SIM_LOGIN);
  await form.getByLabel("API key, password or client secret").fill("not this one");
  await inspect(page, "source-form");
  await form.getByRole("button", { name: "Add a source" }).click();
  const tested = page.getByRole("dialog", { name: "Connection of Odoo (second)" });
  await tested.getByText("The source cannot be read yet.").waitFor();
  await inspect(page, "source-refused");
  await tested.getByRole("button", { name: "Close" }).click();

  await choose(page, "Change");
  const change = page.getByRole("dialog", { name: "Change Odoo (second)" });
  await change.getByLabel("API key, password or client secret").fill(SIM_PASSWORD);
  await change.getByRole("button", { name: "Save" }).click();
  await change.waitFor({ state: "hidden" });
  await choose(page, "Test the connection");
  await tested.getByText("The source can be read.").waitFor();
  await tested.getByRole("button", { name: "Close" }).click();

  await choose(page, "What it has");
  const objects = page.getByRole("dialog", { name: "What Odoo (second) has" });
  await objects.getByRole("row", { name: /crm\.lead/ }).waitFor();
  await inspect(page, "source-objects");
  await objects.getByRole("button", { name: "Close" }).click();

  // Currencies alone: they change no figure, and the source is forgotten afterwards.
  const card = page.getByTestId("source-second");
  await page.getByRole("button", { name: "Change when Odoo (second) is read" }).click();
  const schedule = page.getByRole("dialog", { name: "When Odoo (second) is read" });
  await schedule.getByRole("combobox", { name: "All objects" }).fill("manual");
  await schedule.getByRole("button", { name: "Save" }).click();
  await card.getByText("Only by hand").waitFor();
  const set = await page.request.put("/api/sync/sources/second/schedule", {
    headers: { "x-requested-with": "salescommand" },
    data: { cadence: "manual", objects: { "res.currency": "* * * * *" } },
  });
  assert.equal(set.status(), 200);
  await card.getByText("Succeeded").waitFor({ timeout: CLOCK_MS });
  await page.getByRole("row", { name: /second .*Schedule/ }).waitFor();
  await inspect(page, "source-scheduled");

  await choose(page, "Forget");
  await page.getByRole("dialog").getByRole("button", { name: "Forget" }).click();
  await card.waitFor({ state: "detached" });
  assertNoTroubles(troubles);
});

test("who does not operate the pipeline is offered none of it", async () => {
  const { page, troubles } = await openPage(browser);
  await signIn(page, USERS.krishna, "/data-lake");
  await page.getByTestId("source-odoo").waitFor();
  assert.equal(await page.getByRole("button", { name: "Add a source" }).count(), 0);
  assert.equal(await page.getByRole("button", { name: /^More:/ }).count(), 0);
  assert.equal(await page.getByRole("button", { name: /^Change when/ }).count(), 0);
  const listed = await page.request.get("/api/sync/sources");
  assert.equal(listed.status(), 403);
  assertNoTroubles(troubles);
});
