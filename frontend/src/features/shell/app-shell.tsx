/** The frame around every page behind sign-in: navigation, account menu, palette, shortcuts. Knows no feature; commands are handed in. */
import { lazy, type ReactNode, Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { NavLinks, Sidebar } from "@/features/shell/components/nav";
import { TopBar } from "@/features/shell/components/top-bar";
import { useThemeCommands } from "@/features/shell/components/use-theme-commands";
import type { Command } from "@/lib/commands";
import { useFocusOnNavigation } from "@/lib/use-focus-on-navigation";
import { useHotkeys } from "@/lib/use-hotkeys";
import { useSessionKeepAlive } from "@/lib/use-session-keep-alive";

const Palette = lazy(() => import("@/features/shell/components/palette"));
const ShortcutSheet = lazy(() => import("@/features/shell/components/shortcut-sheet"));

interface AppShellProps {
  commands: Command[];
  onPassword: () => void;
  onSessions: () => void;
  onSignOut: () => void;
  /** What a command of the shell could not do. */
  notice: string | undefined;
  children: ReactNode;
}

type Overlay = "none" | "palette" | "shortcuts";

export function AppShell({ commands, notice, children, ...account }: AppShellProps) {
  const { t } = useTranslation();
  const [overlay, setOverlay] = useState<Overlay>("none");
  const themes = useThemeCommands();
  useSessionKeepAlive();
  useFocusOnNavigation("main");
  const all = useMemo(() => [...commands, ...themes], [commands, themes]);
  const bound = all.flatMap(({ keys, run }) => (keys ? [[keys, run] as const] : []));
  useHotkeys({
    ...Object.fromEntries(bound),
    "mod+k": () => setOverlay("palette"),
    "?": () => setOverlay("shortcuts"),
  });
  /** An overlay that has finished closing must not close the one that followed it. */
  const closed = (which: Overlay) => setOverlay((now) => (now === which ? "none" : now));
  const frame = {
    onPalette: () => setOverlay("palette"),
    onShortcuts: () => setOverlay("shortcuts"),
    ...account,
  };
  return (
    <div className="lg:grid lg:min-h-dvh lg:grid-cols-[14rem_minmax(0,1fr)]">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:fixed focus:start-3 focus:top-3 focus:z-50 focus:rounded-md focus:bg-accent focus:px-3 focus:py-2 focus:text-accent-ink"
      >
        {t("app.skip")}
      </a>
      <Sidebar {...frame} />
      <div className="min-w-0">
        <TopBar {...frame}>
          <NavLinks row />
        </TopBar>
        <main
          id="main"
          tabIndex={-1}
          className="mx-auto flex max-w-[90rem] flex-col gap-4 px-4 py-5 outline-hidden sm:px-6"
        >
          {notice && (
            <p role="alert" className="rounded-lg bg-bad-soft px-3 py-2 text-bad">
              {notice}
            </p>
          )}
          {children}
        </main>
      </div>
      <Suspense>
        {overlay === "palette" && (
          <Palette commands={all} onClose={() => closed("palette")} onShortcuts={frame.onShortcuts} />
        )}
        {overlay === "shortcuts" && <ShortcutSheet commands={all} onClose={() => closed("shortcuts")} />}
      </Suspense>
    </div>
  );
}
