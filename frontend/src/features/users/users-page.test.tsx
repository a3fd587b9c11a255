import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { beforeEach, expect, test } from "vitest";
import type { Schemas } from "@/lib/api-client";
import { answer, refuse } from "@/testing/answer";
import { aSession } from "@/testing/builders";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

const AT = "2026-11-23T08:00:00Z";
const LINK = { url: "/set-password#t0ken", path: "/set-password#t0ken", expires_at: AT, mailed: false };

function aUser(part: Partial<Schemas["User"]> = {}): Schemas["User"] {
  return {
    id: "u2",
    email: "nina@example.com",
    name: "Nina New",
    role: "sales_user",
    role_label: "Sales User",
    disabled: false,
    has_password: true,
    providers: [],
    kept_by: null,
    directory_disabled: false,
    created_at: AT,
    last_seen: AT,
    revision: 3,
    ...part,
  };
}

beforeEach(() => {
  const permissions = [...aSession().user.permissions, "users:manage"];
  server.use(
    answer.get("/api/auth/me", aSession({ permissions })),
    answer.get("/api/users", {
      users: [
        aUser({ id: "u1", email: "admin@example.com", name: "Sofia Almeida", role_label: "Super Admin" }),
        aUser(),
        aUser({ id: "u3", email: "olga@example.com", name: "Olga", has_password: false, last_seen: null }),
        aUser({ id: "u4", email: "pete@example.com", name: "Pete", disabled: true, providers: ["ms365"] }),
        aUser({ id: "u5", email: "quinn@example.com", name: "Quinn", directory_disabled: true }),
        aUser({ id: "u6", email: "ruth@example.com", name: "Ruth", has_password: false, kept_by: "ms365" }),
      ],
      next: null,
    }),
  );
});

async function menu(name: string, item: string) {
  const { user } = renderApp("/users");
  await user.click(await screen.findByRole("button", { name: `More: ${name}` }));
  await user.click(await screen.findByRole("menuitem", { name: item }));
  return user;
}

test("accounts are told with role, state and ways in", async () => {
  renderApp("/users");
  const table = await screen.findByRole("table", { name: "Accounts" });
  const rows = within(table).getAllByRole("row").slice(1);
  expect(rows[1]).toHaveTextContent(/Nina New.*nina@example.com.*Sales User.*Active.*password/);
  expect(rows[2]).toHaveTextContent(/Olga.*Invited/);
  expect(rows[3]).toHaveTextContent(/Pete.*Shut out.*password, ms365/);
  expect(rows[4]).toHaveTextContent(/Quinn.*Disabled in the directory/);
  expect(rows[5]).toHaveTextContent(/Ruth.*Active.*kept by the directory of ms365/);
});

test("who may not manage accounts has no such page in the menu", async () => {
  server.use(answer.get("/api/auth/me", aSession()));
  renderApp("/data-lake");
  await screen.findAllByRole("link", { name: "Records" });
  expect(screen.queryByRole("link", { name: "Users" })).not.toBeInTheDocument();
});

test("somebody is invited, and the link is shown once", async () => {
  const sent: unknown[] = [];
  server.use(
    http.post("*/api/users", async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json({ user: aUser({ name: "Ole" }), link: LINK }, { status: 201 });
    }),
  );
  const { user } = renderApp("/users");
  await user.click(await screen.findByRole("button", { name: "Invite somebody" }));
  const dialog = await screen.findByRole("dialog", { name: "Invite somebody" });
  await user.type(within(dialog).getByLabelText("E-mail address"), "ole@example.com");
  await user.type(within(dialog).getByLabelText("Name"), "Ole");
  await user.selectOptions(within(dialog).getByLabelText("Role"), "executive");
  expect(within(dialog).getByText("Sees everything, changes nothing.")).toBeVisible();
  await user.click(within(dialog).getByRole("button", { name: "Make the account" }));
  const shown = await screen.findByRole("dialog", { name: "Link for Ole" });
  expect(within(shown).getByTestId("password-link")).toHaveTextContent(/^http.*\/set-password#t0ken$/);
  expect(within(shown).queryByRole("status")).toBeNull();
  expect(sent).toEqual([{ email: "ole@example.com", name: "Ole", role: "executive", mail: false }]);
});

