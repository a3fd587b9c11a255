/** A visit without a mouse: sign in, palette, pages, shortcut sheet, theme, sign out. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoTroubles, launch, openPage, screenshot, USERS } from "../harness.mjs";

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** Tabs until the focus is on what `selector` names; at most a screenful of stops. */
async function tabTo(page, selector) {
  for (let stops = 0; stops < 40; stops += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((s) => document.activeElement?.matches(s) ?? false, selector)) return;
  }
  assert.fail(`${selector} cannot be reached with Tab`);
}

async function runCommand(page, text) {
  await page.keyboard.press("Control+k");
  const input = page.getByRole("combobox", { name: "Search commands" });
  await input.waitFor();
  await page.keyboard.type(text);
  await page.getByRole("option", { name: new RegExp(text, "i") }).waitFor();
  await page.keyboard.press("Enter");
  await input.waitFor({ state: "detached" });
}

test("a whole visit with the keyboard alone", async () => {
  const { page, context, troubles } = await openPage(browser);
  await page.goto("/sign-in");
  await page.getByLabel("E-mail address").waitFor();
  await tabTo(page, "#email");
  await page.keyboard.type(USERS.superadmin.email);
  await tabTo(page, "#password");
  await page.keyboard.type(USERS.superadmin.password);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/overview");
  await page.getByTestId("scope").waitFor();

  await page.reload();
  await page.getByTestId("scope").waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Skip to content");

  await runCommand(page, "Go to Data lake");
  await page.waitForURL("**/data-lake");
  await page.locator("main:focus").waitFor();

  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await screenshot(page, "shortcuts");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });

  await runCommand(page, "Theme: Dark");
  await page.locator('html[data-theme="dark"]').waitFor();
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark", "the theme outlives a reload");

  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("o");
  await page.waitForURL("**/overview");

  await runCommand(page, "Sign out");
  await page.waitForURL("**/sign-in**");
  assert.match(await page.getByTestId("sign-in-why").innerText(), /signed out/);
  assertNoTroubles(troubles);
  await context.close();
});
