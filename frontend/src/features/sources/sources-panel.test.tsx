import { screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { answer, refuse } from "@/testing/answer";
import { anObject, aRun, aSchedule, aSession, aSource, aStats } from "@/testing/builders";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

const syncNow = { name: "Sync now: Odoo main" };

test("Sync now shows the progress of each object, then the outcome", async () => {
  let step = 0;
  server.use(
    http.post("*/api/sync/trigger", async ({ request }) => {
      expect(await request.json()).toEqual({ source: "odoo-main" });
      step = 1;
      return HttpResponse.json({ run_id: "r2", source: "odoo-main" }, { status: 202 });
    }),
    answer.get("/api/sync/status", () => {
      if (step === 0) return { sources: [aSource()] };
      step += 1;
      if (step > 3) return { sources: [aSource({ last: aRun({ run_id: "r2", published: 9 }) })] };
      const current = aRun({ run_id: "r2", state: "running", finished_at: null, objects: [anObject()] });
      return { sources: [aSource({ state: "running", current })] };
    }),
  );
  const { user } = renderApp("/data-lake");
  await user.click(await screen.findByRole("button", syncNow));
  const bar = await screen.findByRole("progressbar", { name: "crm.lead: 50 of 200 read" });
  expect(bar).toHaveAttribute("aria-valuenow", "25");
  expect(screen.getByRole("button", { name: "Syncing" })).toHaveAttribute("aria-disabled", "true");
  await waitFor(() => expect(screen.queryByRole("progressbar")).not.toBeInTheDocument(), { timeout: 5_000 });
  expect(screen.getByTestId("sync-announcer")).toHaveTextContent(
    "Sync of Odoo main finished: 9 new or changed.",
  );
});

test("who may not trigger sees the source and no button", async () => {
  server.use(answer.get("/api/auth/me", aSession({ permissions: ["data-lake:read", "sync:read"] })));
  renderApp("/data-lake");
  expect(await screen.findByRole("heading", { name: /Odoo main/ })).toBeVisible();
  expect(screen.queryByRole("button", syncNow)).not.toBeInTheDocument();
});

test("the last failure stays visible with what to do about it", async () => {
  const error = { code: "source-auth", message: "Odoo refused the login.", fix: "Check the password." };
  const last = aRun({ state: "failed", error });
  server.use(answer.get("/api/sync/status", { sources: [aSource({ state: "failing", last })] }));
  renderApp("/data-lake");
  const alert = await screen.findByRole("alert");
  expect(alert).toHaveTextContent("Odoo refused the login.");
  expect(alert).toHaveTextContent("What to do: Check the password.");
});

test("someone else's sync is not an error", async () => {
  let asked = false;
  server.use(
    http.post("*/api/sync/trigger", () => {
      asked = true;
      return HttpResponse.json({ code: "sync-already-running", status: 409, title: "x" }, { status: 409 });
    }),
    answer.get("/api/sync/status", () => ({
      sources: [aSource({ current: asked ? aRun({ state: "running", objects: [anObject()] }) : null })],
    })),
  );
  const { user } = renderApp("/data-lake");
  await user.click(await screen.findByRole("button", syncNow));
  expect(await screen.findByText(/already under way; this is it/)).toBeVisible();
});

test("a refused trigger is shown beside the button", async () => {
  server.use(
    refuse("post", "/api/sync/trigger", {
      status: 503,
      code: "broker-unavailable",
      title: "The broker is down",
      fix: "Start NATS.",
    }),
  );
  const { user } = renderApp("/data-lake");
  await user.click(await screen.findByRole("button", syncNow));
  expect(await screen.findByRole("alert")).toHaveTextContent("The broker is down · Start NATS.");
});

test("the zones show counts, what waits between them and what is held back", async () => {
  renderApp("/data-lake");
  const raw = await screen.findByRole("region", { name: "Raw" });
  expect(raw).toHaveTextContent("25,431events");
  expect(raw).toHaveTextContent("38.2 MB");
  const canonical = screen.getByRole("region", { name: "Canonical" });
  expect(canonical).toHaveTextContent("2 records held back");
  expect(within(canonical).getByRole("link", { name: "Accounts" })).toHaveAttribute(
    "href",
    "/data-lake/entities?type=accounts",
  );
  expect(screen.getByText("Between Raw and Canonical:", { exact: false }).parentElement).toHaveTextContent(
    "Caught up",
  );
});

test("a sync started from the palette is refused where the source is shown", async () => {
  server.use(
    refuse("post", "/api/sync/trigger", {
      status: 503,
      code: "broker-unavailable",
      title: "The broker is down",
    }),
  );
  const { user } = renderApp("/overview");
  await screen.findByRole("region", { name: "Open pipeline" });
  await user.keyboard("{Control>}k{/Control}");
  await user.type(await screen.findByRole("combobox", { name: "Search commands" }), "sync odoo");
  await user.keyboard("{Enter}");
  expect(await screen.findByRole("alert")).toHaveTextContent("The broker is down");
});

test("what canonical changed and no projection has read yet is shown between the two", async () => {
  const { canonical, serving } = aStats();
  server.use(
    answer.get(
      "/api/data-lake/stats",
      aStats({
        canonical: { ...canonical, pending: 30 },
        serving: serving?.map((p) => ({ ...p, pending: 12 })),
      }),
    ),
  );
  renderApp("/data-lake");
  const lag = await screen.findByText("Between Canonical and Serving:", { exact: false });
  expect(lag.parentElement).toHaveTextContent("42 waiting");
});

test("who does not see every record is told what they can see, and not how much goes through the zones", async () => {
  const { canonical } = aStats();
  server.use(
    answer.get(
      "/api/data-lake/stats",
      aStats({ raw: null, serving: null, canonical: { ...canonical, pending: null, quarantine: null } }),
    ),
  );
  renderApp("/data-lake");
  const raw = await screen.findByRole("region", { name: "Raw" });
  expect(raw).toHaveTextContent("How much is here is shown to those who see every record.");
  const own = screen.getByRole("region", { name: "Canonical" });
  expect(own).toHaveTextContent("412");
  expect(own).not.toHaveTextContent("Quarantine");
  expect(screen.queryByText("Between Raw and Canonical:", { exact: false })).toBeNull();
});

test("a run under way can be cancelled", async () => {
  let cancelled = false;
  server.use(
    http.post("*/api/sync/runs/r2/cancel", () => {
      cancelled = true;
      return HttpResponse.json({ run_id: "r2", outcome: "asked" }, { status: 202 });
    }),
    answer.get("/api/sync/status", () => ({
      sources: [
        aSource(
          cancelled
            ? { last: aRun({ run_id: "r2", state: "cancelled" }) }
            : { current: aRun({ run_id: "r2", state: "running", finished_at: null, objects: [anObject()] }) },
        ),
      ],
    })),
  );
  const { user } = renderApp("/data-lake");
  await user.click(await screen.findByRole("button", { name: "Cancel" }));
  expect(await screen.findByText("Cancelled")).toBeVisible();
});

test("the schedule is in words, and is set for the source and for an object", async () => {
  const sent: unknown[] = [];
  server.use(
    http.put("*/api/sync/sources/odoo-main/schedule", async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json(aSchedule({ cadence: "1h", objects: { "crm.lead": "5m" } }));
    }),
    answer.get("/api/sync/status", () => ({
      sources: [
        aSource({
          last: aRun({ objects: [anObject()] }),
          schedule:
            sent.length === 0 ? aSchedule() : aSchedule({ cadence: "1h", objects: { "crm.lead": "5m" } }),
        }),
      ],
    })),
  );
  const { user } = renderApp("/data-lake");
  expect(await screen.findByText("Every 15 minutes")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Change when Odoo main is read" }));
  const all = await screen.findByRole("combobox", { name: "All objects" });
  await user.clear(all);
  await user.type(all, "1h");
  await user.type(screen.getByRole("combobox", { name: "crm.lead" }), "5m");
  await user.click(screen.getByRole("button", { name: "Save" }));
  expect(await screen.findByText("Every hour")).toBeVisible();
  expect(sent).toEqual([{ cadence: "1h", objects: { "crm.lead": "5m" } }]);
});

test("what is no schedule is refused in the dialog, which stays open", async () => {
  server.use(
    refuse("put", "/api/sync/sources/{source}/schedule", {
      status: 400,
      code: "malformed-body",
      title: "The request body is not what is expected",
      detail: '"often" is no schedule',
    }),
  );
  const { user } = renderApp("/data-lake");
  await user.click(await screen.findByRole("button", { name: "Change when Odoo main is read" }));
  const all = await screen.findByRole("combobox", { name: "All objects" });
  await user.clear(all);
  await user.type(all, "often");
  await user.click(screen.getByRole("button", { name: "Save" }));
  expect(await screen.findByText(/"often" is no schedule/)).toBeVisible();
  expect(all).toBeVisible();
});

test("a source that was left alone after failures says so", async () => {
  const schedule = aSchedule({ failures: 5, paused: true, next_at: null });
  server.use(answer.get("/api/sync/status", { sources: [aSource({ schedule })] }));
  renderApp("/data-lake");
  expect(await screen.findByText(/paused after 5 failures/)).toBeVisible();
});

test.each([
  ["mass-deletion", "Accept the deletions", { accept_deletions: true }],
  ["schema-drift", "Accept the changed fields", { accept_schema: true }],
])("what was held back by %s can be accepted, after a question", async (code, accept, demand) => {
  const sent: unknown[] = [];
  const error = { code, message: "Half of it is gone.", fix: "Look there." };
  server.use(
    answer.get("/api/sync/status", { sources: [aSource({ last: aRun({ state: "failed", error }) })] }),
    http.post("*/api/sync/trigger", async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json({ run_id: "r3", source: "odoo-main" }, { status: 202 });
    }),
  );
  const { user } = renderApp("/data-lake");
  await user.click(await screen.findByRole("button", { name: accept }));
  const dialog = await screen.findByRole("dialog");
  expect(sent).toEqual([]);
  await user.click(within(dialog).getByRole("button", { name: accept }));
  await expect.poll(() => sent).toEqual([{ source: "odoo-main", ...demand }]);
});

test("what is wrong with a source is said with since when", async () => {
  const alerts = [{ condition: "failing" as const, since: "2026-11-23T07:00:00Z" }];
  server.use(answer.get("/api/sync/status", { sources: [aSource({ alerts })] }));
  renderApp("/data-lake");
  const list = await screen.findByRole("list", { name: "What is wrong with Odoo main" });
  expect(list).toHaveTextContent(/Failing since/);
});
