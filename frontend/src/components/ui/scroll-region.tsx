/** A wide table scrolls in here, so that the page never does. Reachable and scrollable by keyboard. */
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

export function ScrollRegion({ label, children }: { label: string; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <section
      aria-label={t("state.tableOf", { label })}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must take the focus, or the keyboard cannot scroll it
      tabIndex={0}
      className="relative overflow-x-auto rounded-b-card"
    >
      {children}
    </section>
  );
}