test("a role is changed of the account as it was read", async () => {
  const sent: unknown[] = [];
  server.use(
    http.patch("*/api/users/:id", async ({ request, params }) => {
      sent.push([params["id"], request.headers.get("if-match"), await request.json()]);
      return HttpResponse.json(aUser({ revision: 4 }));
    }),
  );
  const user = await menu("Nina New", "Change the role");
  const dialog = await screen.findByRole("dialog", { name: "Role of Nina New" });
  await user.selectOptions(within(dialog).getByLabelText("Role"), "viewer");
  await user.click(within(dialog).getByRole("button", { name: "Change the role" }));
  await expect.poll(() => sent).toEqual([["u2", "3", { role: "viewer" }]]);
});

test("a change that came too late says so and stays open", async () => {
  server.use(
    http.patch("*/api/users/:id", () =>
      HttpResponse.json(
        { title: "Changed in the meantime", status: 412, code: "stale-version", detail: "", request_id: "r" },
        { status: 412, headers: { "content-type": "application/problem+json" } },
      ),
    ),
  );
  const user = await menu("Nina New", "Shut out");
  const dialog = await screen.findByRole("dialog", { name: "Shut Nina New out" });
  await user.click(within(dialog).getByRole("button", { name: "Shut out" }));
  expect(await within(dialog).findByText("Changed in the meantime")).toBeVisible();
});

test("nobody can change their own role or shut themselves out", async () => {
  const { user } = renderApp("/users");
  await user.click(await screen.findByRole("button", { name: "More: Sofia Almeida" }));
  const items = (await screen.findAllByRole("menuitem")).map((item) => item.textContent);
  expect(items).toEqual(["Link for another password", "Sessions", "Sign out everywhere"]);
});

test("a password is chosen by a link, whose proof leaves the address", async () => {
  const sent: unknown[] = [];
  server.use(
    http.post("*/api/auth/choose-password", async ({ request }) => {
      sent.push(await request.json());
      return new HttpResponse(null, { status: 204 });
    }),
  );
  window.location.hash = "#t0ken";
  const { user } = renderApp("/set-password#t0ken");
  await user.type(await screen.findByLabelText("New password"), "staple wagon cloud");
  await user.type(screen.getByLabelText("Once more"), "staple wagon");
  expect(screen.getByText("The two are not the same.")).toBeVisible();
  await user.type(screen.getByLabelText("Once more"), " cloud");
  await user.click(screen.getByRole("button", { name: "Set the password" }));
  expect(await screen.findByText("Your password is set.")).toBeVisible();
  expect(sent).toEqual([{ token: "t0ken", password: "staple wagon cloud" }]);
  expect(window.location.hash).toBe("");
});

test("a link that is over says what to do", async () => {
  const problem = { status: 410, code: "link-over", title: "This link is over" };
  server.use(refuse("post", "/api/auth/choose-password", problem));
  const { user } = renderApp("/set-password");
  await user.type(await screen.findByLabelText("New password"), "staple wagon cloud");
  await user.type(screen.getByLabelText("Once more"), "staple wagon cloud");
  await user.click(screen.getByRole("button", { name: "Set the password" }));
  expect(await screen.findByText("This link is over")).toBeVisible();
});

