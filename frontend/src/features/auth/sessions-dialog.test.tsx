import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { beforeEach, expect, test } from "vitest";
import type { Schemas } from "@/lib/api-client";
import { answer } from "@/testing/answer";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

const AT = "2026-11-23T08:00:00Z";

function aBrowser(part: Partial<Schemas["SessionSummary"]>): Schemas["SessionSummary"] {
  return {
    id: "s1",
    device: "Firefox on Linux",
    address: "192.0.2.7",
    first_seen: AT,
    last_seen: AT,
    expires_at: AT,
    current: false,
    ...part,
  };
}

let listed: Schemas["SessionSummary"][];

beforeEach(() => {
  listed = [
    aBrowser({ current: true }),
    aBrowser({ id: "s2", device: "Safari on iOS", address: "198.51.100.3" }),
    aBrowser({ id: "s3", device: null, address: null }),
  ];
  server.use(
    answer.get("/api/auth/sessions", () => ({ sessions: listed })),
    http.delete("*/api/auth/sessions/:id", ({ params }) => {
      listed = listed.filter(({ id }) => id !== params["id"]);
      return new HttpResponse(null, { status: 204 });
    }),
    http.delete("*/api/auth/sessions", () => {
      listed = listed.filter(({ current }) => current);
      return new HttpResponse(null, { status: 204 });
    }),
  );
});

async function dialog() {
  const { user } = renderApp("/data-lake");
  await user.click((await screen.findAllByRole("button", { name: /Account menu/ }))[0] as HTMLElement);
  await user.click(await screen.findByRole("menuitem", { name: "Your sessions" }));
  const shown = await screen.findByRole("dialog", { name: "Your sessions" });
  return { user, shown, items: () => within(shown).queryAllByRole("listitem") };
}

test("each browser is told, and which is this one", async () => {
  const { shown, items } = await dialog();
  await within(shown).findByText("Safari on iOS");
  expect(items()[0]).toHaveTextContent(/Firefox on Linux.*This one.*192\.0\.2\.7 · Last seen 23 Nov 2026/);
  expect(items()[2]).toHaveTextContent(/Unknown device/);
  expect(within(items()[0] as HTMLElement).queryByRole("button")).toBeNull();
});

test("one is ended, and is gone from the list", async () => {
  const { user, shown, items } = await dialog();
  await user.click(await within(shown).findByRole("button", { name: "End: Safari on iOS" }));
  await expect.poll(() => items().length).toBe(2);
  expect(within(shown).queryByText("Safari on iOS")).toBeNull();
});

test("all others are ended, and then there is nothing more to end", async () => {
  const { user, shown, items } = await dialog();
  await user.click(await within(shown).findByRole("button", { name: "End all others" }));
  await expect.poll(() => items().length).toBe(1);
  expect(within(shown).queryByRole("button", { name: "End all others" })).toBeNull();
});

test("a refusal is said in the dialog", async () => {
  server.use(
    http.delete("*/api/auth/sessions/:id", () =>
      HttpResponse.json(
        { title: "Unknown session", status: 404, code: "unknown-session", detail: "", request_id: "r" },
        { status: 404, headers: { "content-type": "application/problem+json" } },
      ),
    ),
  );
  const { user, shown } = await dialog();
  await user.click(await within(shown).findByRole("button", { name: "End: Unknown device" }));
  expect(await within(shown).findByText("Unknown session")).toBeVisible();
});
