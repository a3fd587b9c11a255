import { screen, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { refuse } from "@/testing/answer";
import { aSession } from "@/testing/builders";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

async function fillIn(user: ReturnType<typeof renderApp>["user"], password = "demo123") {
  await user.type(await screen.findByLabelText("E-mail address"), "superadmin@salescommand.com");
  await user.type(screen.getByLabelText("Password"), password);
  await user.click(screen.getByRole("button", { name: "Sign in" }));
}

test("a deep link asks to sign in, says why, and is returned to", async () => {
  const { user, address } = renderApp("/overview?view=table", { signedIn: false });
  expect(await screen.findByText(/open the page you asked for/)).toBeVisible();
  await fillIn(user);
  expect(await screen.findByRole("heading", { name: "Overview" })).toBeVisible();
  expect(address()).toBe("/overview?view=table");
});

test("sign-in sends the header that guards against cross-site requests", async () => {
  let seen: string | null = null;
  server.use(
    http.post("*/api/auth/login", ({ request }) => {
      seen = request.headers.get("x-requested-with");
      return HttpResponse.json(aSession());
    }),
  );
  const { user } = renderApp("/sign-in", { signedIn: false });
  await fillIn(user);
  await screen.findByRole("heading", { name: "Overview" });
  expect(seen).toBe("salescommand");
});

test("a wrong password is said so and nothing else is lost", async () => {
  server.use(refuse("post", "/api/auth/login", { status: 401, code: "invalid-credentials" }));
  const { user } = renderApp("/sign-in", { signedIn: false });
  await fillIn(user, "wrong");
  expect(await screen.findByRole("alert")).toHaveTextContent(
    "The e-mail address or the password is not right.",
  );
  expect(screen.getByLabelText("E-mail address")).toHaveValue("superadmin@salescommand.com");
  expect(screen.getByLabelText("Password")).toHaveFocus();
});

test("too many attempts names the wait", async () => {
  server.use(
    refuse("post", "/api/auth/login", { status: 429, code: "too-many-attempts" }, { "retry-after": "30" }),
  );
  const { user } = renderApp("/sign-in", { signedIn: false });
  await fillIn(user);
  expect(await screen.findByRole("alert")).toHaveTextContent("Wait 30 seconds, then try again.");
});

test("a store that is down is named with its fix and the request id", async () => {
  server.use(
    refuse("post", "/api/auth/login", {
      status: 503,
      code: "store-unavailable",
      title: "The document store does not answer",
      detail: "Connection refused.",
      fix: "Start MongoDB, then retry.",
    }),
  );
  const { user } = renderApp("/sign-in", { signedIn: false });
  await fillIn(user);
  const alert = await screen.findByRole("alert");
  expect(alert).toHaveTextContent("The document store does not answer");
  expect(alert).toHaveTextContent("Start MongoDB, then retry.");
  expect(alert).toHaveTextContent("req-7");
});

test("a server that cannot be reached is told from a refusal", async () => {
  server.use(http.post("*/api/auth/login", () => HttpResponse.error()));
  const { user } = renderApp("/sign-in", { signedIn: false });
  await fillIn(user);
  expect(await screen.findByRole("alert")).toHaveTextContent("The server cannot be reached");
});

test("one click on a demo account fills in the form", async () => {
  const { user } = renderApp("/sign-in", { signedIn: false });
  await user.click(await screen.findByRole("button", { name: /Super Admin/ }));
  expect(screen.getByLabelText("E-mail address")).toHaveValue("superadmin@salescommand.com");
  expect(screen.getByLabelText("Password")).toHaveValue("demo123");
  expect(screen.getByText("SalesCommand · Version 0.1.0")).toBeVisible();
});

test("a return address of another site is ignored", async () => {
  const { user, address } = renderApp("/sign-in?next=//evil.example/x", { signedIn: false });
  await fillIn(user);
  await waitFor(() => expect(address()).toBe("/overview"));
});
