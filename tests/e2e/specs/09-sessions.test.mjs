/** One's own sessions, ended from elsewhere; and a forgotten password, over a mail server. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoTroubles, BASE_URL, eventually, fillIn, inspect, launch, openPage, signIn, USERS } from "../harness.mjs";
import { startMailServer } from "../smtp.mjs";

const { SMTP_PORT } = process.env;
const skip = SMTP_PORT ? false : "SMTP_PORT does not say where SalesCommand sends its e-mails";
const password = "staple wagon cloud";

let browser;
let mail;

before(async () => {
  browser = await launch();
  if (!skip) mail = await startMailServer(Number(SMTP_PORT));
});
after(async () => {
  await browser?.close();
  await mail?.stop();
});

test("a session that is ended elsewhere is over at the next click", async () => {
  const here = await openPage(browser);
  const lost = await openPage(browser);
  await signIn(here.page, USERS.krishna);
  await signIn(lost.page, USERS.krishna);
  await here.page.getByRole("button", { name: "Account menu" }).click();
  await here.page.getByRole("menuitem", { name: "Your sessions" }).click();
  const dialog = here.page.getByRole("dialog", { name: "Your sessions" });
  await dialog.locator('[data-session="own"]').getByText("Chrome on Linux").waitFor();
  assert.match(await dialog.locator('[data-session="own"]').innerText(), /This one[\s\S]*127\.0\.0\.1/);
  await dialog.locator('[data-session="other"]').first().waitFor();
  await inspect(here.page, "sessions");
  await dialog.getByRole("button", { name: "End all others" }).click();
  await dialog.locator('[data-session="other"]').first().waitFor({ state: "detached" });
  await lost.page.goto("/data-lake");
  await lost.page.waitForURL("**/sign-in**");
  await here.page.goto("/data-lake");
  await here.page.getByRole("heading", { level: 1, name: "Data lake" }).waitFor();
  assertNoTroubles(here.troubles);
  assertNoTroubles(lost.troubles, [/status of 401/]);
  await here.context.close();
  await lost.context.close();
});

/** The link of the last letter to somebody. */
async function linkFor(address) {
  const found = await eventually(
    `a letter to ${address}`,
    () => mail.letters.findLast(({ to }) => to.includes(address)),
    (letter) => letter !== undefined,
  );
  mail.letters.length = 0;
  const link = found.text.split("\n").find((line) => line.startsWith("http"));
  assert.equal(new URL(link).origin, BASE_URL);
  return link;
}

async function chooseBy(page, link) {
  await page.goto(link);
  await page.getByLabel("New password").fill(password);
  await page.getByLabel("Once more").fill(password);
  await page.getByRole("button", { name: "Set the password" }).click();
}

test("an invitation comes by e-mail, and a forgotten password goes by it", { skip }, async () => {
  const address = `fay.${Date.now()}@example.com`;
  const admin = await openPage(browser);
  await signIn(admin.page, USERS.superadmin, "/users");
  await admin.page.getByRole("button", { name: "Invite somebody" }).click();
  const dialog = admin.page.getByRole("dialog", { name: "Invite somebody" });
  await dialog.getByLabel("E-mail address").fill(address);
  await dialog.getByLabel("Name").fill("Fay Fresh");
  await dialog.getByLabel("Role").selectOption("viewer");
  assert.ok(await dialog.getByLabel("Send the link by e-mail").isChecked());
  await dialog.getByRole("button", { name: "Make the account" }).click();
  await admin.page.getByText("It was sent by e-mail").waitFor();
  await admin.context.close();

  const hers = await openPage(browser);
  await chooseBy(hers.page, await linkFor(address));
  await hers.page.getByText("Your password is set.").waitFor();
  await hers.page.goto("/sign-in");
  await hers.page.getByRole("link", { name: "Forgot your password?" }).click();
  await hers.page.getByLabel("E-mail address").fill(`no.${address}`);
  await inspect(hers.page, "forgot-password");
  await hers.page.getByRole("button", { name: "Send the link" }).click();
  const answer = await hers.page.getByRole("status").innerText();
  await hers.page.reload();
  await hers.page.getByLabel("E-mail address").fill(address);
  await hers.page.getByRole("button", { name: "Send the link" }).click();
  assert.equal(await hers.page.getByRole("status").innerText(), answer, "nobody learns who has an account");
  const link = await linkFor(address);
  await chooseBy(hers.page, link);
  await hers.page.getByText("Your password is set.").waitFor();
  await hers.page.getByRole("link", { name: "Sign in" }).click();
  await fillIn(hers.page, { email: address, password });
  await hers.page.waitForURL("**/overview");
  await hers.page.goto("/sign-in");
  await chooseBy(hers.page, link);
  await hers.page.getByText("This link is over").waitFor();
  assertNoTroubles(hers.troubles, [/status of 410/]);
  await hers.context.close();
});
