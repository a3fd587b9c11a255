import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { answer, refuse } from "@/testing/answer";
import { aSession, aSource } from "@/testing/builders";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

const INSTANCE = {
  name: "odoo-main",
  kind: "odoo",
  title: "Odoo main",
  settings: { url: "https://a.example", database: "prod", login: "api", page_size: "100" },
  cadence: "15m",
  objects: {},
};

async function menu(item: string) {
  const { user } = renderApp("/data-lake");
  await user.click(await screen.findByRole("button", { name: "More: Odoo main" }));
  await user.click(await screen.findByRole("menuitem", { name: item }));
  return user;
}

test("a source is added with what it needs, and tested at once", async () => {
  const sent: unknown[] = [];
  server.use(
    http.post("*/api/sync/sources", async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json({ ...INSTANCE, name: "odoo-eu", title: "Odoo (odoo-eu)" }, { status: 201 });
    }),
    answer.post("/api/sync/sources/{source}/test", {
      works: false,
      checks: [
        { step: "reachable", outcome: "passed", detail: "answers" },
        { step: "login", outcome: "failed", detail: "Odoo refused the login; check the key" },
      ],
    }),
  );
  const { user } = renderApp("/data-lake");
  await user.click(await screen.findByRole("button", { name: "Add a source" }));
  const dialog = await screen.findByRole("dialog", { name: "Add a source" });
  const fill = async (label: string, text: string) => user.type(within(dialog).getByLabelText(label), text);
  await fill("Name", "odoo-eu");
  await fill("Address", "https://erp.example");
  await fill("Database", "prod");
  await fill("Login of the API user", "api");
  await fill("API key, password or client secret", "s3cret");
  await user.click(within(dialog).getByRole("button", { name: "Add a source" }));
  const settings = { url: "https://erp.example", database: "prod", login: "api" };
  const result = await screen.findByRole("dialog", { name: "Connection of Odoo (odoo-eu)" });
  expect(sent).toEqual([{ name: "odoo-eu", kind: "odoo", settings, secret: "s3cret" }]);
  expect(await within(result).findByText("The source cannot be read yet.")).toBeVisible();
  expect(within(result).getByText("Odoo refused the login; check the key")).toBeVisible();
});

test("a source of Microsoft 365 has other settings", async () => {
  const sent: unknown[] = [];
  server.use(
    http.post("*/api/sync/sources", async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json({ ...INSTANCE, name: "ms365", kind: "ms365" }, { status: 201 });
    }),
    answer.post("/api/sync/sources/{source}/test", { works: true, checks: [] }),
  );
  const { user } = renderApp("/data-lake");
  await user.click(await screen.findByRole("button", { name: "Add a source" }));
  const dialog = await screen.findByRole("dialog", { name: "Add a source" });
  await user.click(within(dialog).getByRole("radio", { name: "Microsoft 365" }));
  expect(within(dialog).queryByLabelText("Database")).toBeNull();
  const fill = async (label: string, text: string) => user.type(within(dialog).getByLabelText(label), text);
  await fill("Name", "ms365");
  await fill("Directory (tenant) id", "tenant-id");
  await fill("Application (client) id", "client-id");
  await fill("API key, password or client secret", "s3cret");
  await user.click(within(dialog).getByRole("button", { name: "Add a source" }));
  const settings = { tenant: "tenant-id", client_id: "client-id" };
  await expect.poll(() => sent).toEqual([{ name: "ms365", kind: "ms365", settings, secret: "s3cret" }]);
});

test("a refused source stays in the form, with the reason", async () => {
  server.use(
    refuse("post", "/api/sync/sources", {
      status: 409,
      code: "source-name-taken",
      title: "The name is taken",
    }),
  );
  const { user } = renderApp("/data-lake");
  await user.click(await screen.findByRole("button", { name: "Add a source" }));
  const dialog = await screen.findByRole("dialog");
  for (const [label, text] of [
    ["Name", "odoo"],
    ["Address", "https://erp.example"],
    ["Database", "prod"],
    ["Login of the API user", "api"],
    ["API key, password or client secret", "x"],
  ] as const) {
    await user.type(within(dialog).getByLabelText(label), text);
  }
  await user.click(within(dialog).getByRole("button", { name: "Add a source" }));
  expect(await within(dialog).findByText("The name is taken")).toBeVisible();
});

test("a change keeps the settings that the form does not show, and the credential", async () => {
  const sent: unknown[] = [];
  server.use(
    answer.get("/api/sync/sources", { sources: [INSTANCE] }),
    http.patch("*/api/sync/sources/odoo-main", async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json(INSTANCE);
    }),
  );
  const user = await menu("Change");
  const dialog = await screen.findByRole("dialog", { name: "Change Odoo main" });
  const database = within(dialog).getByLabelText("Database");
  await user.clear(database);
  await user.type(database, "other");
  await user.click(within(dialog).getByRole("button", { name: "Save" }));
  const settings = { ...INSTANCE.settings, database: "other" };
  await expect.poll(() => sent).toEqual([{ title: "Odoo main", settings }]);
});

