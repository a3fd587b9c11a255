/** Sign-in through a provider: its own pages, on another site, in a real browser; and what a refusal looks like. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  amountsOf,
  assertNoTroubles,
  BASE_URL,
  eventually,
  inspect,
  launch,
  openPage,
  signIn,
  USERS,
} from "../harness.mjs";
import { startProvider } from "../provider.mjs";

const { OIDC_PORT, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET } = process.env;
const skip = OIDC_PORT ? false : "OIDC_PORT does not say where SalesCommand looks for a provider";

let browser;
let stopProvider;

before(async () => {
  if (skip) return;
  stopProvider = await startProvider({
    port: Number(OIDC_PORT),
    clientId: OIDC_CLIENT_ID,
    clientSecret: OIDC_CLIENT_SECRET,
    application: BASE_URL,
  });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await stopProvider?.();
});

/** A page whose provider gets no typeface from elsewhere. */
async function visit(path) {
  const visitor = await openPage(browser);
  await visitor.context.route(/fonts\.googleapis\.com/, (route) =>
    route.fulfill({ contentType: "text/css", body: "" }),
  );
  await visitor.page.goto(path);
  return visitor;
}

/** From our sign-in page over the provider's pages, back to ours. */
async function signInElsewhere(page, login) {
  await page.getByRole("link", { name: "Sign in with Microsoft" }).click();
  await page.waitForURL(/^http:\/\/localhost:/);
  await page.getByPlaceholder("Enter any login").fill(login);
  await page.getByPlaceholder("and password").fill("any");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL((url) => url.origin === BASE_URL);
}

const me = async (page) => (await (await page.request.get("/api/auth/me")).json()).user;

test("an executive signs in there, sees everything here, and signs out in both places", { skip }, async () => {
  const { page, context, troubles } = await visit("/overview?view=table");
  await page.getByTestId("sign-in-why").waitFor();
  await inspect(page, "sign-in-with-provider");
  await signInElsewhere(page, "erin");
  await page.waitForURL((url) => url.pathname === "/overview" && url.searchParams.get("view") === "table");
  assert.equal(await page.getByTestId("scope").getAttribute("data-scope"), "all");
  const user = await me(page);
  assert.deepEqual([user.name, user.role], ["Erin Vale", "executive"]);
  const cookies = await context.cookies(`${BASE_URL}/api/auth`);
  const ours = cookies.filter(({ name }) => name.startsWith("sc_"));
  assert.deepEqual(ours.map(({ name }) => name).sort(), ["sc_access", "sc_provider", "sc_refresh"]);
  assert.ok(ours.every(({ httpOnly, sameSite }) => httpOnly && sameSite === "Strict"));
  // The session goes on by itself, as any other.
  await page.reload();
  await page.getByRole("table", { name: "Pipeline by stage" }).waitFor();

  await page.getByRole("button", { name: "Account menu" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL(/^http:\/\/localhost:/);
  await page.getByRole("button", { name: "Yes, sign me out" }).click();
  await page.waitForURL((url) => url.origin === BASE_URL && url.pathname === "/sign-in");
  await page.getByText("You are signed out.").waitFor();
  assert.equal((await page.request.get("/api/auth/me")).status(), 401);
  // There, too: who comes back is asked who they are.
  await page.getByRole("link", { name: "Sign in with Microsoft" }).click();
  await page.getByPlaceholder("Enter any login").waitFor();
  assertNoTroubles(troubles);
  await context.close();
});

test("a seller with a believed address is the same person as in Odoo", { skip }, async () => {
  const everyone = await openPage(browser);
  await signIn(everyone.page, USERS.superadmin);
  const all = await everyone.page.locator('[data-metric="open_pipeline"]').first().getAttribute("data-count");
  await everyone.context.close();

  const { page, context, troubles } = await visit("/sign-in");
  await signInElsewhere(page, "ayse");
  await page.waitForURL((url) => url.pathname === "/overview");
  await eventually("the account is joined with the person", () => me(page), (user) => user.person_id !== null);
  const count = await eventually(
    "her figures",
    async () => {
      await page.reload();
      await amountsOf(page, "open_pipeline");
      return Number(await page.locator('[data-metric="open_pipeline"]').first().getAttribute("data-count"));
    },
    (count) => count > 0,
  );
  assert.ok(count < Number(all), `${count} of ${all}`);
  assert.equal((await me(page)).role, "sales_user");
  assertNoTroubles(troubles);
  await context.close();
});

test("an address that is only claimed opens nobody's account", { skip }, async () => {
  const { page, context, troubles } = await visit("/sign-in");
  await signInElsewhere(page, "mallory");
  await page.waitForURL((url) => url.pathname === "/overview");
  const user = await me(page);
  assert.equal(user.role, "sales_user");
  assert.match(user.email, /@ms365\.invalid$/);
  assertNoTroubles(troubles);
  await context.close();
});

test("who has no role, and who cancels, is told what to do", { skip }, async () => {
  const { page, context, troubles } = await visit("/sign-in");
  await signInElsewhere(page, "victor");
  const alert = page.getByTestId("sign-in-error");
  await alert.waitFor();
  assert.match(await alert.innerText(), /You have no role here yet/);
  await inspect(page, "sign-in-refused-elsewhere");
  await context.clearCookies();
  await page.getByRole("link", { name: "Sign in with Microsoft" }).click();
  await page.getByRole("link", { name: "Cancel" }).click();
  await page.waitForURL((url) => url.origin === BASE_URL && url.searchParams.get("error") === "access-denied");
  await alert.getByText(/You cancelled, or Microsoft does not let you into SalesCommand/).waitFor();
  assertNoTroubles(troubles);
  await context.close();
});
