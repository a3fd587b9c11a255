/** Main navigation: a sidebar on wide screens, a row of links on narrow ones. Pages the reader may not open are left out. */
import { Link } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Brand } from "@/components/ui/brand";
import { Kbd } from "@/components/ui/kbd";
import { UserMenu } from "@/features/shell/components/user-menu";
import { PAGES } from "@/features/shell/pages";
import { useSession } from "@/lib/access";
import { cn } from "@/lib/cn";

export interface FrameActions {
  onPalette: () => void;
  onShortcuts: () => void;
  onPassword: () => void;
  onSessions: () => void;
  onSignOut: () => void;
}

export function NavLinks({ row }: { row?: boolean }) {
  const { t } = useTranslation();
  const { permissions } = useSession().user;
  const link =
    "flex h-8 items-center gap-2.5 rounded-md px-2.5 text-[0.8125rem] text-ink-2 hover:bg-surface-2 hover:text-ink aria-[current=page]:bg-accent-soft aria-[current=page]:font-medium aria-[current=page]:text-accent-text";
  return (
    <nav aria-label={t("nav.label")}>
      <ul className={cn("flex gap-0.5", row ? "flex-wrap" : "flex-col")}>
        {PAGES.filter(({ needs }) => permissions.includes(needs)).map(({ to, name, icon: Icon }) => (
          <li key={name}>
            <Link to={to} activeOptions={{ exact: true, includeSearch: false }} className={link}>
              <Icon aria-hidden className="size-4" strokeWidth={1.75} />
              {t(`nav.${name}`)}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

export function Sidebar(actions: FrameActions) {
  const { t } = useTranslation();
  return (
    <header
      data-print="hide"
      className="sticky top-0 hidden h-dvh flex-col gap-5 border-line border-e bg-surface px-3 py-4 lg:flex"
    >
      <div className="px-2">
        <Brand />
      </div>
      <button
        type="button"
        onClick={actions.onPalette}
        className="flex h-8 items-center gap-2 rounded-md border border-line bg-canvas px-2.5 text-[0.8125rem] text-ink-2 hover:border-line-strong"
      >
        <Search aria-hidden className="size-3.5" />
        <span className="min-w-0 flex-1 truncate text-start">{t("palette.short")}</span>
        <Kbd keys="mod+k" />
      </button>
      <NavLinks />
      <div className="mt-auto">
        <UserMenu {...actions} wide />
      </div>
    </header>
  );
}
