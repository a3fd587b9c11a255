import { screen, within } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import type { Schemas } from "@/lib/api-client";
import { answer, refuse } from "@/testing/answer";
import { aSession } from "@/testing/builders";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

const AT = "2026-11-23T08:00:00Z";
const HEAD = `7:${"ab".repeat(32)}`;

function anEntry(part: Partial<Schemas["AuditEntry"]> = {}): Schemas["AuditEntry"] {
  return {
    position: 7,
    id: "e7",
    at: AT,
    actor: { id: "account:u1", name: "Sofia Almeida", role: "super_admin" },
    action: "account.role_changed",
    target: { kind: "account", id: "u2", name: "Nina New" },
    outcome: "done",
    address: "10.0.0.7",
    request: "req-7",
    details: { role_before: "viewer", role_after: "executive" },
    ...part,
  };
}

function verified(part: Partial<Schemas["AuditVerified"]> = {}): Schemas["AuditVerified"] {
  return { entries: 7, head: HEAD, end: 7, complete: true, broken: null, ...part };
}

beforeEach(() => {
  const permissions = [...aSession().user.permissions, "audit:read"];
  server.use(
    answer.get("/api/auth/me", aSession({ permissions })),
    answer.get("/api/audit/verify", verified()),
    answer.get("/api/audit", {
      entries: [
        anEntry(),
        anEntry({
          position: 6,
          action: "session.refused",
          actor: { id: "anonymous", name: null, role: null },
          target: null,
          outcome: "refused",
          details: { full: true, names: ["url", "login"] },
        }),
      ],
      next: null,
      searched_to: AT,
    }),
  );
});

test("entries are told with whoever acted, on what, and what came of it", async () => {
  renderApp("/audit");
  const table = await screen.findByRole("table", { name: "Entries" });
  const rows = within(table).getAllByRole("row").slice(1);
  expect(rows[0]).toHaveTextContent(
    /account\.role_changed.*Sofia Almeida.*Nina New.*Done.*role_before: viewer; role_after: executive.*10\.0\.0\.7/,
  );
  expect(rows[1]).toHaveTextContent(/session\.refused.*anonymous.*Refused.*full; names: url, login/);
});

test("the chain is checked to its end, and its head is told", async () => {
  const asked: (string | null)[] = [];
  server.use(
    answer.get("/api/audit/verify", (request) => {
      const since = new URL(request.url).searchParams.get("since");
      asked.push(since);
      return since ? verified() : verified({ head: `4:${"cd".repeat(32)}`, complete: false });
    }),
  );
  renderApp("/audit");
  expect(await screen.findByText("Whole up to entry 7")).toBeVisible();
  expect(screen.getByText(HEAD)).toBeVisible();
  expect(asked).toEqual([null, `4:${"cd".repeat(32)}`]);
});

test("a broken chain is told with its place", async () => {
  const broken = { position: 3, kind: "changed", detail: "entry 3 was changed" };
  server.use(answer.get("/api/audit/verify", verified({ broken })));
  renderApp("/audit");
  expect(await screen.findByText("The chain is broken")).toBeVisible();
  expect(screen.getByText("entry 3 was changed")).toBeVisible();
});

test("a chain that could not be checked is not told to be whole", async () => {
  server.use(refuse("get", "/api/audit/verify", { status: 403, code: "forbidden" }));
  renderApp("/audit");
  expect(await screen.findByText("The chain could not be checked")).toBeVisible();
});

test("what is chosen is asked for, stands in the address, and is what a file has", async () => {
  const asked: URLSearchParams[] = [];
  const page = { entries: [anEntry()], next: 5, searched_to: AT };
  server.use(
    answer.get("/api/audit", (request) => {
      asked.push(new URL(request.url).searchParams);
      return page;
    }),
  );
  const { user } = renderApp("/audit?from=2026-11-01");
  await user.selectOptions(await screen.findByLabelText("What"), "Accounts");
  await user.click(await screen.findByRole("link", { name: "Sofia Almeida" }));
  await screen.findByRole("button", { name: /By account:u1/ });
  const from = new Date(2026, 10, 1).toISOString();
  await expect
    .poll(() => Object.fromEntries(asked.at(-1) ?? []))
    .toEqual({
      action: "account.",
      actor: "account:u1",
      from,
    });
  const file = screen.getByRole("link", { name: "Download CSV" }).getAttribute("href") ?? "";
  const conditions = Object.fromEntries(new URLSearchParams(file.split("?")[1]));
  expect(conditions).toEqual({ action: "account.", actor: "account:u1", from, format: "csv" });
  await user.click(screen.getByRole("link", { name: "Older" }));
  await expect.poll(() => asked.at(-1)?.get("before")).toBe("5");
  await user.click(await screen.findByRole("button", { name: /By account:u1/ }));
  await expect.poll(() => screen.queryByRole("button", { name: /By account:u1/ })).toBeNull();
  const wider = screen.getByRole("link", { name: "Download CSV" }).getAttribute("href") ?? "";
  expect(wider).not.toContain("actor");
  expect(screen.queryByRole("link", { name: "Newest" }), "it shows the newest again").not.toBeInTheDocument();
});

test("who may not read it has no such page in the menu", async () => {
  server.use(answer.get("/api/auth/me", aSession()));
  renderApp("/data-lake");
  await screen.findAllByRole("link", { name: "Records" });
  expect(screen.queryByRole("link", { name: "Audit log" })).not.toBeInTheDocument();
});
