import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { answer } from "@/testing/answer";
import { anObject, aRun, aSource } from "@/testing/builders";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

test("a run under way tells its pace, when it ends, and what holds it up", async () => {
  const objects = [
    anObject({ per_second: 120.4, seconds_left: 75, before: 30 }),
    anObject({ object: "res.partner", phase: "waiting_for_source", rate_limits: 2, per_second: 0.5 }),
    anObject({ object: "mail.message", state: "waiting", total: null }),
  ];
  const current = aRun({ state: "running", finished_at: null, objects });
  server.use(answer.get("/api/sync/status", { sources: [aSource({ state: "running", current })] }));
  renderApp("/data-lake");
  const lead = await screen.findByRole("row", { name: /crm.lead/ });
  expect(lead).toHaveTextContent("80 of 200");
  expect(lead).toHaveTextContent("120 a second · 1 m 15 s left");
  expect(screen.getByRole("row", { name: /res.partner/ })).toHaveTextContent(
    "waiting for the source · 0.5 a second · asked to wait 2 times",
  );
});

test("what a run had to say is behind its row", async () => {
  const run = aRun({ calls: 12, bytes: 2_000_000, rate_limits: 1, waited_ms: 30_400 });
  const line = { at: "2026-11-23T08:00:01Z", object: "crm.lead", times: 1 };
  server.use(
    answer.get("/api/sync/history", { runs: [run] }),
    answer.get("/api/sync/runs/{run}/log", {
      dropped: 3,
      lines: [
        { ...line, level: "warn", text: "too slow; tried again after 0.5 s", times: 4 },
        { ...line, level: "error", object: null, text: "no access to mail.message" },
      ],
    }),
  );
  const { user } = renderApp("/data-lake");
  await user.click(await screen.findByRole("button", { name: /^Log of the sync of odoo-main/ }));
  const dialog = await screen.findByRole("dialog", { name: /^Log of odoo-main/ });
  const lines = await within(dialog).findAllByRole("listitem");
  expect(lines[0]).toHaveTextContent("Warningcrm.leadtoo slow; tried again after 0.5 s · 4 times");
  expect(lines[1]).toHaveTextContent("Errorno access to mail.message");
  expect(dialog).toHaveTextContent("3 lines before these are no longer there.");
  expect(dialog).toHaveTextContent("12 calls, 2 MB received, waits for rate limits: 1, 30 s waited");
});

test("an object is read again from the beginning when its cursor is reset", async () => {
  const sent: unknown[] = [];
  const cursor = {
    object: "crm.lead",
    complete: true,
    read: 200,
    started_at: "2026-11-23T08:00:00Z",
    read_through: "2026-11-23T08:00:00Z",
    position: { epoch: 2, sequence: 4711 },
  };
  server.use(
    answer.get("/api/sync/sources/{source}/cursors", () => ({
      cursors: [sent.length === 0 ? cursor : { ...cursor, complete: false, reset_at: cursor.started_at }],
    })),
    http.post("*/api/sync/sources/odoo-main/cursors/reset", async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json({ objects: ["crm.lead"] });
    }),
  );
  const { user } = renderApp("/data-lake");
  await user.click(await screen.findByRole("button", { name: "More: Odoo main" }));
  await user.click(await screen.findByRole("menuitem", { name: "How far it was read" }));
  const dialog = await screen.findByRole("dialog", { name: "How far Odoo main was read" });
  const row = await within(dialog).findByRole("row", { name: /crm.lead/ });
  expect(row).toHaveTextContent("Complete");
  expect(row).toHaveTextContent("2/4711");
  const reset = within(dialog).getByRole("button", { name: "Reset crm.lead" });
  await user.click(reset);
  await expect.poll(() => sent).toEqual([{ objects: ["crm.lead"] }]);
  await expect.poll(() => reset.getAttribute("aria-disabled")).toBe("true");
});
