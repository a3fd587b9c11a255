import { createFileRoute, stripSearchParams, useRouter } from "@tanstack/react-router";
import { z } from "zod/mini";
import { WHYS } from "@/features/auth/components/sign-in-reason";
import { SignInPage } from "@/features/auth/sign-in-page";
import { HOME, safeReturnPath } from "@/lib/return-path";

const search = z.object({
  next: z.catch(z.pipe(z.optional(z.string()), z.transform(safeReturnPath)), HOME),
  why: z.catch(z.optional(z.enum(WHYS)), undefined),
});

export const Route = createFileRoute("/sign-in")({
  validateSearch: search,
  search: { middlewares: [stripSearchParams({ next: HOME })] },
  component: SignInRoute,
});

function SignInRoute() {
  const { next, why } = Route.useSearch();
  const router = useRouter();
  return <SignInPage why={why} onSignedIn={() => router.history.replace(next)} />;
}
