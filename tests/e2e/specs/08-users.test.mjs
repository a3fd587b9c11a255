/** An administrator invites somebody, who chooses a password by the link, signs in, and is shut out. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoTroubles, fillIn, inspect, launch, openPage, signIn, USERS } from "../harness.mjs";

let browser;
const address = `nina.${Date.now()}@example.com`;
const password = "staple wagon cloud";

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test("somebody is invited, chooses a password, signs in, and is shut out", async () => {
  const { page, context, troubles } = await openPage(browser);
  await signIn(page, USERS.superadmin, "/users");
  await page.getByRole("button", { name: "Invite somebody" }).click();
  const dialog = page.getByRole("dialog", { name: "Invite somebody" });
  await dialog.getByLabel("E-mail address").fill(address);
  await dialog.getByLabel("Name").fill("Nina New");
  await dialog.getByLabel("Role").selectOption("viewer");
  await dialog.getByRole("button", { name: "Make the account" }).click();
  const link = await page.getByTestId("password-link").innerText();
  await inspect(page, "users-link");
  await page.getByRole("button", { name: "Done" }).click();
  await page.locator(`tr[data-user="${address}"]`).getByText("Invited").waitFor();
  await inspect(page, "users");

  const hers = await openPage(browser);
  await hers.page.goto(new URL(link).pathname + new URL(link).hash);
  await hers.page.getByLabel("New password").fill("welcome2026!");
  await hers.page.getByLabel("Once more").fill("welcome2026!");
  await hers.page.getByRole("button", { name: "Set the password" }).click();
  await hers.page.getByText("This password is not good enough").waitFor();
  assert.equal(new URL(hers.page.url()).hash, "", "the proof is in no history");
  await hers.page.getByLabel("New password").fill(password);
  await hers.page.getByLabel("Once more").fill(password);
  await inspect(hers.page, "choose-password");
  await hers.page.getByRole("button", { name: "Set the password" }).click();
  await hers.page.getByText("Your password is set.").waitFor();
  await hers.page.getByRole("link", { name: "Sign in" }).click();
  await fillIn(hers.page, { email: address, password });
  await hers.page.waitForURL("**/overview");

  const row = page.locator(`tr[data-user="${address}"]`);
  await page.getByLabel("Find by the beginning of the address").fill("nina.");
  await row.getByRole("button", { name: "More: Nina New" }).click();
  await page.getByRole("menuitem", { name: "Shut out" }).click();
  await page.getByRole("button", { name: "Shut out" }).click();
  await row.getByText("Shut out").waitFor();
  await hers.page.goto("/overview");
  await hers.page.waitForURL("**/sign-in**");
  assertNoTroubles(troubles);
  assertNoTroubles(hers.troubles, [/status of (401|422)/]);
  await hers.context.close();
  await context.close();
});
