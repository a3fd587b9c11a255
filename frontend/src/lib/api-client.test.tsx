/** The refresh flow, seen from the page. */
import { screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { anOverview, aSession } from "@/testing/builders";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

const expired = () =>
  HttpResponse.json({ code: "access-expired", status: 401, title: "Expired" }, { status: 401 });

function expireUntilRenewed() {
  const calls = { overview: 0, refresh: 0 };
  let renewed = false;
  server.use(
    http.get("*/api/auth/me", () => (renewed ? HttpResponse.json(aSession()) : expired())),
    http.get("*/api/sync/status", () => (renewed ? HttpResponse.json({ sources: [] }) : expired())),
    http.get("*/api/dashboard/overview", () => {
      calls.overview += 1;
      return renewed ? HttpResponse.json(anOverview()) : expired();
    }),
    http.post("*/api/auth/refresh", ({ request }) => {
      calls.refresh += 1;
      renewed = request.headers.get("x-requested-with") === "salescommand";
      return HttpResponse.json(aSession());
    }),
  );
  return calls;
}

test("an expired access cookie is renewed once and the page goes on", async () => {
  const calls = expireUntilRenewed();
  renderApp("/overview");
  expect(await screen.findByRole("region", { name: "Open pipeline" })).toBeVisible();
  expect(calls.refresh).toBe(1);
});

test("a session that cannot be renewed leads to sign-in with the way back", async () => {
  server.use(
    http.get("*/api/auth/me", expired),
    http.post("*/api/auth/refresh", () =>
      HttpResponse.json({ code: "session-expired", status: 401 }, { status: 401 }),
    ),
  );
  const { address } = renderApp("/overview?period=2026-Q3");
  expect(await screen.findByText(/Your session has ended/)).toBeVisible();
  expect(new URL(address(), "http://x").searchParams.get("next")).toBe("/overview?period=2026-Q3");
});

test("a session lost in the middle of work leads to sign-in as well", async () => {
  server.use(
    http.get("*/api/dashboard/overview", expired),
    http.post("*/api/auth/refresh", () =>
      HttpResponse.json({ code: "session-expired", status: 401 }, { status: 401 }),
    ),
  );
  const { address } = renderApp("/overview");
  expect(await screen.findByText(/Your session has ended/)).toBeVisible();
  expect(address()).toBe("/sign-in?why=expired");
});
