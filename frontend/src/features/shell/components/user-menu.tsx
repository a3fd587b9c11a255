/** Who is signed in, in what role; theme; sign out. */
import { ChevronsUpDown, Keyboard, KeyRound, LogOut, MonitorSmartphone } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Menu, MenuChoices, MenuItem, MenuSeparator } from "@/components/ui/menu";
import type { FrameActions } from "@/features/shell/components/nav";
import { useThemeChoices } from "@/features/shell/components/use-theme-commands";
import { useSession } from "@/lib/access";
import { setTheme, useTheme } from "@/lib/theme";

const wideTrigger =
  "flex w-full items-center gap-2.5 rounded-md px-2 py-1.5 text-start hover:bg-surface-2 data-popup-open:bg-surface-2";

export function UserMenu({ wide, ...actions }: FrameActions & { wide?: boolean }) {
  const { t } = useTranslation();
  const { user } = useSession();
  const theme = useTheme();
  const choices = useThemeChoices();
  const initials = <Initials name={user.name} />;
  return (
    <Menu
      label={wide ? t("user.menu") : `${user.name}, ${t("user.menu")}`}
      side={wide ? "top" : "bottom"}
      triggerClass={wide ? wideTrigger : "rounded-full"}
      trigger={wide ? <WideTrigger name={user.name} role={user.role_label} /> : initials}
    >
      <div className="px-2 py-1.5">
        <p className="font-medium text-[0.8125rem]" data-testid="user-name">
          {user.name}
        </p>
        <p className="text-ink-2 text-xs">{user.role_label}</p>
        <p className="text-ink-2 text-xs">{user.email}</p>
      </div>
      <MenuSeparator />
      <MenuChoices label={t("theme.label")} value={theme} onChange={setTheme} choices={choices} />
      <MenuSeparator />
      <MenuItem icon={Keyboard} onSelect={actions.onShortcuts}>
        {t("palette.shortcuts")}
      </MenuItem>
      <MenuItem icon={KeyRound} onSelect={actions.onPassword}>
        {t("changePassword.title")}
      </MenuItem>
      <MenuItem icon={MonitorSmartphone} onSelect={actions.onSessions}>
        {t("user.sessions")}
      </MenuItem>
      <MenuItem icon={LogOut} onSelect={actions.onSignOut}>
        {t("user.signOut")}
      </MenuItem>
    </Menu>
  );
}

function WideTrigger({ name, role }: { name: string; role: string }) {
  return (
    <>
      <Initials name={name} />
      <span className="min-w-0 flex-1">
        <span className="block truncate font-medium text-[0.8125rem] leading-4">{name}</span>
        <span className="block truncate text-ink-2 text-xs">{role}</span>
      </span>
      <ChevronsUpDown aria-hidden className="size-3.5 text-ink-3" />
    </>
  );
}

/** Drawn by the style sheet: letters in the markup would count as a second name of the button. */
function Initials({ name }: { name: string }) {
  const words = name.split(/\s+/).filter(Boolean);
  const letters = [words.at(0), words.length > 1 ? words.at(-1) : undefined].map((word) => word?.[0] ?? "");
  return (
    <span
      aria-hidden
      data-initials={letters.join("")}
      className="grid size-8 shrink-0 place-items-center rounded-full bg-accent-soft font-semibold text-accent-text text-xs uppercase before:content-[attr(data-initials)]"
    />
  );
}