test("one's own password is changed from the account menu", async () => {
  const sent: unknown[] = [];
  server.use(
    http.put("*/api/auth/password", async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json(aSession());
    }),
  );
  const { user } = renderApp("/data-lake");
  await user.click((await screen.findAllByRole("button", { name: /Account menu/ }))[0] as HTMLElement);
  await user.click(await screen.findByRole("menuitem", { name: "Change password" }));
  const dialog = await screen.findByRole("dialog", { name: "Change password" });
  await user.type(within(dialog).getByLabelText("Present password"), "demo123");
  await user.type(within(dialog).getByLabelText("New password"), "staple wagon cloud");
  await user.click(within(dialog).getByRole("button", { name: "Change password" }));
  await expect.poll(() => sent).toEqual([{ present: "demo123", password: "staple wagon cloud" }]);
});

test("the sessions of an account are shown, with the way to end them all", async () => {
  const session = { id: "s1", device: "Edge on Windows", address: null, current: false };
  const seen = { first_seen: AT, last_seen: AT, expires_at: AT };
  server.use(answer.get("/api/users/{id}/sessions", { sessions: [{ ...session, ...seen }] }));
  const user = await menu("Nina New", "Sessions");
  const dialog = await screen.findByRole("dialog", { name: "Sessions of Nina New" });
  expect(await within(dialog).findByText("Edge on Windows")).toBeVisible();
  await user.click(within(dialog).getByRole("button", { name: "Sign out everywhere" }));
  expect(await screen.findByRole("dialog", { name: "Sign Nina New out everywhere" })).toBeVisible();
});

const facts = { product: "SalesCommand", version: "0.1.0", demo: false, demo_accounts: [] };
const withMail = () =>
  server.use(answer.get("/api/meta", { ...facts, sign_in_providers: [], mails_links: true }));

test("with a mail server an invitation is sent, unless that is not wanted", async () => {
  const sent: unknown[] = [];
  withMail();
  server.use(
    http.post("*/api/users", async ({ request }) => {
      const wanted = (await request.json()) as Schemas["Invitation"];
      sent.push(wanted.mail);
      const link = { ...LINK, mailed: wanted.mail ?? false };
      return HttpResponse.json({ user: aUser({ name: "Ole" }), link }, { status: 201 });
    }),
  );
  const { user } = renderApp("/users");
  for (const wanted of [true, false]) {
    await user.click(await screen.findByRole("button", { name: "Invite somebody" }));
    const dialog = await screen.findByRole("dialog", { name: "Invite somebody" });
    await user.type(within(dialog).getByLabelText("E-mail address"), "ole@example.com");
    await user.type(within(dialog).getByLabelText("Name"), "Ole");
    const mail = await within(dialog).findByRole("checkbox", { name: "Send the link by e-mail" });
    if (!wanted) await user.click(mail);
    await user.click(within(dialog).getByRole("button", { name: "Make the account" }));
    const shown = await screen.findByRole("dialog", { name: "Link for Ole" });
    if (wanted) expect(within(shown).getByRole("status")).toHaveTextContent("It was sent by e-mail");
    await user.click(within(shown).getByRole("button", { name: "Done" }));
  }
  expect(sent).toEqual([true, false]);
});

test("a link that the mail server did not take is still there to be handed over", async () => {
  withMail();
  const asked: (string | null)[] = [];
  server.use(
    http.post("*/api/users/:id/reset", ({ request }) => {
      asked.push(new URL(request.url).searchParams.get("mail"));
      return HttpResponse.json(LINK);
    }),
  );
  const user = await menu("Nina New", "Link for another password");
  const dialog = await screen.findByRole("dialog", { name: "Another password for Nina New" });
  await within(dialog).findByRole("checkbox", { name: "Send the link by e-mail" });
  await user.click(within(dialog).getByRole("button", { name: "Make the link" }));
  const shown = await screen.findByRole("dialog", { name: "Link for Nina New" });
  expect(within(shown).getByRole("status")).toHaveTextContent("The mail server did not take it");
  expect(within(shown).getByTestId("password-link")).toHaveTextContent("/set-password#t0ken");
  expect(asked).toEqual(["true"]);
});
