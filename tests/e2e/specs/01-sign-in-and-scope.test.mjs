/** Each demo user signs in and sees the figures of their own scope; a wrong password is refused in words. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { amountsOf, assertNoTroubles, fillIn, launch, openPage, screenshot, signIn, USERS } from "../harness.mjs";

let browser;
const figures = {};

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

for (const [name, user] of Object.entries(USERS)) {
  test(`${name} sees the scope "${user.scope}"`, async () => {
    const { page, context, troubles } = await openPage(browser);
    await signIn(page, user);
    assert.equal(await page.getByTestId("scope").getAttribute("data-scope"), user.scope);
    figures[name] = await amountsOf(page, "open_pipeline");
    figures[`${name} deals`] = await page.locator('[data-metric="open_pipeline"]').getAttribute("data-count");
    await screenshot(page, `scope-${user.scope}`);
    assertNoTroubles(troubles);
    await context.close();
  });
}

test("the three scopes give three different open pipelines", () => {
  const distinct = new Set(Object.keys(USERS).map((name) => JSON.stringify([figures[name], figures[`${name} deals`]])));
  assert.equal(distinct.size, 3, JSON.stringify(figures));
});

test("only who may trigger a sync has the button", async () => {
  for (const [user, buttons] of [
    [USERS.superadmin, true],
    [USERS.krishna, false],
  ]) {
    const { page, context } = await openPage(browser);
    await signIn(page, user);
    const response = await page.request.get("/api/auth/me");
    const { permissions } = (await response.json()).user;
    assert.equal(permissions.includes("sync:trigger"), buttons);
    if (permissions.includes("data-lake:read") && permissions.includes("sync:read")) {
      await page.goto("/data-lake");
      await page.locator('[data-testid^="source-"]').first().waitFor();
      assert.equal((await page.locator('[data-testid^="sync-now-"]').count()) > 0, buttons);
    }
    await context.close();
  }
});

test("a wrong password is refused in words", async () => {
  const { page, context, troubles } = await openPage(browser);
  await page.goto("/sign-in");
  await fillIn(page, { ...USERS.krishna, password: "not-the-password" });
  const alert = page.getByTestId("sign-in-error");
  await alert.waitFor();
  assert.match(await alert.innerText(), /e-mail address or the password is not right/);
  assert.equal(new URL(page.url()).pathname, "/sign-in");
  await screenshot(page, "sign-in-refused");
  assertNoTroubles(troubles, [/status of 401/]);
  await context.close();
});

test("a deep link is returned to after sign-in", async () => {
  const { page, context, troubles } = await openPage(browser);
  await signIn(page, USERS.superadmin, "/overview?view=table");
  await page.waitForURL((url) => url.searchParams.get("view") === "table");
  await page.getByRole("table", { name: "Pipeline by stage" }).waitFor();
  assertNoTroubles(troubles);
  await context.close();
});
