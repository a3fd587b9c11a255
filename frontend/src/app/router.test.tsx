import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { renderApp } from "@/testing/render-app";

test("an address without a page says so in its heading, and shows the way home", async () => {
  renderApp("/no-such-page");
  expect(await screen.findByRole("heading", { level: 1 })).toHaveTextContent("There is no such page");
  expect(screen.getByRole("link", { name: "Go to the overview" })).toHaveAttribute("href", "/overview");
});
