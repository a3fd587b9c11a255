/** The audit log as an administrator reads it: what was just done is in it, its chain is whole, and it leaves as a file. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { assertNoTroubles, inspect, launch, openPage, signIn, USERS } from "../harness.mjs";

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test("what was done is told, and the chain can be checked by anybody who has the file", async () => {
  const { page, context, troubles } = await openPage(browser);
  await signIn(page, USERS.superadmin, "/audit");
  const rows = page.getByRole("table", { name: "Entries" }).locator("tbody tr");
  await rows.filter({ hasText: "session.signed_in" }).filter({ hasText: "127.0.0.1" }).first().waitFor();
  await page.getByRole("status").getByText(/Whole up to entry \d+/).waitFor();
  await inspect(page, "audit");

  await page.getByLabel("What").selectOption("Sign-ins");
  await page.waitForURL(/group=session/);
  await rows.filter({ hasText: "session." }).first().waitFor();
  await rows.filter({ hasNotText: "session." }).first().waitFor({ state: "detached" });
  await page.getByLabel("What").selectOption("Everything");
  await page.waitForURL((url) => !url.search.includes("group"));

  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download JSON Lines" }).click();
  const lines = (await readFile(await (await download).path(), "utf8")).trimEnd().split("\n");
  let previous = "0".repeat(64);
  for (const [index, line] of lines.entries()) {
    const entry = JSON.parse(line);
    assert.deepEqual([entry.position, entry.previous], [index + 1, previous]);
    previous = createHash("sha256").update(line).digest("hex");
  }
  await page.reload();
  await rows.filter({ hasText: "export.made" }).first().waitFor();
  assertNoTroubles(troubles);
  await context.close();
});

test("who may not read it has neither the page nor the answers", async () => {
  const { page, context } = await openPage(browser);
  await signIn(page, USERS.krishna, "/overview");
  assert.equal(await page.getByRole("link", { name: "Audit log" }).count(), 0);
  assert.equal((await page.request.get("/api/audit")).status(), 403);
  assert.equal((await page.request.get("/api/audit/export")).status(), 403);
  await context.close();
});
