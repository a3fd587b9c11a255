/** The whole application at an address, signed in unless told otherwise. */
import { createMemoryHistory } from "@tanstack/react-router";
import { render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { App } from "@/app/app";
import { createApp } from "@/app/router";
import { setSessionHint } from "@/lib/session-refresh";

interface Options {
  signedIn?: boolean;
}

export function renderApp(address: string, { signedIn = true }: Options = {}) {
  if (signedIn) {
    setSessionHint(true);
    // An old sign-in: a renewal has not just happened.
    localStorage.setItem("sc.renewed_at", "0");
  }
  const history = createMemoryHistory({ initialEntries: [address] });
  const { router, queryClient } = createApp(history);
  render(<App router={router} queryClient={queryClient} />);
  return { user: userEvent.setup(), address: () => history.location.href };
}
