/**
 * An operator proves that the figures are what raw says, builds everything again, looks at the comparison, switches and goes
 * back, asks where a deal's amount comes from, and opens quarantine. Nobody else sees any of it.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  amountsOf,
  assertNoTroubles,
  DEADLINE_MS,
  inspect,
  launch,
  openPage,
  signIn,
  USERS,
} from "../harness.mjs";

/** A verification or replay of the demo data takes seconds; a busy machine gets minutes. */
const REPLAY_MS = 240_000;

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** The canonical generation that the page says is read. */
async function activeGeneration(page) {
  const shown = page.getByTestId("active-generation");
  await shown.waitFor();
  return Number(await shown.getAttribute("data-canonical"));
}

/** Does what asks for a replay or a verification; gives its id as the server told it. */
async function askedFor(page, act) {
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.url().endsWith("/api/data-lake/replays") && response.request().method() === "POST"),
    act(),
  ]);
  assert.equal(answer.status(), 202);
  return (await answer.json()).id;
}

/** Presses a button with the keyboard alone: focus, Enter. */
async function press(scope, name) {
  const button = scope.getByRole("button", { name, exact: true });
  await button.focus();
  await button.press("Enter");
}

test("an operator verifies, replays, compares, switches and rolls back", async (t) => {
  const { page, context, troubles } = await openPage(browser);
  await signIn(page, USERS.superadmin, "/data-lake");
  await page.getByRole("link", { name: "Generations", exact: true }).click();
  await page.waitForURL("**/data-lake/generations");
  const first = await activeGeneration(page);
  let replay;

  await t.test("a verification finds nothing that differs", async () => {
    const verification = await askedFor(page, () => page.getByRole("button", { name: "Verify now" }).click());
    const last = page.locator(`[data-testid="last-verification"][data-replay="${verification}"]`);
    await last.waitFor({ timeout: REPLAY_MS });
    assert.equal(await last.getAttribute("data-differing"), "0");
    await last.getByText("Equal: 0 differing").waitFor();
  });

  await t.test("a replay shows its progress and gets ready", async () => {
    replay = await askedFor(page, () => page.getByRole("button", { name: "Start the replay" }).click());
    const ready = page.locator(`li[data-replay="${replay}"][data-state="ready"]`);
    // On a fast machine it may be ready before the page has asked a second time.
    const progress = page.locator(`li[data-replay="${replay}"] [data-testid="replay-progress"]`);
    await progress.or(ready).first().waitFor({ timeout: REPLAY_MS });
    await ready.waitFor({ timeout: REPLAY_MS });
    await inspect(page, "generations-ready");
  });

  await t.test("the comparison says that nothing differs, in documents and in money", async () => {
    await page.locator(`li[data-replay="${replay}"]`).getByRole("link", { name: "Look at the comparison" }).click();
    await page.waitForURL(`**/data-lake/replays/${replay}`);
    await page.locator('[data-testid="gate"][data-gate="open"]').waitFor();
    await page.getByTestId("no-difference").waitFor();
    const money = page.getByRole("table", { name: "Money" }).locator("tr[data-money]");
    assert.ok((await money.count()) > 0);
    for (const row of await money.all()) {
      const minors = await row.locator("[data-minor]").evaluateAll((nodes) => nodes.map((node) => node.dataset.minor));
      assert.equal(minors.length, 2, "a difference would be a third amount");
      assert.equal(minors[0], minors[1]);
    }
    await inspect(page, "replay-compared");
  });

  await t.test("Escape leaves everything as it is; the switch needs no mouse", async () => {
    await press(page.getByRole("main"), "Switch");
    const dialog = page.getByRole("dialog", { name: "Switch to what was built?" });
    await dialog.waitFor();
    await inspect(page, "replay-switch-dialog");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await press(page.getByRole("main"), "Switch");
    await press(dialog, "Switch");
    await page.locator('[data-testid="replay"][data-state="switched"]').waitFor({ timeout: REPLAY_MS });
    await page.goto("/data-lake/generations");
    assert.ok((await activeGeneration(page)) > first);
    assert.equal(await page.getByTestId("previous-generation").getAttribute("data-canonical"), String(first));
  });

  await t.test("readers get the same figures from the new generation, and from the old one after going back", async () => {
    await page.goto("/overview");
    const after = await amountsOf(page, "open_pipeline");
    await page.goto("/data-lake/generations");
    await press(page.getByRole("main"), "Roll back");
    const dialog = page.getByRole("dialog", { name: `Go back to generation ${first}?` });
    await dialog.waitFor();
    await press(dialog, "Roll back");
    await page.locator(`[data-testid="active-generation"][data-canonical="${first}"]`).waitFor({ timeout: DEADLINE_MS });
    await page.goto("/overview");
    assert.deepEqual(await amountsOf(page, "open_pipeline"), after);
  });

  await t.test("the way back is given up", async () => {
    await page.goto("/data-lake/generations");
    await press(page.getByRole("main"), "Give it up");
    await press(page.getByRole("dialog", { name: "Give up the way back?" }), "Give it up");
    await page.getByTestId("previous-generation").waitFor({ state: "detached" });
  });
  assertNoTroubles(troubles);
  await context.close();
});

