import { screen, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { answer, refuse } from "@/testing/answer";
import { aSession } from "@/testing/builders";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

async function fillIn(user: ReturnType<typeof renderApp>["user"], password = "demo123") {
  await user.type(await screen.findByLabelText("E-mail address"), "superadmin@salescommand.com");
  await user.type(screen.getByLabelText("Password"), password);
  await user.click(screen.getByRole("button", { name: "Sign in" }));
}

test("a deep link asks to sign in, says why, and is returned to", async () => {
  const { user, address } = renderApp("/overview?view=table", { signedIn: false });
  expect(await screen.findByText(/open the page you asked for/)).toBeVisible();
  await fillIn(user);
  expect(await screen.findByRole("heading", { name: "Overview" })).toBeVisible();
  expect(address()).toBe("/overview?view=table");
});

test("sign-in sends the header that guards against cross-site requests", async () => {
  let seen: string | null = null;
  server.use(
    http.post("*/api/auth/login", ({ request }) => {
      seen = request.headers.get("x-requested-with");
      return HttpResponse.json(aSession());
    }),
  );
  const { user } = renderApp("/sign-in", { signedIn: false });
  await fillIn(user);
  await screen.findByRole("heading", { name: "Overview" });
  expect(seen).toBe("salescommand");
});

test("a wrong password is said so and nothing else is lost", async () => {
  server.use(refuse("post", "/api/auth/login", { status: 401, code: "invalid-credentials" }));
  const { user } = renderApp("/sign-in", { signedIn: false });
  await fillIn(user, "wrong");
  expect(await screen.findByRole("alert")).toHaveTextContent(
    "The e-mail address or the password is not right.",
  );
  expect(screen.getByLabelText("E-mail address")).toHaveValue("superadmin@salescommand.com");
  expect(screen.getByLabelText("Password")).toHaveFocus();
});

test("too many attempts names the wait", async () => {
  server.use(
    refuse("post", "/api/auth/login", { status: 429, code: "too-many-attempts" }, { "retry-after": "30" }),
  );
  const { user } = renderApp("/sign-in", { signedIn: false });
  await fillIn(user);
  expect(await screen.findByRole("alert")).toHaveTextContent("Wait 30 seconds, then try again.");
});

test("a store that is down is named with its fix and the request id", async () => {
  server.use(
    refuse("post", "/api/auth/login", {
      status: 503,
      code: "store-unavailable",
      title: "The document store does not answer",
      detail: "Connection refused.",
      fix: "Start MongoDB, then retry.",
    }),
  );
  const { user } = renderApp("/sign-in", { signedIn: false });
  await fillIn(user);
  const alert = await screen.findByRole("alert");
  expect(alert).toHaveTextContent("The document store does not answer");
  expect(alert).toHaveTextContent("Start MongoDB, then retry.");
  expect(alert).toHaveTextContent("req-7");
});

test("a server that cannot be reached is told from a refusal", async () => {
  server.use(http.post("*/api/auth/login", () => HttpResponse.error()));
  const { user } = renderApp("/sign-in", { signedIn: false });
  await fillIn(user);
  expect(await screen.findByRole("alert")).toHaveTextContent("The server cannot be reached");
});

test("one click on a demo account fills in the form", async () => {
  const { user } = renderApp("/sign-in", { signedIn: false });
  await user.click(await screen.findByRole("button", { name: /Super Admin/ }));
  expect(screen.getByLabelText("E-mail address")).toHaveValue("superadmin@salescommand.com");
  expect(screen.getByLabelText("Password")).toHaveValue("demo123");
  expect(screen.getByText("SalesCommand · Version 0.1.0")).toBeVisible();
});

const elsewhere = [
  "//evil.example/x",
  "/%5Cevil.example",
  "/%09/evil.example",
  "%2F%2F",
  "https:%2F%2Fevil.example",
];

test.each(elsewhere)("the return address %s of another site is ignored", async (next) => {
  const { user, address } = renderApp(`/sign-in?next=${next}`, { signedIn: false });
  await fillIn(user);
  await waitFor(() => expect(address()).toBe("/overview"));
});

test.each(elsewhere)("nor is %s gone to after a sign-in elsewhere", async (next) => {
  const { address } = renderApp(`/sign-in?via=ms365&next=${next}`, { signedIn: false });
  expect(await screen.findByRole("heading", { name: "Overview" })).toBeVisible();
  expect(address()).toBe("/overview");
});

const withProviders = () =>
  server.use(
    answer.get("/api/meta", {
      product: "SalesCommand",
      version: "0.1.0",
      demo: false,
      demo_accounts: [],
      mails_links: false,
      sign_in_providers: [
        { name: "ms365", title: "Microsoft", login_path: "/api/auth/ms365/login" },
        { name: "office", title: "Office login", login_path: "/api/auth/oidc/office/login" },
      ],
    }),
  );

test("each provider is a way in that leads back to the page that was asked for", async () => {
  withProviders();
  renderApp("/sign-in?next=%2Foverview%3Fview%3Dtable", { signedIn: false });
  const microsoft = await screen.findByRole("link", { name: "Sign in with Microsoft" });
  expect(microsoft).toHaveAttribute("href", "/api/auth/ms365/login?next=%2Foverview%3Fview%3Dtable");
  expect(screen.getByRole("link", { name: "Sign in with Office login" })).toBeVisible();
});

test("who comes back signed in goes on to the page that was asked for", async () => {
  const { address } = renderApp("/sign-in?via=ms365&next=%2Foverview%3Fview%3Dtable", { signedIn: false });
  expect(await screen.findByRole("heading", { name: "Overview" })).toBeVisible();
  expect(address()).toBe("/overview?view=table");
});

test("who only says so comes back here", async () => {
  server.use(
    refuse("get", "/api/auth/me", { status: 401, code: "not-signed-in" }),
    refuse("post", "/api/auth/refresh", { status: 401, code: "session-expired" }),
  );
  const { address } = renderApp("/sign-in?via=ms365", { signedIn: false });
  await waitFor(() => expect(address()).toMatch(/why=expired/));
  expect(await screen.findByRole("heading", { name: "Sign in" })).toBeVisible();
});

test.each([
  ["no-role", "Ask your administrator for one"],
  ["provider-unavailable", "Microsoft does not answer"],
  ["state-invalid", "Begin again"],
  ["nonce-mismatch", "The answer of Microsoft was not accepted"],
])("a refusal by the word %s says what to do", async (code, text) => {
  withProviders();
  renderApp(`/sign-in?error=${code}&via=ms365&why=required`, { signedIn: false });
  await screen.findByRole("link", { name: "Sign in with Microsoft" });
  const alert = screen.getByRole("alert");
  expect(alert).toHaveTextContent(text);
  expect(alert).toHaveTextContent(code);
  expect(screen.queryByTestId("sign-in-why")).toBeNull();
});

test("a text in the place of the word is not shown", async () => {
  renderApp("/sign-in?error=Call%20this%20number&via=ms365", { signedIn: false });
  await screen.findByLabelText("Password");
  expect(screen.queryByText(/Call this number/)).toBeNull();
});

test("without a mail server nobody is offered a link by e-mail", async () => {
  renderApp("/sign-in", { signedIn: false });
  await screen.findByText("SalesCommand · Version 0.1.0");
  expect(screen.queryByRole("link", { name: "Forgot your password?" })).toBeNull();
});

test("who has forgotten the password asks for a link, and learns nothing by the answer", async () => {
  const sent: unknown[] = [];
  const facts = { product: "SalesCommand", version: "0.1.0", demo: false, mails_links: true };
  server.use(
    answer.get("/api/meta", { ...facts, demo_accounts: [], sign_in_providers: [] }),
    http.post("*/api/auth/forgot-password", async ({ request }) => {
      sent.push(await request.json());
      return new HttpResponse(null, { status: 202 });
    }),
  );
  const { user } = renderApp("/sign-in", { signedIn: false });
  await user.click(await screen.findByRole("link", { name: "Forgot your password?" }));
  await screen.findByRole("heading", { name: "Forgot your password?" });
  await user.type(await screen.findByLabelText("E-mail address"), "ann@example.com");
  await user.click(screen.getByRole("button", { name: "Send the link" }));
  expect(await screen.findByRole("status")).toHaveTextContent(/If there is an account with this address/);
  expect(sent).toEqual([{ email: "ann@example.com" }]);
  await user.click(screen.getByRole("link", { name: "Back to sign-in" }));
  expect(await screen.findByRole("heading", { name: "Sign in" })).toBeVisible();
});

test("who asks too often is told so", async () => {
  const problem = { status: 429, code: "too-many-attempts", title: "Too many attempts" };
  server.use(refuse("post", "/api/auth/forgot-password", problem));
  const { user } = renderApp("/forgot-password", { signedIn: false });
  await user.type(await screen.findByLabelText("E-mail address"), "ann@example.com");
  await user.click(screen.getByRole("button", { name: "Send the link" }));
  expect(await screen.findByText("Too many attempts")).toBeVisible();
});
