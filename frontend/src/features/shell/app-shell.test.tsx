import { screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { answer } from "@/testing/answer";
import { aSession } from "@/testing/builders";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

test("the palette opens with Ctrl-K, filters, and goes where Enter says", async () => {
  const { user, address } = renderApp("/overview");
  await screen.findByRole("region", { name: "Open pipeline" });
  await user.keyboard("{Control>}k{/Control}");
  const input = await screen.findByRole("combobox", { name: "Search commands" });
  await user.type(input, "records");
  await waitFor(() => expect(screen.getAllByRole("option")).toHaveLength(1));
  await user.keyboard("{Enter}");
  await waitFor(() => expect(address()).toBe("/data-lake/entities"));
  expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
  await waitFor(() => expect(screen.getByRole("main")).toHaveFocus());
});

test("the palette switches the theme", async () => {
  const { user } = renderApp("/overview");
  await screen.findByRole("region", { name: "Open pipeline" });
  await user.keyboard("{Control>}k{/Control}");
  await user.type(await screen.findByRole("combobox", { name: "Search commands" }), "dark");
  await user.keyboard("{Enter}");
  await waitFor(() => expect(document.documentElement.dataset["theme"]).toBe("dark"));
});

test("the question mark lists the keys", async () => {
  const { user } = renderApp("/overview");
  await screen.findByRole("region", { name: "Open pipeline" });
  await user.keyboard("?");
  const sheet = await screen.findByRole("dialog", { name: "Keyboard shortcuts" });
  expect(within(sheet).getByText("Go to Data lake")).toBeVisible();
});

test("two keys go to a page", async () => {
  const { user, address } = renderApp("/overview");
  await screen.findByRole("region", { name: "Open pipeline" });
  await user.keyboard("gd");
  await waitFor(() => expect(address()).toBe("/data-lake"));
});

test("signing out leads to the sign-in page", async () => {
  server.use(http.post("*/api/auth/logout", () => new HttpResponse(null, { status: 204 })));
  const { user, address } = renderApp("/overview");
  await screen.findByRole("region", { name: "Open pipeline" });
  const [menu] = screen.getAllByRole("button", { name: /Account menu/ });
  await user.click(menu as HTMLElement);
  await user.click(await screen.findByRole("menuitem", { name: "Sign out" }));
  expect(await screen.findByText("You are signed out.")).toBeVisible();
  expect(address()).toBe("/sign-in?why=signed-out");
});

test("pages without permission are not offered", async () => {
  server.use(answer.get("/api/auth/me", aSession({ permissions: ["dashboard:read"] })));
  renderApp("/overview");
  expect((await screen.findAllByRole("link", { name: "Overview" })).length).toBeGreaterThan(0);
  expect(screen.queryByRole("link", { name: "Data lake" })).not.toBeInTheDocument();
});

test("an unknown address has a way home", async () => {
  renderApp("/nowhere");
  expect(await screen.findByRole("link", { name: "Go to the overview" })).toBeVisible();
});

test("a sign-out that did not reach the server is not passed off as one", async () => {
  server.use(http.post("*/api/auth/logout", () => HttpResponse.error()));
  const { user, address } = renderApp("/overview");
  await screen.findByRole("region", { name: "Open pipeline" });
  await user.keyboard("{Control>}k{/Control}");
  await user.type(await screen.findByRole("combobox", { name: "Search commands" }), "sign out");
  await user.keyboard("{Enter}");
  expect(await screen.findByRole("alert")).toHaveTextContent("Sign-out failed. Try again.");
  expect(address()).toBe("/overview");
});
