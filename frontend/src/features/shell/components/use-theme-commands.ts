/** The three themes, as menu choices and as palette commands. */
import { type LucideIcon, Monitor, Moon, Sun } from "lucide-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Command } from "@/lib/commands";
import { setTheme, THEMES, type Theme } from "@/lib/theme";

const ICONS: Record<Theme, LucideIcon> = { light: Sun, dark: Moon, system: Monitor };

export function useThemeChoices(): { value: Theme; label: string; icon: LucideIcon }[] {
  const { t } = useTranslation();
  return THEMES.map((value) => ({ value, label: t(`theme.${value}`), icon: ICONS[value] }));
}

export function useThemeCommands(): Command[] {
  const { t } = useTranslation();
  return useMemo(
    () =>
      THEMES.map((theme) => ({
        id: `theme-${theme}`,
        group: "theme",
        label: t("palette.setTheme", { theme: t(`theme.${theme}`) }),
        icon: ICONS[theme],
        run: () => setTheme(theme),
      })),
    [t],
  );
}