test("what a source has is shown with what reading it takes", async () => {
  const field = { canonical: [], label: "", kind: "char", custom: false, read: true };
  server.use(
    answer.post("/api/sync/sources/{source}/discover", {
      calls: 420,
      seconds: 300,
      objects: [
        {
          object: "crm.lead",
          entities: [],
          records: 200_000,
          calls: 400,
          seconds: 299,
          fields: [
            { ...field, name: "name" },
            { ...field, name: "x_score", custom: true },
          ],
          sample: null,
          problem: null,
        },
        {
          object: "mail.activity",
          entities: [],
          records: null,
          calls: null,
          seconds: null,
          fields: [],
          sample: null,
          problem: "not allowed",
        },
      ],
    }),
  );
  await menu("What it has");
  const dialog = await screen.findByRole("dialog", { name: "What Odoo main has" });
  expect(await within(dialog).findByText(/420 calls and about 5 min/)).toBeVisible();
  expect(within(dialog).getByRole("row", { name: /crm.lead/ })).toHaveTextContent("200,00022x_score");
  expect(within(dialog).getByText("not allowed")).toBeVisible();
});

test("a source is forgotten after a question", async () => {
  let forgotten = false;
  server.use(
    http.delete("*/api/sync/sources/odoo-main", () => {
      forgotten = true;
      return new HttpResponse(null, { status: 204 });
    }),
    answer.get("/api/sync/status", () => ({ sources: forgotten ? [] : [aSource()] })),
  );
  const user = await menu("Forget");
  const dialog = await screen.findByRole("dialog", { name: "Forget Odoo main?" });
  expect(forgotten).toBe(false);
  await user.click(within(dialog).getByRole("button", { name: "Forget" }));
  expect(await screen.findByText("No source is connected yet")).toBeVisible();
});

test("a range is read again: whole days, in UTC, of the objects that are chosen", async () => {
  const sent: unknown[] = [];
  let refused = true;
  const cursor = {
    complete: true,
    read: 7,
    position: { epoch: 1, sequence: 9 },
    started_at: "2026-11-23T07:00:00Z",
  };
  server.use(
    answer.get("/api/sync/sources/{source}/cursors", {
      cursors: [
        { ...cursor, object: "crm.lead" },
        { ...cursor, object: "res.partner" },
      ],
    }),
    http.post("*/api/sync/sources/odoo-main/backfill", async ({ request }) => {
      sent.push(await request.json());
      return refused
        ? HttpResponse.json(
            {
              code: "sync-already-running",
              title: "Sync already running",
              status: 409,
              detail: "",
              fix: "Wait",
            },
            { status: 409, headers: { "content-type": "application/problem+json" } },
          )
        : HttpResponse.json({ run_id: "r9", source: "odoo-main" }, { status: 202 });
    }),
  );
  const user = await menu("Read a range again");
  const dialog = await screen.findByRole("dialog", { name: "Read a range of Odoo main again" });
  const start = within(dialog).getByRole("button", { name: "Read again" });
  await user.click(start);
  expect(sent, "a range has two ends").toEqual([]);
  await user.type(within(dialog).getByLabelText("From"), "2026-02-27");
  await user.type(within(dialog).getByLabelText("To"), "2026-02-26");
  expect(within(dialog).getByRole("alert")).toHaveTextContent("The range ends before it begins.");
  await user.click(start);
  expect(sent).toEqual([]);
  await user.clear(within(dialog).getByLabelText("To"));
  await user.type(within(dialog).getByLabelText("To"), "2026-02-28");
  await user.click(start);
  const range = { from: "2026-02-27T00:00:00Z", to: "2026-03-01T00:00:00Z" };
  expect(await within(dialog).findByText("Sync already running")).toBeVisible();
  expect(sent).toEqual([range]);
  refused = false;
  await user.click(await within(dialog).findByRole("checkbox", { name: "crm.lead" }));
  await user.click(start);
  await expect.poll(() => sent.at(-1)).toEqual({ ...range, objects: ["crm.lead"] });
  await expect.poll(() => screen.queryByRole("dialog")).toBeNull();
});

test("who only starts syncs is offered to read a range again, and nothing else", async () => {
  server.use(
    answer.get("/api/auth/me", aSession({ permissions: ["data-lake:read", "sync:read", "sync:trigger"] })),
  );
  const { user } = renderApp("/data-lake");
  expect(await screen.findByRole("heading", { name: /Odoo main/ })).toBeVisible();
  expect(screen.queryByRole("button", { name: "Add a source" })).not.toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "More: Odoo main" }));
  const items = await screen.findAllByRole("menuitem");
  expect(items.map(({ textContent }) => textContent)).toEqual(["Read a range again"]);
});

test("who may start no sync is offered none of it", async () => {
  server.use(answer.get("/api/auth/me", aSession({ permissions: ["data-lake:read", "sync:read"] })));
  renderApp("/data-lake");
  expect(await screen.findByRole("heading", { name: /Odoo main/ })).toBeVisible();
  expect(screen.queryByRole("button", { name: "More: Odoo main" })).not.toBeInTheDocument();
});
