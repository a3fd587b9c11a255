/** Each page, on a phone and a desktop, light and dark: no sideways scroll, no WCAG 2.2 AA violation, a quiet console. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoTroubles, inspect, launch, openPage, signIn, USERS } from "../harness.mjs";

const PAGES = [
  { name: "overview", path: "/overview", ready: '[data-metric="open_pipeline"]' },
  { name: "overview-table", path: "/overview?view=table", ready: '[data-metric="open_pipeline"]' },
  { name: "data-lake", path: "/data-lake", ready: '[data-testid="zone-raw"]' },
  { name: "entities", path: "/data-lake/entities", ready: "[data-testid=page-label]" },
  { name: "entities-users", path: "/data-lake/entities?type=users", ready: "[data-testid=page-label]" },
  { name: "users", path: "/users", ready: "tr[data-user]" },
  { name: "audit", path: "/audit", ready: "tbody tr" },
];

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

for (const colorScheme of ["light", "dark"]) {
  for (const width of [360, 1280]) {
    test(`${width} px, ${colorScheme}`, async (t) => {
      const { page, context, troubles } = await openPage(browser, { width, colorScheme });
      await page.goto("/sign-in");
      await page.getByLabel("E-mail address").waitFor();
      await page.getByTestId("product-version").filter({ hasText: /\d/ }).waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), colorScheme);
      await t.test("sign-in", () => inspect(page, `sign-in-${colorScheme}-${width}`));
      await signIn(page, USERS.superadmin);
      for (const { name, path, ready } of PAGES) {
        await t.test(name, async () => {
          await page.goto(path);
          await page.locator(ready).first().waitFor();
          await inspect(page, `${name}-${colorScheme}-${width}`);
        });
      }
      await t.test("palette", async () => {
        await page.keyboard.press("Control+k");
        await page.getByRole("option").first().waitFor();
        await inspect(page, `palette-${colorScheme}-${width}`);
      });
      assertNoTroubles(troubles);
      await context.close();
    });
  }
}
