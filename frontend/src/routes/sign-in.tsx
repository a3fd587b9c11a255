import { createFileRoute, redirect, stripSearchParams, useRouter } from "@tanstack/react-router";
import { z } from "zod/mini";
import { WHYS } from "@/features/auth/components/sign-in-reason";
import { SignInPage } from "@/features/auth/sign-in-page";
import { HOME, safeReturnPath } from "@/lib/return-path";
import { setSessionHint } from "@/lib/session-refresh";

/** A word of the server's. */
const word = z.optional(z.string().check(z.regex(/^[a-z][a-z0-9-]{0,39}$/)));

const search = z.object({
  next: z.catch(z.pipe(z.optional(z.string()), z.transform(safeReturnPath)), HOME),
  why: z.catch(z.optional(z.enum(WHYS)), undefined),
  /** The provider that led here. */
  via: z.catch(word, undefined),
  /** Why it did not sign anybody in. A text in the place of the word is not shown. */
  error: z.catch(word, "unrecognised"),
});

export const Route = createFileRoute("/sign-in")({
  validateSearch: search,
  search: { middlewares: [stripSearchParams({ next: HOME })] },
  beforeLoad: ({ search: { via, error, next } }) => {
    if (via === undefined || error !== undefined) return;
    // Signed in there: the cookies are set. If somebody only says so, the page behind asks and comes back here.
    setSessionHint(true);
    throw redirect({ href: next, replace: true });
  },
  component: SignInRoute,
});

function SignInRoute() {
  const { next, why, via, error } = Route.useSearch();
  const router = useRouter();
  return (
    <SignInPage
      why={why}
      next={next}
      refusal={error === undefined ? undefined : { code: error, via }}
      onSignedIn={() => router.history.replace(next)}
    />
  );
}
