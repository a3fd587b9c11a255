/** The head of narrow screens: brand, palette, account, and the navigation below. */
import { Search } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Brand } from "@/components/ui/brand";
import { Button } from "@/components/ui/button";
import type { FrameActions } from "@/features/shell/components/nav";
import { UserMenu } from "@/features/shell/components/user-menu";

export function TopBar({ children, ...actions }: FrameActions & { children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <header data-print="hide" className="border-line border-b bg-surface px-3 pt-3 pb-2 lg:hidden">
      <div className="mb-2 flex items-center justify-between gap-2 ps-1">
        <Brand />
        <div className="flex items-center gap-1">
          <Button look="ghost" size="icon" aria-label={t("palette.open")} onClick={actions.onPalette}>
            <Search aria-hidden className="size-4" />
          </Button>
          <UserMenu {...actions} />
        </div>
      </div>
      {children}
    </header>
  );
}
