/** Before each test file: the catalogue, DOM matchers, the mock server; after each test: everything back to nothing. */
import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterAll, afterEach, beforeAll, beforeEach, vi } from "vitest";
import "@/i18n/setup";
import { server } from "@/testing/server";

// The first page of a file is compiled while it is waited for: on a busy machine that takes longer than a second.
configure({ asyncUtilTimeout: 5_000 });

beforeAll(() => {
  // What jsdom lacks and the components ask for.
  vi.stubGlobal("matchMedia", (query: string) => ({
    matches: false,
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }));
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {}
      unobserve() {}
      disconnect() {}
    },
  );
  window.scrollTo = () => undefined;
  Element.prototype.scrollIntoView = () => undefined;
  server.listen({ onUnhandledRequest: "error" });
});

beforeEach(() => localStorage.clear());

afterEach(() => {
  cleanup();
  server.resetHandlers();
});

afterAll(() => server.close());
