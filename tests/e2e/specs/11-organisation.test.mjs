/** Who sees what changes with who stands in for whom, and with who reports to whom: on its days, and not a day longer. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { amountsOf, assertNoTroubles, eventually, inspect, launch, openPage, signIn, USERS } from "../harness.mjs";

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** Today in the reporting calendar, and the day before. */
async function days(page) {
  const { day } = await (await page.request.get("/api/org/delegations")).json();
  const yesterday = new Date(`${day}T00:00:00Z`);
  yesterday.setUTCDate(yesterday.getUTCDate() - 1);
  return { today: day, yesterday: yesterday.toISOString().slice(0, 10) };
}

/** The scope of the overview, and its open pipeline. */
async function seen(page) {
  await page.goto("/overview");
  const amounts = await amountsOf(page, "open_pipeline");
  const scope = page.getByTestId("scope");
  return { scope: await scope.getAttribute("data-scope"), label: await scope.innerText(), amounts };
}

/** What is declared is in the tree a moment after it is answered. */
function scopeBecomes(page, wanted) {
  const is = ({ scope }) => scope === wanted;
  return eventually(`${wanted} is the scope`, () => seen(page), is);
}

async function choosePerson(dialog, label, name) {
  await dialog.getByLabel(label, { exact: true }).fill(name.split(" ")[0]);
  await dialog.getByRole("radio", { name, exact: true }).check();
}

test("a manager goes on holiday, and the colleague who stands in sees the deals until it is withdrawn", async () => {
  const hers = await openPage(browser);
  const his = await openPage(browser, { width: 360, colorScheme: "dark" });
  await signIn(hers.page, USERS.manager);
  await signIn(his.page, USERS.krishna);
  const [all, own] = [await seen(hers.page), await seen(his.page)];
  assert.notDeepEqual(all.amounts, own.amounts);

  await hers.page.goto("/organisation");
  await hers.page.getByRole("button", { name: "Let somebody stand in" }).click();
  const dialog = hers.page.getByRole("dialog", { name: "Let somebody stand in" });
  await choosePerson(dialog, "Who stands in", "Krishna Patel");
  await dialog.getByLabel("Last day").fill((await days(hers.page)).today);
  await dialog.getByLabel("Note").fill("On holiday");
  await inspect(hers.page, "organisation-stand-in");
  await dialog.getByRole("button", { name: "Let them" }).click();
  await hers.page.getByText(/Krishna Patel sees your records until/).waitFor();
  await dialog.waitFor({ state: "detached" });
  await inspect(hers.page, "organisation-manager");

  const more = await seen(his.page);
  assert.deepEqual(more.amounts, all.amounts, "at once, what she sees");
  assert.match(more.label, /stand in for/);
  await his.page.goto("/organisation");
  await his.page.getByText(/You see Amelia Ward's records until/).waitFor();
  await inspect(his.page, "organisation-stand-in-dark-360");

  await hers.page.getByRole("button", { name: "Withdraw: Krishna Patel for Amelia Ward" }).click();
  await hers.page.getByRole("dialog").getByRole("button", { name: "Withdraw" }).click();
  await hers.page.getByText("Nobody stands in for you").waitFor();
  assert.deepEqual(await seen(his.page), own);
  for (const { troubles, context } of [hers, his]) {
    assertNoTroubles(troubles);
    await context.close();
  }
});

/** Opens the dialog in which somebody's manager is set. */
async function setManager(page, name) {
  await page.goto("/organisation");
  await page.getByLabel("Find by name").fill(name);
  await page.getByRole("button", { name, exact: true }).click();
  await page.getByRole("button", { name: "Set the manager" }).click();
  return page.getByRole("dialog", { name: `Manager of ${name}` });
}

test("a declared manager sees more on its days only, and none closes a circle", async () => {
  const admin = await openPage(browser);
  const his = await openPage(browser);
  await signIn(admin.page, USERS.superadmin);
  await signIn(his.page, USERS.krishna);
  const own = await seen(his.page);
  const { today, yesterday } = await days(admin.page);
  const declare = async (until) => {
    const dialog = await setManager(admin.page, "Luis Ortega");
    await choosePerson(dialog, "Manager", "Krishna Patel");
    await dialog.getByLabel("First day").fill("2020-01-01");
    await dialog.getByLabel("Last day").fill(until);
    await inspect(admin.page, "organisation-declare");
    await dialog.getByRole("button", { name: "Declare" }).click();
    await dialog.waitFor({ state: "detached" });
  };
  const row = admin.page.getByRole("table", { name: "Declared managers" }).getByRole("row").nth(1);

  await declare(yesterday);
  await row.getByText("Over").waitFor();
  assert.deepEqual(await seen(his.page), own, "its last day is over");
  await declare(today);
  await row.getByText("Now").waitFor();
  const more = await scopeBecomes(his.page, "team");
  assert.notDeepEqual(more.amounts, own.amounts);
  await inspect(admin.page, "organisation");
  await his.page.goto("/organisation");
  await his.page.getByRole("button", { name: "Show who reports to Krishna Patel" }).click();
  await his.page.getByRole("button", { name: "Luis Ortega" }).click();
  const place = his.page.getByRole("dialog", { name: "Luis Ortega" });
  await place.getByRole("row", { name: /Krishna Patel.*declared here.*Holds/ }).waitFor();
  await place.getByRole("row", { name: /Amelia Ward.*source.*Overridden/ }).waitFor();
  await inspect(his.page, "organisation-place");

  const circle = await setManager(admin.page, "Amelia Ward");
  await choosePerson(circle, "Manager", "Luis Ortega");
  await circle.getByRole("button", { name: "Declare" }).click();
  await circle.getByText(/Luis Ortega reports to Krishna Patel, who reports to Amelia Ward/).waitFor();
  await inspect(admin.page, "organisation-circle");
  await admin.page.keyboard.press("Escape");

  await admin.page.getByRole("button", { name: "Take back the manager of Luis Ortega" }).click();
  await admin.page.getByRole("dialog").getByRole("button", { name: "Take back" }).click();
  await admin.page.getByText("Nothing is declared").waitFor();
  assert.deepEqual(await scopeBecomes(his.page, "own"), own);
  assertNoTroubles(admin.troubles, [/status of 409/]);
  assertNoTroubles(his.troubles);
  await admin.context.close();
  await his.context.close();
});