test("a replay is cancelled, and what it built is not read", async () => {
  const { page, context, troubles } = await openPage(browser);
  await signIn(page, USERS.superadmin, "/data-lake/generations");
  const first = await activeGeneration(page);
  await page.getByLabel("What to build again").selectOption("dashboard_stats");
  const replay = await askedFor(page, () => page.getByRole("button", { name: "Start the replay" }).click());
  const open = page.locator(`li[data-replay="${replay}"]`);
  await open.getByRole("button", { name: "Cancel the replay" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the replay" }).click();
  await page.locator(`tr[data-replay="${replay}"][data-state="cancelled"]`).waitFor({ timeout: REPLAY_MS });
  assert.equal(await activeGeneration(page), first);
  assertNoTroubles(troubles);
  await context.close();
});

test("a deal's lineage leads from its name to the raw events that made it", async () => {
  const { page, context, troubles } = await openPage(browser);
  await signIn(page, USERS.superadmin, "/data-lake/entities");
  const name = page.getByTestId("entity-table").getByRole("link").first();
  const title = await name.innerText();
  await name.click();
  await page.getByRole("heading", { level: 1, name: `Lineage: ${title}` }).waitFor();
  const lineage = page.getByTestId("lineage");
  const winner = lineage.locator('[data-field="name"] [data-winner] [data-raw]');
  const raw = await winner.first().getAttribute("data-raw");
  await page.getByRole("table", { name: "Raw events" }).locator(`[data-event="${raw}"]`).waitFor();
  // The demo's Odoo lets its history be read: who did it, and that it is written down there.
  const history = page.getByRole("table", { name: "What happened" });
  await history.locator('[data-history="created"]').waitFor();
  await history.getByText("Written down at the source").first().waitFor();
  await inspect(page, "lineage");
  assertNoTroubles(troubles);
  await context.close();
});

for (const colorScheme of ["light", "dark"]) {
  for (const width of [360, 1280]) {
    test(`pages of operators at ${width} px, ${colorScheme}`, async () => {
      const { page, context, troubles } = await openPage(browser, { width, colorScheme });
      await signIn(page, USERS.superadmin, "/data-lake/generations");
      await page.getByRole("table", { name: "Latest replays" }).waitFor();
      await inspect(page, `generations-${colorScheme}-${width}`);
      await page.locator("tr[data-replay] a").first().click();
      await page.getByTestId("replay").waitFor();
      await inspect(page, `replay-${colorScheme}-${width}`);
      await page.goto("/data-lake/quarantine");
      await page.getByRole("heading", { level: 1, name: "Quarantine" }).waitFor();
      await page.locator("[data-reject]").or(page.getByText("Nothing is held back")).first().waitFor();
      await inspect(page, `quarantine-${colorScheme}-${width}`);
      assertNoTroubles(troubles);
      await context.close();
    });
  }
}

for (const user of ["manager", "krishna"]) {
  test(`${user} is not shown the pages of operators, and is refused at their addresses`, async () => {
    const { page, context, troubles } = await openPage(browser);
    await signIn(page, USERS[user], "/data-lake");
    await page.getByTestId("zone-raw").waitFor();
    for (const name of ["Generations", "Quarantine"]) {
      assert.equal(await page.getByRole("link", { name, exact: true }).count(), 0, name);
    }
    for (const path of ["/data-lake/generations", "/data-lake/replays/any", "/data-lake/quarantine"]) {
      await page.goto(path);
      await page.getByRole("alert").filter({ hasText: "Your role does not allow this" }).first().waitFor();
      assert.equal(await page.getByRole("button", { name: /Start the replay|Verify now|Roll back|Switch/ }).count(), 0);
    }
    const asked = await page.request.post("/api/data-lake/replays", {
      headers: { "x-requested-with": "salescommand" },
      data: { kind: "verify" },
    });
    assert.equal(asked.status(), 403);
    assertNoTroubles(troubles, [/status of 403/]);
    await context.close();
  });
}

test("a sales user sees the lineage of an own deal, without raw positions", async () => {
  const { page, context, troubles } = await openPage(browser);
  await signIn(page, USERS.krishna, "/data-lake/entities");
  await page.getByTestId("entity-table").getByRole("link").first().click();
  await page.getByTestId("lineage").waitFor();
  assert.equal(await page.locator("[data-raw], [data-event]").count(), 0);
  assertNoTroubles(troubles);
  await context.close();
});
