import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { answer } from "@/testing/answer";
import { anEntityPage } from "@/testing/builders";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

test("records are paged by cursor, and the page is in the address", async () => {
  server.use(
    answer.get("/api/data-lake/entities/{type}", (request) => {
      const { cursor } = Object.fromEntries(new URL(request.url).searchParams);
      return anEntityPage({ next_cursor: cursor ? null : "abc" });
    }),
  );
  const { user, address } = renderApp("/data-lake/entities");
  const table = await screen.findByRole("table", { name: "Opportunities, one page" });
  expect(within(table).getByRole("row", { name: /Quote for 600 chairs/ })).toHaveTextContent("USD1,234.50");
  await user.click(screen.getByRole("link", { name: "Next" }));
  expect(await screen.findByText(/Page 2/)).toBeVisible();
  expect(address()).toBe("/data-lake/entities?cursor=abc&page=2");
  expect(screen.queryByRole("link", { name: "Next" })).not.toBeInTheDocument();
  expect(screen.getByRole("link", { name: "Opportunities" })).toHaveAttribute("aria-current", "page");
});

test("another type is another address", async () => {
  const { user, address } = renderApp("/data-lake/entities");
  await user.click(await screen.findByRole("link", { name: "Contacts" }));
  expect(await screen.findByRole("table", { name: "Contacts, one page" })).toBeVisible();
  expect(address()).toBe("/data-lake/entities?type=contacts");
  const tabs = within(screen.getByRole("navigation", { name: "Record type" })).getAllByRole("link");
  const current = tabs.filter((tab) => tab.getAttribute("aria-current") === "page");
  expect(current.map((tab) => tab.textContent)).toEqual(["Contacts"]);
});

test("no records says why and leads on", async () => {
  server.use(answer.get("/api/data-lake/entities/{type}", anEntityPage({ items: [] })));
  renderApp("/data-lake/entities?type=teams");
  expect(await screen.findByText("No teams in your scope")).toBeVisible();
});
