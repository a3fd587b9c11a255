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
  const dialog = await screen.findByRole("dialog", { name: "Add an Odoo source" });
  const fill = async (label: string, text: string) => user.type(within(dialog).getByLabelText(label), text);
  await fill("Name", "odoo-eu");
  await fill("Address", "https://erp.example");
  await fill("Database", "prod");
  await fill("Login of the API user", "api");
  await fill("API key or password", "s3cret");
  await user.click(within(dialog).getByRole("button", { name: "Add a source" }));
  const settings = { url: "https://erp.example", database: "prod", login: "api" };
  const result = await screen.findByRole("dialog", { name: "Connection of Odoo (odoo-eu)" });
  expect(sent).toEqual([{ name: "odoo-eu", kind: "odoo", settings, secret: "s3cret" }]);
  expect(await within(result).findByText("The source cannot be read yet.")).toBeVisible();
  expect(within(result).getByText("Odoo refused the login; check the key")).toBeVisible();
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
    ["API key or password", "x"],
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
  const field = { label: "", kind: "char", custom: false, read: true };
  server.use(
    answer.post("/api/sync/sources/{source}/discover", {
      calls: 420,
      seconds: 300,
      objects: [
        {
          object: "crm.lead",
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

test("who does not operate the pipeline is offered none of it", async () => {
  server.use(
    answer.get("/api/auth/me", aSession({ permissions: ["data-lake:read", "sync:read", "sync:trigger"] })),
  );
  renderApp("/data-lake");
  expect(await screen.findByRole("heading", { name: /Odoo main/ })).toBeVisible();
  expect(screen.queryByRole("button", { name: "Add a source" })).not.toBeInTheDocument();
  expect(screen.queryByRole("button", { name: "More: Odoo main" })).not.toBeInTheDocument();
});
