/** The command palette: type, arrow, Enter. Base UI's Autocomplete inside a Dialog; loaded on first use. */
import { Autocomplete } from "@base-ui/react/autocomplete";
import { Keyboard, Search } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Dialog, DialogClose } from "@/components/ui/dialog";
import { Kbd } from "@/components/ui/kbd";
import type { Command } from "@/lib/commands";

interface PaletteProps {
  commands: Command[];
  onClose: () => void;
  onShortcuts: () => void;
}

interface Group {
  value: string;
  items: Command[];
}

const ORDER = ["go", "do", "theme"] as const;

export default function Palette({ commands, onClose, onShortcuts }: PaletteProps) {
  const { t } = useTranslation();
  const groups = useMemo<Group[]>(() => {
    const sheet: Command = {
      id: "shortcuts",
      group: "do",
      label: t("palette.shortcuts"),
      keys: "?",
      icon: Keyboard,
      run: onShortcuts,
    };
    const all = [...commands, sheet];
    return ORDER.map((group) => ({
      value: t(`palette.groups.${group}`),
      items: all.filter((c) => c.group === group),
    }));
  }, [commands, onShortcuts, t]);
  const [open, setOpen] = useState(true);
  const ran = useRef<Command["group"]>(undefined);
  const run = (command: Command) => {
    ran.current = command.group;
    setOpen(false);
    command.run();
  };
  return (
    <Dialog
      open={open}
      onOpenChange={setOpen}
      onClosed={onClose}
      label={t("palette.title")}
      finalFocus={() => ran.current !== "go"}
      className="max-w-lg"
    >
      <Autocomplete.Root
        open
        inline
        items={groups}
        itemToStringValue={(command: Command) => command.label}
        autoHighlight="always"
        keepHighlight
      >
        <div className="flex items-center gap-2.5 border-line border-b ps-4">
          <Search aria-hidden className="size-4 shrink-0 text-ink-3" />
          <Autocomplete.Input
            aria-label={t("palette.input")}
            placeholder={t("palette.placeholder")}
            className="h-12 min-w-0 flex-1 bg-transparent text-base outline-hidden placeholder:text-ink-3 sm:text-sm"
          />
          <DialogClose className="me-2 rounded-md p-1.5 text-ink-2 text-xs hover:bg-surface-2">
            <Kbd keys="Esc" />
            <span className="sr-only">{t("palette.close")}</span>
          </DialogClose>
        </div>
        <Autocomplete.Empty>
          <p className="px-4 py-6 text-center text-ink-2 empty:hidden">{t("palette.none")}</p>
        </Autocomplete.Empty>
        <Autocomplete.List className="max-h-[min(50dvh,24rem)] overflow-y-auto overscroll-contain p-1.5 outline-hidden data-empty:p-0">
          {(group: Group) => (
            <Autocomplete.Group key={group.value} items={group.items} className="pb-1">
              <Autocomplete.GroupLabel className="eyebrow px-2.5 py-1.5">
                {group.value}
              </Autocomplete.GroupLabel>
              <Autocomplete.Collection>
                {(command: Command) => <PaletteItem key={command.id} command={command} onRun={run} />}
              </Autocomplete.Collection>
            </Autocomplete.Group>
          )}
        </Autocomplete.List>
        <p className="border-line border-t px-4 py-2 text-ink-3 text-xs">{t("palette.hint")}</p>
      </Autocomplete.Root>
    </Dialog>
  );
}

function PaletteItem({ command, onRun }: { command: Command; onRun: (command: Command) => void }) {
  const { icon: Icon, label, keys } = command;
  return (
    <Autocomplete.Item
      value={command}
      onClick={() => onRun(command)}
      className="flex h-9 cursor-default items-center gap-2.5 rounded-md px-2.5 text-[0.8125rem] outline-hidden select-none data-highlighted:bg-accent-soft data-highlighted:text-accent-text"
    >
      <Icon aria-hidden className="size-4 shrink-0 opacity-70" />
      <span className="min-w-0 flex-1 truncate">{label}</span>
      {keys && <Kbd keys={keys} />}
    </Autocomplete.Item>
  );
}
