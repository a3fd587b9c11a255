import { useQueryClient } from "@tanstack/react-query";
import { createFileRoute, Outlet, redirect, useNavigate } from "@tanstack/react-router";
import { LogOut } from "lucide-react";
import { lazy, Suspense, useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSignOut } from "@/features/auth/api/sign-in";
import { AppShell } from "@/features/shell/app-shell";
import { PAGES } from "@/features/shell/pages";
import { useSyncCommands } from "@/features/sources/use-sync-commands";
import { sessionQuery, useSession } from "@/lib/access";
import type { Command } from "@/lib/commands";
import { ApiProblem } from "@/lib/problem";
import { HOME } from "@/lib/return-path";
import { hasSessionHint, setSessionHint } from "@/lib/session-refresh";

const ChangePasswordDialog = lazy(() => import("@/features/auth/change-password-dialog"));
const SessionsDialog = lazy(() => import("@/features/auth/sessions-dialog"));

export const Route = createFileRoute("/_app")({
  beforeLoad: async ({ context, location }) => {
    const signIn = (why: "required" | "expired" | undefined) =>
      redirect({ to: "/sign-in", search: { next: location.href, why }, replace: true });
    if (!hasSessionHint()) throw signIn(location.href === HOME ? undefined : "required");
    try {
      await context.queryClient.ensureQueryData(sessionQuery);
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.status !== 401) throw error;
      setSessionHint(false);
      throw signIn("expired");
    }
  },
  component: AppRoute,
});

function AppRoute() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [shown, setShown] = useState<"password" | "sessions">();
  const close = () => setShown(undefined);
  const toLake = useCallback(() => void navigate({ to: "/data-lake" }), [navigate]);
  const pages = usePageCommands();
  const syncs = useSyncCommands(toLake);
  const { command: leave, failed } = useSignOutCommand();
  const commands = useMemo(() => [...pages, ...syncs, leave], [pages, syncs, leave]);
  return (
    <AppShell
      commands={commands}
      onPassword={() => setShown("password")}
      onSessions={() => setShown("sessions")}
      onSignOut={leave.run}
      notice={failed ? t("user.signOutFailed") : undefined}
    >
      <Outlet />
      <Suspense>
        {shown === "password" && <ChangePasswordDialog onClosed={close} />}
        {shown === "sessions" && <SessionsDialog onClosed={close} />}
      </Suspense>
    </AppShell>
  );
}

function usePageCommands(): Command[] {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { permissions } = useSession().user;
  return useMemo(
    () =>
      PAGES.filter(({ needs }) => permissions.includes(needs)).map(({ to, name, keys, icon }) => ({
        id: name,
        group: "go",
        label: t("palette.goTo", { page: t(`nav.${name}`) }),
        keys,
        icon,
        run: () => void navigate({ to }),
      })),
    [navigate, permissions, t],
  );
}

function useSignOutCommand(): { command: Command; failed: boolean } {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const { mutate, isError } = useSignOut();
  const command = useMemo<Command>(
    () => ({
      id: "sign-out",
      group: "do",
      label: t("user.signOut"),
      icon: LogOut,
      run: () =>
        mutate(undefined, {
          onSuccess: async (elsewhere) => {
            if (elsewhere) return location.assign(elsewhere);
            await navigate({ to: "/sign-in", search: { why: "signed-out" } });
            queryClient.clear();
          },
        }),
    }),
    [mutate, navigate, queryClient, t],
  );
  return { command, failed: isError };
}
